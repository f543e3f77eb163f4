"""The threads in which pages are read and drawn: none of these readings holds up another, nor a reader at the door."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from channels.db import database_sync_to_async

R = TypeVar("R")
PAGES = ThreadPoolExecutor(1, thread_name_prefix="pages")
FILLS = ThreadPoolExecutor(1, thread_name_prefix="fills")
STATES = ThreadPoolExecutor(1, thread_name_prefix="states")  # of the stream


async def read_in(thread: ThreadPoolExecutor, read: Callable[[], R]) -> R:
    """Return the result of ``read``; its connection to the database is given back."""
    found: R = await database_sync_to_async(read, thread_sensitive=False, executor=thread)()
    return found


async def all_idle(*threads: ThreadPoolExecutor) -> None:
    """Wait until what was begun has ended: a thread cannot be cancelled, it ends what it was reading."""
    for thread in threads:
        await read_in(thread, _nothing)


def _nothing() -> None:
    """Once it has run, everything queued before it has run, too."""
