"""The simulated exchange behind a WebSocket on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from marketdata.simulation.faults import CALM, Plan
from marketdata.simulation.faulty import Closing, FaultyConnection, FaultyExchange, Sent
from marketdata.simulation.market import SimulatedMarket

SEND_EVERY_S = 0.05
MAX_BACKLOG = 20_000  # messages that a slow client may be behind
_TRY_AGAIN_LATER = 1013
_INTERNAL_ERROR = 1011

_log = logging.getLogger("feed")

Clock = Callable[[], int]


@contextlib.asynccontextmanager
async def serve_simulation(
    seed: int, *, clock: Clock = time.time_ns, port: int = 0, faults: Plan = CALM
) -> AsyncIterator[str]:
    """Serve the market of ``seed`` as it is at ``clock``; yield the URL."""
    exchange = FaultyExchange(SimulatedMarket(seed), faults, clock())

    def refuse(socket: ServerConnection, _request: Request) -> Response | None:
        exchange.advance(clock())
        return socket.respond(HTTPStatus.SERVICE_UNAVAILABLE, "") if exchange.is_away() else None

    async def handle(socket: ServerConnection) -> None:
        await _Connection(socket, FaultyConnection(exchange, clock()), clock).run()

    async with serve(handle, "127.0.0.1", port, compression=None, ping_interval=None, process_request=refuse) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


class _Connection:
    """Carries one session's messages, in their order."""

    def __init__(self, socket: ServerConnection, connection: FaultyConnection, clock: Clock) -> None:
        self._socket = socket
        self._connection = connection
        self._clock = clock
        self._outbox: deque[Sent] = deque(connection.greeting(clock()))
        self._is_waiting = asyncio.Event()
        self._is_waiting.set()

    async def run(self) -> None:
        """Send and receive until the client leaves."""
        works = [asyncio.create_task(work) for work in (self._send(), self._advance())]
        try:
            async for message in self._socket:
                received = message.encode() if isinstance(message, str) else message
                self._put(self._connection.receive(received, self._clock()))
        except ConnectionClosed:
            pass
        finally:
            for work in works:
                work.cancel()
            for error in await asyncio.gather(*works, return_exceptions=True):
                if isinstance(error, Exception) and not isinstance(error, ConnectionClosed):
                    _log.error("the simulated exchange failed", exc_info=error)

    def _put(self, messages: list[Sent]) -> None:
        if messages:
            self._outbox.extend(messages)
            self._is_waiting.set()

    async def _advance(self) -> None:
        try:
            await self._advance_with_time()
        except Exception:
            await self._socket.close(_INTERNAL_ERROR)  # the client notices at once; `run` logs why
            raise

    async def _advance_with_time(self) -> None:
        while True:
            await asyncio.sleep(SEND_EVERY_S)
            self._put(self._connection.advance(self._clock()))
            if (closing := self._connection.closing) is not None:
                await self._leave(closing)
            if len(self._outbox) > MAX_BACKLOG:
                await self._socket.close(_TRY_AGAIN_LATER, "Market data unavailable")

    async def _send(self) -> None:
        while True:
            await self._is_waiting.wait()
            self._is_waiting.clear()
            while self._outbox:
                payload, is_text = self._outbox.popleft()
                await self._socket.send(payload, text=is_text)

    async def _leave(self, closing: Closing) -> None:
        if closing.code:
            await self._socket.close(closing.code, closing.reason)
        else:
            self._socket.transport.abort()
