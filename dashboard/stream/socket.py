"""The socket of `/api/v1/stream`: hears what a program asks for, and carries what the hub tells."""

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
    NotUnderstood,
    Ping,
    Pong,
    Subscribe,
    Subscribed,
    Unsubscribe,
    Unsubscribed,
    understood,
)
from dashboard.stream.subscribers import Follower, Wish
from portfolios.outbox.reading import StreamCursor, UnknownCursor, cursor_named
from portfolios.selectors import current_season

TRY_AGAIN_LATER = 1013
TOO_SLOW = 4408
TOO_MANY_MESSAGES = 4429
MOST_MESSAGES = 60  # from one client within ...
WITHIN_S = 10.0
MOST_CHANGES = 10  # of what one client follows, that may wait for the past that it asked for before

_log = logging.getLogger(__name__)


class StreamSocket(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels brings no types
    """One program that follows the stream. Whether it may was asked before it came here."""

    follower: Follower | None = None
    _hub: Hub

    async def connect(self) -> None:
        """Say hello; what the program wants it has yet to say."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._heard_at: deque[float] = deque(maxlen=MOST_MESSAGES)
        self._turn = asyncio.Lock()
        self._changes = 0
        await self.accept()
        self._hub = hub()
        follower = Follower(self._send_text, self._hub.boards)
        try:
            season = await database_sync_to_async(current_season)()
            await self._hub.join(follower)
        except Exception:
            # The database is away for a moment: programs are told to come again.
            _log.exception("the stream cannot be followed")
            await self.close(code=TRY_AGAIN_LATER)
            return
        self.follower = follower
        number, market = (season.number, season.market) if season else (None, None)
        follower.tell(Hello(version=VERSION, season=number, market=market, cursor=self._hub.position.text))
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
        """Do what a message says; one that says nothing sensible is answered with what is wrong."""
        follower = self.follower
        if follower is None:
            return
        if not self._may_say_more():
            await self.close(code=TOO_MANY_MESSAGES)
            return
        try:
            if text_data is None:
                raise NotUnderstood("", "the message is binary; expected JSON as text")
            match understood(text_data):
                case Subscribe() as wanted:
                    position = await self._cursor_of(wanted)
                    self._change(partial(self._subscribe, follower, wanted, position))
                case Unsubscribe(channels=channels):
                    follower.forget(channels)  # of their past no more is told, either
                    self._change(partial(self._unsubscribe, follower, channels))
                case Ping(id=number):
                    follower.tell(Pong(id=number))
        except NotUnderstood as error:
            follower.tell(Error(problem=error.problem))

    async def _cursor_of(self, wanted: Subscribe) -> StreamCursor | None:
        if wanted.after is None:
            return None
        if not FACTS.intersection(wanted.channels):
            raise NotUnderstood("after", "after: states have no past; expected a channel of facts beside it")
        try:
            cursor: StreamCursor = await database_sync_to_async(cursor_named)(wanted.after)
            return cursor
        except UnknownCursor as error:
            raise NotUnderstood("after", f"after: {error}") from None

    def _change(self, change: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Change what is followed once all that was asked for before has been told."""
        if self._changes >= MOST_CHANGES:
            waiting = f"{self._changes} subscriptions wait for the past that was asked for before them"
            raise NotUnderstood("", f"{waiting}; expected no more until it is told")
        self._changes += 1
        self._begin(self._in_turn(change))

    async def _in_turn(self, change: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async with self._turn:
            await change()
        self._changes -= 1

    async def _subscribe(self, follower: Follower, wanted: Subscribe, after: StreamCursor | None) -> None:
        position = self._hub.position if after is None else after
        wish = Wish(
            slugs=None if wanted.deployments is None else frozenset(wanted.deployments),
            symbols=None if wanted.symbols is None else frozenset(wanted.symbols),
        )
        follower.tell(Subscribed(channels=wanted.channels, cursor=position.text))
        follower.wish(wanted.channels, wish)
        if facts := FACTS.intersection(wanted.channels):
            await self._hub.catch_up(follower, facts, position)

    async def _unsubscribe(self, follower: Follower, channels: list[Channel]) -> None:
        follower.forget(channels)
        follower.tell(Unsubscribed(channels=channels))

    async def _leave_behind(self, follower: Follower) -> None:
        """Close the socket of one who is too slow: what waits for it must not grow without end."""
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
            # A program that is told to come again resumes; one that waits for what never comes does not.
            _log.exception("a follower of the stream is sent away")
            await self.close(code=TRY_AGAIN_LATER)

    def _may_say_more(self) -> bool:
        now = time.monotonic()
        is_full = len(self._heard_at) == MOST_MESSAGES
        if is_full and now - self._heard_at[0] < WITHIN_S:
            return False
        self._heard_at.append(now)
        return True
