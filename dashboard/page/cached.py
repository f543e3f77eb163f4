"""Figures that all readers share for some seconds, kept as data and read back as what they were."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import msgspec
from django.core.cache import cache
from redis.exceptions import RedisError

Value = TypeVar("Value")
_log = logging.getLogger(__name__)


def cached(key: str, kind: Any, compute: Callable[[], Value], seconds: float) -> Value:
    """Return what ``compute`` returned within the last seconds, here or in another process; without Redis compute it.

    ``kind`` is the type that it is read back as; what is none of that type is computed again.
    """
    name = key.replace(" ", "-")
    try:
        kept = cache.get(name)
    except RedisError as error:
        _log.warning("%s is computed, since the cache does not answer: %s", name, error)
        return compute()
    if isinstance(kept, bytes):
        # What does not fit is of another version of this code.
        with suppress(msgspec.MsgspecError):
            found: Value = msgspec.msgpack.decode(kept, type=kind)
            return found
    value = compute()
    with suppress(RedisError):
        cache.set(name, msgspec.msgpack.encode(value), seconds)
    return value
