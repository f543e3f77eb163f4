"""Figures that all readers share for some seconds, kept as data and read back as what they were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from django.core.cache import cache

Value = TypeVar("Value")


def cached(key: str, kind: Any, compute: Callable[[], Value], seconds: float) -> Value:
    """Return what ``compute`` returned within the last seconds, here or in another process.

    ``kind`` is the type that it is read back as; what is none of that type is computed again.
    """
    name = key.replace(" ", "-")
    kept = cache.get(name)
    if isinstance(kept, bytes):
        try:
            found: Value = msgspec.msgpack.decode(kept, type=kind)
            return found
        except msgspec.MsgspecError:
            cache.delete(name)  # of another version of this code
    value = compute()
    cache.set(name, msgspec.msgpack.encode(value), seconds)
    return value
