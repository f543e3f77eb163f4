"""Plays a recording over a WebSocket on loopback, so that the feed receives it as it receives Kraken."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
import time
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from marketdata.framing.records import encode_record
from marketdata.kraken.client import END_OF_RECORDING
from marketdata.recording.exchange import RecordedExchange, Survey
from marketdata.recording.files import InvalidRecording
from marketdata.recording.folders import played_records
from marketdata.recording.reading import is_ours, read_recording
from trading.frames import NS_PER_S

TIME_MESSAGE = struct.Struct(">Q")  # ns since the epoch at which the following messages were received
_SHORTEST_PAUSE_S = 0.001
_NORMAL_CLOSURE = 1000
_INTERNAL_ERROR = 1011

_log = logging.getLogger("feed")


@contextlib.asynccontextmanager
async def serve_recording(path: Path, found: Survey, *, speed: float) -> AsyncIterator[str]:
    """Serve the recording at ``speed`` times real time (0: as fast as it is read); yield the URL.

    Every connection receives it from its beginning, once it has requested books. A feed's own
    recording is sent record by record, in binary messages: the requests are part of it.
    """
    is_own_recording = is_ours(path)

    async def handle(socket: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            player = _Player(socket, path, RecordedExchange(found), speed)
            await (player.run_records() if is_own_recording else player.run())

    async with serve(handle, "127.0.0.1", 0, max_size=None, compression=None, ping_interval=None) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"ws://127.0.0.1:{port}"


class _Player:
    """One connection's recording."""

    def __init__(self, socket: ServerConnection, path: Path, exchange: RecordedExchange, speed: float) -> None:
        self._socket = socket
        self._path = path
        self._exchange = exchange
        self._speed = speed

    async def run(self) -> None:
        for message in self._exchange.greeting():
            await self._socket.send(message, text=True)
        playing: asyncio.Task[None] | None = None
        try:
            async for request in self._socket:
                text = request.encode() if isinstance(request, str) else request
                for answer in self._exchange.answer(text):
                    await self._socket.send(answer, text=True)
                if playing is None and self._exchange.has_book_request:
                    playing = asyncio.create_task(self._play(self._send_messages()))
        finally:
            if playing is not None:
                playing.cancel()
                with contextlib.suppress(asyncio.CancelledError, ConnectionClosed):
                    await playing

    async def run_records(self) -> None:
        """Send every record of a feed, at its time, once any request has come."""
        await self._socket.recv()  # closed before its client has sent anything, a short recording would not be received
        await self._play(self._send_records())

    async def _play(self, sending: Awaitable[None]) -> None:
        try:
            await sending
        except InvalidRecording as error:
            _log.error("%s", error)
            await self._socket.close(_INTERNAL_ERROR, "the recording cannot be read further")
            return
        await self._socket.close(_NORMAL_CLOSURE, END_OF_RECORDING)

    async def _send_records(self) -> None:
        began_s, first_ns = time.monotonic(), 0
        for record in played_records(self._path):
            first_ns = first_ns or record.time_ns
            await self._pause_until(began_s, (record.time_ns - first_ns) / NS_PER_S)
            await self._socket.send(encode_record(record))

    async def _send_messages(self) -> None:
        sent_ns: int | None = None
        began_s, first_ns = time.monotonic(), 0
        for time_ns, message in read_recording(self._path):
            if time_ns != sent_ns:
                first_ns = first_ns or time_ns
                await self._pause_until(began_s, (time_ns - first_ns) / NS_PER_S)
                await self._socket.send(TIME_MESSAGE.pack(time_ns))
                sent_ns = time_ns
            await self._socket.send(message, text=True)

    async def _pause_until(self, began_s: float, recorded_s: float) -> None:
        if self._speed == 0:
            return
        left_s = began_s + recorded_s / self._speed - time.monotonic()
        if left_s > _SHORTEST_PAUSE_S:
            await asyncio.sleep(left_s)
