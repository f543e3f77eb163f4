"""Requests have their turn: so many at a time, each for so long, none for a reader who has left."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from tradingsite.web.refusals import MOST_BODY_BYTES
from tradingsite.web.turns import Turns

WITHIN_S = 20


class Page:
    """An application whose view takes as long as the test wants, in the thread of its request."""

    def __init__(self) -> None:
        self.may_end, self.begun, self.bodies = threading.Event(), 0, []
        self.may_end.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.bodies.append((await receive())["body"])
        await sync_to_async(self._view)(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"shown"})

    def _view(self, path: str) -> None:
        self.begun += 1
        if path == "/ended-iterator/":
            next(iter([]))
        assert self.may_end.wait(WITHIN_S)


class Reader:
    """Somebody who requests a page."""

    def __init__(self, application: Any, path: str = "/", method: str = "GET", body: bytes = b"") -> None:
        self.sent: list[dict[str, Any]] = []
        self._received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._received.put_nowait({"type": "http.request", "body": body, "more_body": False})
        scope = {"type": "http", "method": method, "path": path}
        self.answered = asyncio.create_task(application(scope, self._received.get, self._send))

    async def _send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    def leave(self) -> None:
        self._received.put_nowait({"type": "http.disconnect"})

    async def status(self) -> int:
        await asyncio.wait_for(self.answered, WITHIN_S)
        status: int = self.sent[0]["status"]
        return status


def turns(page: Page, *, limit_s: float = WITHIN_S, refused: list[int] | None = None) -> Turns:
    noted = [] if refused is None else refused
    return Turns(page, threads=2, limit_s=limit_s, note=lambda _method, status: noted.append(status))


async def until(condition: Any) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not condition():  # noqa: ASYNC110 - a thread sets it
            await asyncio.sleep(0.01)


async def test_no_more_requests_are_worked_on_than_there_are_threads():
    page = Page()
    page.may_end.clear()
    application = turns(page)
    readers = [Reader(application) for _ in range(5)]
    await until(lambda: page.begun == 2)
    await asyncio.sleep(0.05)
    at_once = page.begun
    page.may_end.set()

    assert [await reader.status() for reader in readers] == [200] * 5
    assert at_once == 2


async def test_who_left_while_waiting_takes_nobodys_turn():
    page = Page()
    page.may_end.clear()
    application = turns(page)
    working = [Reader(application) for _ in range(2)]
    await until(lambda: page.begun == 2)
    gone = [Reader(application) for _ in range(3)]
    for reader in gone:
        reader.leave()
    await asyncio.wait_for(asyncio.gather(*(reader.answered for reader in gone)), WITHIN_S)
    page.may_end.set()

    assert [await reader.status() for reader in (*working, Reader(application))] == [200] * 3
    assert page.begun == 3
    assert [reader.sent for reader in gone] == [[], [], []]


async def test_without_an_answer_in_time_the_reader_gets_a_503_and_the_thread_comes_back():
    page, refused = Page(), []
    page.may_end.clear()
    application = turns(page, limit_s=0.1, refused=refused)
    readers = [Reader(application) for _ in range(2)]

    statuses = [await reader.status() for reader in readers]
    page.may_end.set()

    assert (statuses, refused) == ([503, 503], [503, 503])
    assert [await Reader(application).status() for _ in range(4)] == [200] * 4
    assert [message["type"] for message in readers[0].sent] == ["http.response.start", "http.response.body"]


async def test_a_request_that_the_server_drops_keeps_no_thread():
    page = Page()
    page.may_end.clear()
    application = turns(page)
    readers = [Reader(application) for _ in range(2)]
    await until(lambda: page.begun == 2)
    for reader in readers:
        reader.leave()
        reader.answered.cancel()
    await asyncio.gather(*(reader.answered for reader in readers), return_exceptions=True)
    page.may_end.set()

    assert [await Reader(application).status() for _ in range(4)] == [200] * 4


async def test_an_iterator_that_ends_in_a_view_is_an_error_not_a_silence():
    with pytest.raises(RuntimeError, match="an iterator ended"):
        await Reader(turns(Page()), "/ended-iterator/").status()


async def test_a_body_above_the_limit_reaches_no_page():
    page = Page()
    too_large = await Reader(turns(page), "/api/v1/x/", "POST", b"x" * (MOST_BODY_BYTES + 1)).status()
    within = await Reader(turns(page), "/api/v1/x/", "POST", b"x" * MOST_BODY_BYTES).status()

    assert (too_large, within) == (413, 200)
    assert page.bodies == [b"x" * MOST_BODY_BYTES]
