"""One reader per process: each message is read once for all followers."""

from __future__ import annotations

import asyncio
import logging
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from functools import partial
from weakref import WeakKeyDictionary

import msgspec
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.utils import timezone

from dashboard.page import threads
from dashboard.page.threads import all_idle, read_in
from dashboard.stream.messages import CHANNEL_OF, FACT_MESSAGES, STATES, Channel, Heartbeat, encoded
from dashboard.stream.states import Board, gather
from dashboard.stream.subscribers import Entry, Follower, gap
from portfolios.models import MessageKind
from portfolios.outbox.announcements import LEAGUE_GROUP
from portfolios.outbox.reading import Batch, StoredMessage, StreamCursor, messages_after, newest_cursor

BATCH = 500  # messages read at once
REMEMBERED = 2_000  # of the newest messages: a short disconnect costs no query
READ_EVERY_S = 1.0  # without news: an announcement may have been lost
HELD_UP_S = 0.05  # until the next read, while an open transaction holds up what is written
QUICKEST_S = 0.5  # between two states: twice a second at most
MOST_BUSY = 0.25  # of the time, at most, goes into states: a big league is sent less often
LEAGUE_EVERY_S = 5.0  # without news
HEARTBEAT_S = 10.0
TRY_AGAIN_S = 1.0
JOIN_AGAIN_S = 3_600.0  # Redis forgets the members of a group after a day

_log = logging.getLogger(__name__)


class Hub:
    """Reads facts and states while there are followers, and hands them to each."""

    def __init__(self) -> None:
        self.boards = {channel: Board(channel) for channel in STATES}
        self.position = StreamCursor(0, 0)  # everything up to it was handed on
        self._followers: set[Follower] = set()
        self._memory: deque[Entry] = deque()
        self._remembered_from = self.position  # all that came after it is in the memory
        self._news, self._league_news = asyncio.Event(), asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._beginning = asyncio.Lock()

    async def join(self, follower: Follower) -> None:
        """Begin to hand messages to a follower; the first one starts the reading."""
        async with self._beginning:
            if not self._tasks:
                await self._begin()
            self._followers.add(follower)

    async def leave(self, follower: Follower) -> None:
        """Stop handing it messages; the last to leave stops the reading."""
        self._followers.discard(follower)
        async with self._beginning:
            if self._followers:
                return
            tasks, self._tasks = self._tasks, []
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await all_idle(threads.STATES)

    async def catch_up(self, follower: Follower, channels: Collection[Channel], position: StreamCursor) -> None:
        """Send a follower what is stored of these channels after ``position``, then follow live."""
        while position < self.position and follower.wants(channels):
            entries, reached = await self._kept_after(position)
            for entry in entries:
                if entry.channel is None:
                    await follower.send_when_room(encoded(gap(position, entry.position)))
                elif any(follower.covers(channel, entry) for channel in channels):
                    await follower.send_when_room(entry.text)
            position = reached
        # Nothing was awaited since the positions were compared: no message falls between.
        follower.follow(channels, position)
        self._beat(follower)

    async def _kept_after(self, position: StreamCursor) -> tuple[list[Entry], StreamCursor]:
        if position < self._remembered_from:
            batch = await database_sync_to_async(messages_after)(position, limit=BATCH)
            return [_entry(message) for message in batch.messages], batch.cursor
        memory = list(self._memory)
        after = bisect_right(memory, position, key=lambda entry: entry.position)
        return memory[after:], self.position

    async def _begin(self) -> None:
        start = await database_sync_to_async(newest_cursor)(back=REMEMBERED)
        self.position = self._remembered_from = start
        self._memory.clear()
        while not (await self._read()).is_whole:
            pass
        endless = (self._follow, self._listen, self._send_states, self._keep_beating)
        self._tasks = [asyncio.create_task(_persistently(each)) for each in endless]

    # Facts

    async def _follow(self) -> None:
        pause_s = READ_EVERY_S
        while True:
            await _wait_for(self._news, within_s=pause_s)
            self._news.clear()
            while not (batch := await self._read()).is_whole:
                pass
            held_up_s = HELD_UP_S if pause_s == READ_EVERY_S else 2 * pause_s
            pause_s = min(held_up_s, READ_EVERY_S) if batch.is_more_to_come else READ_EVERY_S

    async def _read(self) -> Batch:
        """Read on and hand on what was read."""
        batch: Batch = await database_sync_to_async(messages_after)(self.position, limit=BATCH)
        for message in batch.messages:
            entry = _entry(message)
            self._memory.append(entry)
            for follower in self._followers:
                follower.receive(entry)
        while len(self._memory) > REMEMBERED:
            self._remembered_from = self._memory.popleft().position
        self.position = batch.cursor
        for follower in self._followers:
            follower.reached(batch.cursor)
        return batch

    async def _listen(self) -> None:
        """Follow the announcements; without them facts still come, up to a second later."""
        layer = get_channel_layer()
        assert layer is not None, "settings.CHANNEL_LAYERS names one"
        channel = await layer.new_channel()
        while True:
            await layer.group_add(LEAGUE_GROUP, channel)
            with suppress(TimeoutError):
                async with asyncio.timeout(JOIN_AGAIN_S):
                    while True:
                        self._news.set()  # earlier announcements were missed
                        self._league_news.set()
                        await layer.receive(channel)

    # States

    async def _send_states(self) -> None:
        pause_s, league_at = QUICKEST_S, 0.0
        while True:
            await asyncio.sleep(pause_s)
            began = time.monotonic()
            wanted = {channel for follower in self._followers for channel in follower.states}
            for channel in STATES - wanted:
                self.boards[channel].clear()  # a new subscriber gets no old state
            if Channel.LEAGUE in wanted and self.boards[Channel.LEAGUE].version:
                if self._league_news.is_set() or began - league_at >= LEAGUE_EVERY_S:
                    league_at = began
                else:
                    wanted.remove(Channel.LEAGUE)
            self._league_news.clear()
            for channel in wanted:
                if self.boards[channel].show(await read_in(threads.STATES, partial(gather, channel))):
                    for follower in self._followers:
                        follower.stir()
            pause_s = max(QUICKEST_S, (time.monotonic() - began) / MOST_BUSY)

    # Heartbeats

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            for follower in self._followers:
                self._beat(follower)

    def _beat(self, follower: Follower) -> None:
        if not follower.is_catching_up:
            place = follower.sent_up_to
            follower.send(Heartbeat(cursor=place.text if place else None, time=timezone.now()))


def _entry(message: StoredMessage) -> Entry:
    if message.kind is MessageKind.FORGOTTEN:
        return Entry(position=message.cursor, channel=None, slug="", symbol=None, text="")
    fact = FACT_MESSAGES[message.kind](
        cursor=message.cursor.text,
        deployment=message.slug,
        told_at=message.written_at,
        data=msgspec.Raw(message.data),
    )
    return Entry(
        position=message.cursor,
        channel=CHANNEL_OF[message.kind],
        slug=message.slug,
        symbol=message.symbol,
        text=encoded(fact),
    )


async def _wait_for(event: asyncio.Event, *, within_s: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), within_s)
    except TimeoutError:
        return


async def _persistently(task: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await task()
        except Exception:
            # The database or Redis may be away for a moment: followers wait, and miss nothing.
            _log.exception("the stream is interrupted")
            await asyncio.sleep(TRY_AGAIN_S)


_running: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """Return this process's hub."""
    return _running.setdefault(asyncio.get_running_loop(), Hub())
