"""The simulated exchange: sessions behind a WebSocket on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from marketdata.simulation.market import SimulatedMarket
from marketdata.simulation.session import Session

TELL_EVERY_S = 0.05
MAX_BACKLOG = 20_000  # messages that a slow client may be behind
_TRY_AGAIN_LATER = 1013
_INTERNAL_ERROR = 1011

_log = logging.getLogger("feed")

Clock = Callable[[], int]


@contextlib.asynccontextmanager
async def serve_simulation(seed: int, *, clock: Clock = time.time_ns, port: int = 0) -> AsyncIterator[str]:
    """Serve the market of ``seed`` as it is at ``clock``; yield the URL."""
    market = SimulatedMarket(seed)

    async def handle(socket: ServerConnection) -> None:
        await _Conversation(socket, Session(market, clock()), clock).run()

    async with serve(handle, "127.0.0.1", port, compression=None, ping_interval=None) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


class _Conversation:
    """Carries one session's words, in the order in which they were said."""

    def __init__(self, socket: ServerConnection, session: Session, clock: Clock) -> None:
        self._socket = socket
        self._session = session
        self._clock = clock
        self._outbox: deque[bytes] = deque(session.greeting())
        self._is_waiting = asyncio.Event()
        self._is_waiting.set()

    async def run(self) -> None:
        """Talk until the client leaves."""
        works = [asyncio.create_task(work) for work in (self._send(), self._tell())]
        try:
            async for message in self._socket:
                self._say(self._session.receive(message.encode() if isinstance(message, str) else message))
        except ConnectionClosed:
            pass
        finally:
            for work in works:
                work.cancel()
            for error in await asyncio.gather(*works, return_exceptions=True):
                if isinstance(error, Exception) and not isinstance(error, ConnectionClosed):
                    _log.error("the simulated exchange failed", exc_info=error)

    def _say(self, messages: list[bytes]) -> None:
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
            self._say(self._session.advance(self._clock()))
            if len(self._outbox) > MAX_BACKLOG:
                await self._socket.close(_TRY_AGAIN_LATER, "Market data unavailable")

    async def _send(self) -> None:
        while True:
            await self._is_waiting.wait()
            self._is_waiting.clear()
            while self._outbox:
                await self._socket.send(self._outbox.popleft(), text=True)
