"""What is kept for a while instead of being computed anew; without Redis it is computed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from django.core.cache import cache
from redis.exceptions import RedisError

R = TypeVar("R")
_log = logging.getLogger(__name__)


def kept(key: str, compute: Callable[[], R], for_s: int) -> R:
    """Return the value that is kept under ``key``, or the one computed now, kept for so many seconds."""
    try:
        found: R | None = cache.get(key)
    except RedisError as error:
        _log.warning("nothing is kept, %s is computed: %s", key, error)
        return compute()
    if found is None:
        found = compute()
        try:
            cache.set(key, found, for_s)
        except RedisError as error:
            _log.warning("%s is not kept: %s", key, error)
    return found
