"""Each request has its turn: a thread of its own for a limited time, however many come, whenever readers leave."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any
from weakref import WeakKeyDictionary

from asgiref.sync import ThreadSensitiveContext

from tradingsite.web.refusals import MOST_BODY_BYTES, TOO_LARGE, refusal
from tradingsite.web.threads import RequestThread, ReturningExecutor

WAIT_S = 10.0  # for a thread
MOST_WAITING = 200  # for a thread; more are refused at once
BESIDES = 4  # threads for what belongs to no request: log lines, cancelled statements
_READ_ONLY = {"GET", "HEAD", "OPTIONS"}
_LEFT = {"type": "http.disconnect"}

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
_log = logging.getLogger(__name__)


class Turns:
    """The HTTP application in so many threads, each request answered within ``limit_s`` or by a 503."""

    def __init__(
        self, application: Application, *, threads: int, limit_s: float, note: Callable[[str, int], None]
    ) -> None:
        """``note`` takes method and status of each request that is answered here."""
        self._application = application
        self._threads = threads
        self._limit_s = limit_s
        self._note = note
        self._free: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.LifoQueue[RequestThread]] = WeakKeyDictionary()
        self._waiting = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        body = await _body_of(receive)
        if body is None:
            return
        if len(body) > MOST_BODY_BYTES:
            await self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE, scope, send)
            return
        leaving = asyncio.ensure_future(_departure(receive))
        try:
            thread = await self._thread(leaving)
            if thread is not None:
                await self._serve(thread, _Request(scope, body, leaving, send))
            elif not leaving.done():
                detail = "too many requests are being worked on; try again in a few seconds"
                await self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, detail, scope, send)
        finally:
            leaving.cancel()

    async def _thread(self, leaving: asyncio.Future[Message]) -> RequestThread | None:
        """Return a free thread; None when the reader leaves or none becomes free in time."""
        free = self._threads_here()
        if not free.empty():
            return free.get_nowait()
        if self._waiting >= MOST_WAITING:
            return None
        self._waiting += 1
        turn = asyncio.ensure_future(free.get())
        thread = None
        try:
            events: set[asyncio.Future[Any]] = {turn, leaving}
            await asyncio.wait(events, timeout=WAIT_S, return_when=asyncio.FIRST_COMPLETED)
            thread = turn.result() if turn.done() and not leaving.done() else None
        finally:
            self._waiting -= 1
            if thread is None and turn.done():
                free.put_nowait(turn.result())
            turn.cancel()
        return thread

    async def _serve(self, thread: RequestThread, request: _Request) -> None:
        thread.begin()
        work = asyncio.create_task(self._work(thread, request))
        self._tasks.add(work)
        work.add_done_callback(self._tasks.discard)
        request.leaving.add_done_callback(lambda _: self._leave(thread, request, work))
        try:
            done, _ = await asyncio.wait({work}, timeout=self._limit_s)
        except asyncio.CancelledError:  # the server's patience with a reader who has left: the work ends by itself
            self._leave(thread, request, work)
            raise
        if done:
            work.result()
        elif request.is_answered:  # a long answer is being sent
            await asyncio.shield(work)
        else:
            request.is_answered = True  # whatever the page still sends comes too late
            thread.interrupt()
            request.left.set()
            _log.warning("no answer within %g s: %s %s", self._limit_s, request.scope["method"], request.path)
            detail = f"there is no answer within {self._limit_s:g} s; the server is busy or its database is slow"
            await self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, detail, request.scope, request.send)

    def _leave(self, thread: RequestThread, request: _Request, work: asyncio.Task[None]) -> None:
        """Read no further for a reader who has left; a change is made, whether or not its sender waits."""
        request.left.set()
        if not work.done() and request.scope["method"] in _READ_ONLY:
            thread.interrupt()

    async def _work(self, thread: RequestThread, request: _Request) -> None:
        try:
            async with ThreadSensitiveContext(executor=thread):
                await self._application(request.scope, request.receive, request.send_unless_late)
        finally:
            await thread.until_idle()
            self._threads_here().put_nowait(thread)

    def _threads_here(self) -> asyncio.LifoQueue[RequestThread]:
        loop = asyncio.get_running_loop()
        if loop not in self._free:
            # Error pages and log lines: in threads that Django takes from the loop.
            loop.set_default_executor(ReturningExecutor(BESIDES, thread_name_prefix="besides"))
            self._free[loop] = asyncio.LifoQueue()
            for _ in range(self._threads):
                self._free[loop].put_nowait(RequestThread())
        return self._free[loop]

    async def _refuse(self, status: HTTPStatus, detail: str, scope: Scope, send: Send) -> None:
        headers, body = refusal(status, detail, scope["path"])
        self._note(scope["method"], status)
        await send({"type": "http.response.start", "status": int(status), "headers": headers})
        await send({"type": "http.response.body", "body": body})


class _Request:
    """One request, its body read."""

    def __init__(self, scope: Scope, body: bytes, leaving: asyncio.Future[Message], send: Send) -> None:
        self.scope, self.leaving, self.send = scope, leaving, send
        self.left = asyncio.Event()  # nobody waits for the answer, or it comes too late
        self.is_answered = False
        self._is_late = False
        self._body: bytes | None = body

    @property
    def path(self) -> str:
        """Its address, without what was asked."""
        return str(self.scope["path"])

    async def receive(self) -> Message:
        """Return the body, then that the reader has left."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self.left.wait()
        return _LEFT

    async def send_unless_late(self, message: Message) -> None:
        """Pass a part of the answer on, unless the request was answered here."""
        if message["type"] == "http.response.start":
            self._is_late, self.is_answered = self.is_answered, True
        if not self._is_late:
            await self.send(message)


async def _body_of(receive: Receive) -> bytes | None:
    """Return the whole body; only the beginning of one that is too large; None when the sender leaves."""
    parts, size = [], 0
    while size <= MOST_BODY_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        parts.append(part)
        size += len(part)
        if not message.get("more_body", False):
            break
    return b"".join(parts)


async def _departure(receive: Receive) -> Message:
    while (message := await receive())["type"] != "http.disconnect":
        pass
    return message
