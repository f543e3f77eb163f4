"""The simulated exchange's REST side on loopback: just enough HTTP for the clients that we know."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from marketdata.simulation.faults import CALM, Plan
from marketdata.simulation.faulty_rest import JSON, Answer, FaultyRestSide
from marketdata.simulation.market import SimulatedMarket
from marketdata.simulation.rest import RestSide

_PREFIX = "/0/public/"
_LARGEST_HEAD = 16_384  # bytes
_IDLE_S = 60.0
_LINE = "\r\n"


@contextlib.asynccontextmanager
async def serve_rest(
    seed: int, *, clock: Callable[[], int] = time.time_ns, port: int = 0, faults: Plan = CALM
) -> AsyncIterator[str]:
    """Serve the past and the present of the market of ``seed``; yield the base URL."""
    # Its own market: the socket's is used by another thread.
    side = FaultyRestSide(RestSide(SimulatedMarket(seed)), faults, clock())
    worker = ThreadPoolExecutor(1, thread_name_prefix="simulated-rest")

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Cancelled when the exchange closes: asyncio would report that as an error.
        with contextlib.suppress(ConnectionError, TimeoutError, asyncio.CancelledError):
            while head := await asyncio.wait_for(_head(reader), _IDLE_S):
                writer.write(_response(await _answer(side, worker, head, clock)))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", port, limit=_LARGEST_HEAD)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        worker.shutdown(wait=False, cancel_futures=True)


async def _head(reader: asyncio.StreamReader) -> bytes:
    """Return a request's line and headers; empty when the client has left, or talks nonsense."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return b""


async def _answer(side: FaultyRestSide, worker: ThreadPoolExecutor, head: bytes, clock: Callable[[], int]) -> Answer:
    method, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
    target = urlsplit(rest.partition(" ")[0])
    if method != "GET" or not target.path.startswith(_PREFIX):
        return Answer(HTTPStatus.NOT_FOUND, JSON, b'{"error":["EGeneral:Unknown method"]}')
    about = dict(parse_qsl(target.query))
    # Ten days of candles take a second or two: beside the event loop.
    answer = partial(side.answer, target.path.removeprefix(_PREFIX), about, clock())
    return await asyncio.get_running_loop().run_in_executor(worker, answer)


def _response(answer: Answer) -> bytes:
    phrase = HTTPStatus(answer.status).phrase if answer.status in set(HTTPStatus) else "Unknown"
    head = (
        f"HTTP/1.1 {answer.status} {phrase}\r\nContent-Type: {answer.content_type}\r\n"
        f"{f'Content-Encoding: {answer.encoding}{_LINE}' if answer.encoding else ''}"
        f"Content-Length: {len(answer.body)}\r\nConnection: keep-alive\r\n\r\n"
    )
    return head.encode() + answer.body
