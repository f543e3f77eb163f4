"""The simulated exchange: its conversations behind a WebSocket on loopback."""

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
from marketdata.simulation.faulty import Farewell, FaultyConversation, FaultyExchange, Told
from marketdata.simulation.market import SimulatedMarket

TELL_EVERY_S = 0.05
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
        await _Connection(socket, FaultyConversation(exchange, clock()), clock).run()

    async with serve(handle, "127.0.0.1", port, compression=None, ping_interval=None, process_request=refuse) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


class _Connection:
    """Carries one conversation's words, in the order in which they were said."""

    def __init__(self, socket: ServerConnection, conversation: FaultyConversation, clock: Clock) -> None:
        self._socket = socket
        self._conversation = conversation
        self._clock = clock
        self._outbox: deque[Told] = deque(conversation.greeting(clock()))
        self._is_waiting = asyncio.Event()
        self._is_waiting.set()

    async def run(self) -> None:
        """Talk until the client leaves."""
        works = [asyncio.create_task(work) for work in (self._send(), self._tell())]
        try:
            async for message in self._socket:
                heard = message.encode() if isinstance(message, str) else message
                self._say(self._conversation.receive(heard, self._clock()))
        except ConnectionClosed:
            pass
        finally:
            for work in works:
                work.cancel()
            for error in await asyncio.gather(*works, return_exceptions=True):
                if isinstance(error, Exception) and not isinstance(error, ConnectionClosed):
                    _log.error("the simulated exchange failed", exc_info=error)

    def _say(self, messages: list[Told]) -> None:
        if messages:
            self._outbox.extend(messages)
            self._is_waiting.set()

    async def _tell(self) -> None:
        try:
            await self._tell_on()
        except Exception:
            await self._socket.close(_INTERNAL_ERROR)  # the client is told at once; `run` says why
            raise

    async def _tell_on(self) -> None:
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            self._say(self._conversation.advance(self._clock()))
            if (farewell := self._conversation.farewell) is not None:
                await self._leave(farewell)
            if len(self._outbox) > MAX_BACKLOG:
                await self._socket.close(_TRY_AGAIN_LATER, "Market data unavailable")

    async def _send(self) -> None:
        while True:
            await self._is_waiting.wait()
            self._is_waiting.clear()
            while self._outbox:
                payload, is_text = self._outbox.popleft()
                await self._socket.send(payload, text=is_text)

    async def _leave(self, farewell: Farewell) -> None:
        if farewell.code:
            await self._socket.close(farewell.code, farewell.reason)
        else:
            self._socket.transport.abort()
