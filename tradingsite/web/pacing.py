"""Sending no faster than the other side takes it.

Daphne takes any number of messages and keeps them in memory until they are sent, so that ``send`` never waits: a
reader that does not read is not noticed, and costs more memory with every message.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

PROTOCOL = "paddock.daphne_protocol"  # in the scope of a socket
CLOSE_WITHIN_S = 10.0  # a slow reader may still learn why it is closed
MOST_BYTES = 262_144  # of one message that is received
MOST_UNREAD = 200  # messages that were received, but not looked at yet: daphne itself keeps any number
MOST_SENT_BYTES = 16_777_216  # of one message that is sent


class _Pace:
    """A Twisted push producer: it is paused while more waits in memory than the transport's buffer holds."""

    def __init__(self) -> None:
        self._may_send = asyncio.Event()
        self._may_send.set()

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        self._may_send.clear()

    def resumeProducing(self) -> None:  # noqa: N802
        self._may_send.set()

    def stopProducing(self) -> None:  # noqa: N802
        self._may_send.set()

    async def wait(self) -> None:
        await self._may_send.wait()


def paced(application: Any) -> Any:
    """Return the socket application with a ``send`` that waits for a slow reader; under another server as it was."""

    async def waiting(scope: dict[str, Any], receive: Any, send: Any) -> None:
        protocol: Any = send.args[0] if isinstance(send, partial) and send.args else None
        transport: Any = getattr(protocol, "transport", None)
        if not hasattr(transport, "registerProducer"):
            await application(scope, receive, send)
            return
        protocol.closeHandshakeTimeout, protocol.failByDrop = CLOSE_WITHIN_S, False
        _bound(protocol)
        pace = _Pace()
        transport.unregisterProducer()  # the HTTP channel that the socket began as
        transport.registerProducer(pace, True)

        async def send_at_pace(message: dict[str, Any]) -> None:
            if message["type"] == "websocket.send":
                await pace.wait()
            await send(message)

        await application({**scope, PROTOCOL: protocol}, receive, send_at_pace)

    return waiting


def _bound(protocol: Any) -> None:
    """Bound messages in each direction: of itself Autobahn has one bound for both, and refuses to send more, too."""
    send_message, take_message = protocol.sendMessage, protocol.onMessage

    def send_more_than_is_taken(*args: Any, **options: Any) -> None:
        protocol.maxMessagePayloadSize = MOST_SENT_BYTES
        try:
            send_message(*args, **options)
        finally:
            protocol.maxMessagePayloadSize = MOST_BYTES

    def take_unless_flooded(*args: Any, **options: Any) -> None:
        if protocol.application_queue.qsize() < MOST_UNREAD:
            take_message(*args, **options)
        else:
            protocol.transport.abortConnection()

    protocol.maxMessagePayloadSize = protocol.maxFramePayloadSize = MOST_BYTES
    protocol.sendMessage = send_more_than_is_taken
    protocol.onMessage = take_unless_flooded
