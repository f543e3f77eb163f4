"""A process that sends a stream through a WebSocket as fast as it is taken, to one client after the other."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from websockets.asyncio.server import ServerConnection, serve
from websockets.frames import Frame, Opcode

_ENOUGH_BYTES = 1 << 20  # waiting in the socket's buffer
_CHUNK = 500  # messages written at once


@contextmanager
def sending(messages: list[bytes]) -> Iterator[str]:
    """Run the process; yield its URL."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_run, args=(messages, theirs), daemon=True)
    process.start()
    try:
        yield f"ws://127.0.0.1:{ours.recv()}"
    finally:
        process.kill()
        process.join()


def _run(messages: list[bytes], to_parent: Connection) -> None:
    frames = [Frame(Opcode.TEXT, message).serialize(mask=False) for message in messages]
    chunks = [b"".join(frames[at : at + _CHUNK]) for at in range(0, len(frames), _CHUNK)]

    async def send(socket: ServerConnection) -> None:
        for chunk in chunks:
            socket.transport.write(chunk)
            # Past the library: its own sending would be what is measured.
            while socket.transport.get_write_buffer_size() > _ENOUGH_BYTES:  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0)
        await socket.wait_closed()

    async def main() -> None:
        async with serve(send, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
            to_parent.send(server.sockets[0].getsockname()[1])
            await server.wait_closed()

    asyncio.run(main())
