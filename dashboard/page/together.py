"""Readers who request the same at the same time share one drawing of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

R = TypeVar("R")


class Together(Generic[R]):
    """Runs no work twice at a time: a big page that a hundred readers open at once is drawn a few times, not a hundred.

    Who comes while it is drawn gets what is being drawn, so it is as old as one drawing takes, at most.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[Hashable, Future[R]] = {}

    def run(self, key: Hashable, work: Callable[[], R]) -> R:
        """Return the result of ``work``, or of the same work that is under way.

        An error is nobody else's: whoever drew may have been interrupted because their own reader left.
        """
        with self._lock:
            running = self._running.get(key)
        if running is not None:
            try:
                return running.result()
            except Exception:
                return work()
        mine: Future[R] = Future()
        with self._lock:
            self._running.setdefault(key, mine)
        try:
            mine.set_result(work())
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            with self._lock:
                if self._running.get(key) is mine:
                    del self._running[key]
        return mine.result()
