"""The socket of `/api/v1/stream`: takes a client's messages, and sends what the hub hands on."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from dashboard.stream.hub import Hub, hub
from dashboard.stream.messages import (
    FACTS,
    VERSION,
    Channel,
    Error,
    Hello,
    InvalidMessage,
    Ping,
    Pong,
    Subscribe,
    Subscribed,
    Unsubscribe,
    Unsubscribed,
    parsed,
)
from dashboard.stream.subscribers import Follower, StreamFilter
from portfolios.outbox.reading import StreamCursor, UnknownCursor, cursor_named
from portfolios.selectors import current_season

TRY_AGAIN_LATER = 1013
TOO_SLOW = 4408
TOO_MANY_MESSAGES = 4429
MOST_MESSAGES = 60  # from one client within ...
WITHIN_S = 10.0
MOST_CHANGES = 10  # subscriptions of one client that may wait for history requested earlier

_log = logging.getLogger(__name__)


class StreamSocket(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels brings no types
    """One program that follows the stream. Its access was checked before it came here."""

    follower: Follower | None = None
    _hub: Hub

    async def connect(self) -> None:
        """Send hello; subscriptions come from the client."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._received_at: deque[float] = deque(maxlen=MOST_MESSAGES)
        self._turn = asyncio.Lock()
        self._changes = 0
        await self.accept()
        self._hub = hub()
        follower = Follower(self._send_text, self._hub.boards)
        try:
            season = await database_sync_to_async(current_season)()
            await self._hub.join(follower)
        except Exception:
            # The database is away for a moment: programs are asked to reconnect.
            _log.exception("the stream cannot be followed")
            await self.close(code=TRY_AGAIN_LATER)
            return
        self.follower = follower
        number, market = (season.number, season.market) if season else (None, None)
        follower.send(Hello(version=VERSION, season=number, market=market, cursor=self._hub.position.text))
        self._begin(follower.pump())
        self._begin(self._leave_behind(follower))

    async def disconnect(self, code: int) -> None:
        """Leave the hub and stop what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.follower is not None:
            await self._hub.leave(self.follower)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Carry out a client's message; answer an invalid one with the problem."""
        follower = self.follower
        if follower is None:
            return
        if not self._is_within_limit():
            await self.close(code=TOO_MANY_MESSAGES)
            return
        try:
            if text_data is None:
                raise InvalidMessage("", "the message is binary; expected JSON as text")
            match parsed(text_data):
                case Subscribe() as wanted:
                    position = await self._cursor_of(wanted)
                    self._change(partial(self._subscribe, follower, wanted, position))
                case Unsubscribe(channels=channels):
                    follower.unsubscribe(channels)  # ends the sending of their history, too
                    self._change(partial(self._unsubscribe, follower, channels))
                case Ping(id=number):
                    follower.send(Pong(id=number))
        except InvalidMessage as error:
            follower.send(Error(problem=error.problem))

    async def _cursor_of(self, wanted: Subscribe) -> StreamCursor | None:
        if wanted.after is None:
            return None
        if not FACTS.intersection(wanted.channels):
            raise InvalidMessage("after", "after: states have no history; expected a channel of facts as well")
        try:
            cursor: StreamCursor = await database_sync_to_async(cursor_named)(wanted.after)
            return cursor
        except UnknownCursor as error:
            raise InvalidMessage("after", f"after: {error}") from None

    def _change(self, change: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Change the subscriptions once all history requested earlier has been sent."""
        if self._changes >= MOST_CHANGES:
            waiting = f"{self._changes} subscriptions wait for history requested before them"
            raise InvalidMessage("", f"{waiting}; expected no more until it has been sent")
        self._changes += 1
        self._begin(self._in_turn(change))

    async def _in_turn(self, change: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async with self._turn:
            await change()
        self._changes -= 1

    async def _subscribe(self, follower: Follower, wanted: Subscribe, after: StreamCursor | None) -> None:
        position = self._hub.position if after is None else after
        stream_filter = StreamFilter(
            slugs=None if wanted.deployments is None else frozenset(wanted.deployments),
            symbols=None if wanted.symbols is None else frozenset(wanted.symbols),
        )
        follower.send(Subscribed(channels=wanted.channels, cursor=position.text))
        follower.subscribe(wanted.channels, stream_filter)
        if facts := FACTS.intersection(wanted.channels):
            await self._hub.catch_up(follower, facts, position)

    async def _unsubscribe(self, follower: Follower, channels: list[Channel]) -> None:
        follower.unsubscribe(channels)
        follower.send(Unsubscribed(channels=channels))

    async def _leave_behind(self, follower: Follower) -> None:
        """Close the socket of a follower that is too slow: its queue must stay bounded."""
        await follower.is_left_behind.wait()
        await self.close(code=TOO_SLOW)

    async def _send_text(self, text: str) -> None:
        await self.send(text_data=text)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._closing_on_failure(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _closing_on_failure(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:
            # A program that is asked to reconnect resumes; one left waiting would not.
            _log.exception("a follower of the stream is disconnected")
            await self.close(code=TRY_AGAIN_LATER)

    def _is_within_limit(self) -> bool:
        now = time.monotonic()
        is_full = len(self._received_at) == MOST_MESSAGES
        if is_full and now - self._received_at[0] < WITHIN_S:
            return False
        self._received_at.append(now)
        return True
