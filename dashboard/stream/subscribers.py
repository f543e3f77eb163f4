"""One who follows the stream: what it asked for, what it has been told, and what waits to be sent."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from django.conf import settings

from dashboard.stream.messages import FACTS, STATES, Channel, Gap, Told, encoded
from dashboard.stream.states import Board
from portfolios.outbox.reading import StreamCursor

ROOM = 500  # messages of the past: they are read ahead of the follower by so much at most

Send = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A message of the stream, ready to be sent to any number of followers."""

    position: StreamCursor
    channel: Channel | None  # None: all up to this place is forgotten
    slug: str
    symbol: str | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Of a channel, only this; None: all."""

    slugs: frozenset[str] | None = None
    symbols: frozenset[str] | None = None

    def covers(self, entry: Entry) -> bool:
        """Return whether the entry was asked for; one without a symbol is, whatever the symbols are."""
        is_of_slug = self.slugs is None or entry.slug in self.slugs
        return is_of_slug and (self.symbols is None or entry.symbol is None or entry.symbol in self.symbols)

    def names(self, channel: Channel) -> frozenset[str] | None:
        """Return the rows of a state that were asked for; None: all."""
        return {Channel.LEAGUE: self.slugs, Channel.PRICES: self.symbols}.get(channel)


class Follower:
    """Keeps what is to be sent in order and in bounds: facts wait in a queue, of a state only the newest is sent."""

    def __init__(self, send: Send, boards: Mapping[Channel, Board]) -> None:
        self._send = send
        self._boards = boards
        self._wishes: dict[Channel, Wish] = {}
        self._told: dict[Channel, StreamCursor] = {}  # of the channels of facts that are followed live
        self._seen: dict[Channel, int] = {}  # version of each board
        self._waiting: deque[str] = deque()
        self._most_waiting: int = settings.PADDOCK_STREAM_WAITING
        self._stirred = asyncio.Event()
        self._roomy = asyncio.Event()
        self.is_left_behind = asyncio.Event()

    @property
    def states(self) -> frozenset[Channel]:
        """The channels of states that it follows."""
        return STATES.intersection(self._wishes)

    def wish(self, channels: Iterable[Channel], wish: Wish) -> None:
        """Ask for channels. States follow at once and whole; facts when they are followed from a place on."""
        for channel in channels:
            self._wishes[channel] = wish
            self._told.pop(channel, None)
            self._seen[channel] = 0
        self.stir()

    def forget(self, channels: Iterable[Channel]) -> None:
        """Ask for these channels no more."""
        for channel in channels:
            self._wishes.pop(channel, None)
            self._told.pop(channel, None)

    def wants(self, channels: Iterable[Channel]) -> bool:
        """Return whether it asks for any of these channels."""
        return not self._wishes.keys().isdisjoint(channels)

    def follow(self, channels: Iterable[Channel], position: StreamCursor) -> None:
        """Take facts as they become known from here on; those up to ``position`` have been told."""
        for channel in channels:
            if channel in self._wishes:
                self._told[channel] = position

    def hear(self, entry: Entry) -> None:
        """Take note of a fact that became known; one asked for and not yet told is sent."""
        concerned = self._told if entry.channel is None else self._told.keys() & {entry.channel}
        late = [channel for channel in concerned if self._told[channel] < entry.position]
        if not late:
            return
        if entry.channel is None:
            self.tell(gap(min(self._told[channel] for channel in late), entry.position))
        elif self._wishes[entry.channel].covers(entry):
            self._put(entry.text)

    def reached(self, position: StreamCursor) -> None:
        """Take note that every fact up to ``position`` was heard."""
        for channel, told in self._told.items():
            self._told[channel] = max(told, position)

    @property
    def is_catching_up(self) -> bool:
        """True while facts that it asked for have yet to be told from where it wanted them."""
        return bool(FACTS.intersection(self._wishes) - self._told.keys())

    @property
    def told_up_to(self) -> StreamCursor | None:
        """Every fact that it asked for was told up to here; None when it follows no facts."""
        return min(self._told.values(), default=None)

    def covers(self, channel: Channel, entry: Entry) -> bool:
        """Return whether it asks for the entry as part of ``channel``."""
        return entry.channel is channel and channel in self._wishes and self._wishes[channel].covers(entry)

    def tell(self, message: Told) -> None:
        """Send a message after those that wait."""
        self._put(encoded(message))

    async def tell_in_turn(self, text: str) -> None:
        """Send a message once there is room for it."""
        while len(self._waiting) >= min(ROOM, self._most_waiting):
            self._roomy.clear()
            await self._roomy.wait()
        self._put(text)

    def stir(self) -> None:
        """Look whether a state has changed."""
        self._stirred.set()

    async def pump(self) -> None:
        """Send what waits, for ever."""
        while True:
            await self._stirred.wait()
            self._stirred.clear()
            while self._waiting or (due := self._due_states()):
                if self._waiting:
                    await self._send(self._waiting.popleft())
                    self._roomy.set()
                    continue
                for channel in due:
                    await self._send(self._state(channel))

    def _put(self, text: str) -> None:
        if len(self._waiting) >= self._most_waiting:
            self.is_left_behind.set()
            return
        self._waiting.append(text)
        self._stirred.set()

    def _due_states(self) -> list[Channel]:
        return [channel for channel in self.states if self._boards[channel].version > self._seen[channel]]

    def _state(self, channel: Channel) -> str:
        board, seen = self._boards[channel], self._seen.get(channel, 0)
        self._seen[channel] = board.version
        return board.since(seen, self._wishes.get(channel, Wish()).names(channel))


def gap(position: StreamCursor, to: StreamCursor) -> Gap:
    """Return what tells that nothing is kept between two places."""
    return Gap(from_=position.text, to=to.text)
