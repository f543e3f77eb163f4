"""The threads in which requests are worked on: there are only so many, and none keeps a connection from the others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import psycopg
from django.db import OperationalError, close_old_connections, connection, connections

R = TypeVar("R")
CANCEL_WITHIN_S = 2.0
_log = logging.getLogger(__name__)


class ReturningExecutor(ThreadPoolExecutor):
    """Gives the database connection back after each call, in its own thread: whatever became of who awaits it."""

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        """Run a call in one of the threads."""
        return super().submit(_returning, fn, *args, **kwargs)


def _returning(fn: Callable[..., R], *args: Any, **kwargs: Any) -> R:
    try:
        return fn(*args, **kwargs)
    except StopIteration as error:
        raise _ended(error) from error
    finally:
        connections.close_all()


def _ended(error: StopIteration) -> RuntimeError:
    """Return what is raised instead: no future takes a StopIteration, whoever awaits it would wait for ever."""
    return RuntimeError(f"an iterator ended where a value was expected: {error!r}")


class RequestThread(ThreadPoolExecutor):
    """One thread, for one request at a time. Its connection is kept for the next one, and checked before its use."""

    def __init__(self) -> None:
        super().__init__(max_workers=1, thread_name_prefix="request")
        self._is_over = False
        self._running: psycopg.Connection[Any] | None = None

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        """Run a part of the request."""
        return super().submit(self._run, fn, *args, **kwargs)

    def begin(self) -> None:
        """Take on a request."""
        self._is_over = False

    def interrupt(self) -> None:
        """End the request at its next statement, and the statement that runs: nobody waits for them any more."""
        self._is_over = True
        if running := self._running:
            asyncio.get_running_loop().run_in_executor(None, _cancel, running)

    async def until_idle(self) -> None:
        """Wait until all that was begun has ended: a thread cannot be cancelled."""
        await asyncio.shield(asyncio.wrap_future(super().submit(_nothing)))

    def _run(self, fn: Callable[..., R], *args: Any, **kwargs: Any) -> R:
        try:
            with connection.execute_wrapper(self._execute_in_time):
                return fn(*args, **kwargs)
        except StopIteration as error:
            raise _ended(error) from error
        finally:
            close_old_connections()

    def _execute_in_time(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if self._is_over:
            raise OperationalError("the time of this request is over: no further statement is executed")
        self._running = context["connection"].connection
        try:
            return execute(sql, params, many, context)
        finally:
            self._running = None


def _nothing() -> None:
    """Once it has run, everything submitted before it has run, too."""


def _cancel(running: psycopg.Connection[Any]) -> None:
    try:
        running.cancel_safe(timeout=CANCEL_WITHIN_S)
    except psycopg.Error as error:
        _log.warning("a statement could not be cancelled, it ends by its own time limit: %s", error)
