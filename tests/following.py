"""Programs on the stream: a socket without a server, and messages written as workers do."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import AnonymousUser
from django.db import connections, transaction

from dashboard.stream.socket import StreamSocket
from portfolios.models import Message, MessageKind
from portfolios.outbox import writing
from portfolios.outbox.announcements import LEAGUE_GROUP
from strategies.models import Deployment
from tests import rows

WITHIN_S = 8.0


def reported(number: int, *, slug: str = "a", symbol: str = "BTC/USD", kind: MessageKind = MessageKind.FILL) -> Message:
    """Return a message as it is before it is written; ``number`` tells it from others."""
    return Message(kind=kind, slug=slug, data={"number": number, "symbol": symbol})


def write(*numbers: int, **fields: Any) -> None:
    """Have facts happen, in one transaction."""
    writing.write_messages([reported(number, **fields) for number in numbers])


def trade(deployment: Deployment, *numbers: int) -> None:
    """Have a deployment trade: fills as rows and as messages, in one transaction."""
    with transaction.atomic():
        writing.announce(orders=[], fills=[rows.fill(deployment, number) for number in numbers], trips=[])


@contextmanager
def elsewhere(work: Callable[[], None]) -> Iterator[None]:
    """Do some work in a transaction of another connection; it commits when the block ends."""
    is_written, may_commit = threading.Event(), threading.Event()

    def run() -> None:
        try:
            with transaction.atomic():
                work()
                is_written.set()
                may_commit.wait(30)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    assert is_written.wait(30)
    yield
    may_commit.set()
    thread.join()


async def announce(*slugs: str) -> None:
    await get_channel_layer().group_send(LEAGUE_GROUP, {"type": "league.changed", "accounts": list(slugs)})


class Program:
    """A program that follows the stream."""

    def __init__(self, socket: WebsocketCommunicator) -> None:
        self.socket = socket

    async def say(self, **message: Any) -> None:
        await self.socket.send_to(text_data=json.dumps(message))

    async def hears(self, kind: str) -> dict[str, Any]:
        """Return the next message of a kind; those before it are passed over."""
        async with asyncio.timeout(WITHIN_S):
            while (message := json.loads(await self.socket.receive_from(timeout=WITHIN_S)))["type"] != kind:
                pass
        return message

    async def hears_until(self, kind: str) -> list[dict[str, Any]]:
        """Return all messages up to the next of a kind."""
        messages = []
        async with asyncio.timeout(WITHIN_S):
            while not messages or messages[-1]["type"] != kind:
                messages.append(json.loads(await self.socket.receive_from(timeout=WITHIN_S)))
        return messages

    async def subscribes(self, *channels: str, **options: Any) -> list[dict[str, Any]]:
        """Subscribe; return all messages received until it had caught up."""
        await self.say(type="subscribe", channels=list(channels), **options)
        return await self.hears_until("heartbeat")


@asynccontextmanager
async def program() -> AsyncIterator[Program]:
    """Connect a program that may read, without a server between."""
    socket = WebsocketCommunicator(StreamSocket.as_asgi(), "/api/v1/stream")
    socket.scope["user"] = AnonymousUser()
    connected, _ = await socket.connect(timeout=WITHIN_S)
    assert connected
    try:
        yield Program(socket)
    finally:
        await socket.disconnect()


def numbers(messages: list[dict[str, Any]]) -> list[int]:
    """Return the numbers of the facts among messages."""
    return [message["data"]["number"] for message in messages if "cursor" in message and "data" in message]
