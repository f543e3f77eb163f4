"""One subscriber of the stream: its filters, what has been sent, and what waits to be sent."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

from django.conf import settings

from dashboard.stream.messages import FACTS, STATES, Channel, Gap, ServerMessage, encoded
from dashboard.stream.states import Board
from portfolios.outbox.reading import StreamCursor

ROOM = 500  # messages of the history that are read ahead of the follower at most

Send = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A message of the stream, ready to be sent to any number of followers."""

    position: StreamCursor
    channel: Channel | None  # None: nothing up to this position is stored any more
    slug: str
    symbol: str | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFilter:
    """Which messages of a channel are sent; None: all."""

    slugs: frozenset[str] | None = None
    symbols: frozenset[str] | None = None

    def covers(self, entry: Entry) -> bool:
        """Return whether the entry passes; one without a symbol passes any symbols."""
        is_of_slug = self.slugs is None or entry.slug in self.slugs
        return is_of_slug and (self.symbols is None or entry.symbol is None or entry.symbol in self.symbols)

    def names(self, channel: Channel) -> frozenset[str] | None:
        """Return the rows of a state that pass; None: all."""
        return {Channel.LEAGUE: self.slugs, Channel.PRICES: self.symbols}.get(channel)


class Follower:
    """Keeps what is to be sent in order and in bounds: facts wait in a queue, of a state only the newest is sent."""

    def __init__(self, send: Send, boards: Mapping[Channel, Board]) -> None:
        self._send = send
        self._boards = boards
        self._filters: dict[Channel, StreamFilter] = {}
        self._sent: dict[Channel, StreamCursor] = {}  # of the channels of facts that are followed live
        self._seen: dict[Channel, int] = {}  # version of each board
        self._waiting: deque[str] = deque()
        self._most_waiting: int = settings.PADDOCK_STREAM_WAITING
        self._stirred = asyncio.Event()
        self._roomy = asyncio.Event()
        self.is_left_behind = asyncio.Event()

    @property
    def states(self) -> frozenset[Channel]:
        """The channels of states that it follows."""
        return STATES.intersection(self._filters)

    def subscribe(self, channels: Iterable[Channel], stream_filter: StreamFilter) -> None:
        """Subscribe to channels. States are sent at once and whole; facts once `follow` gives their position."""
        for channel in channels:
            self._filters[channel] = stream_filter
            self._sent.pop(channel, None)
            self._seen[channel] = 0
        self.stir()

    def unsubscribe(self, channels: Iterable[Channel]) -> None:
        """End the subscription to these channels."""
        for channel in channels:
            self._filters.pop(channel, None)
            self._sent.pop(channel, None)

    def wants(self, channels: Iterable[Channel]) -> bool:
        """Return whether it is subscribed to any of these channels."""
        return not self._filters.keys().isdisjoint(channels)

    def follow(self, channels: Iterable[Channel], position: StreamCursor) -> None:
        """Send facts live from here on; those up to ``position`` have been sent."""
        for channel in channels:
            if channel in self._filters:
                self._sent[channel] = position

    def receive(self, entry: Entry) -> None:
        """Take a new fact; one that passes the filter and was not sent yet is sent."""
        concerned = self._sent if entry.channel is None else self._sent.keys() & {entry.channel}
        late = [channel for channel in concerned if self._sent[channel] < entry.position]
        if not late:
            return
        if entry.channel is None:
            self.send(gap(min(self._sent[channel] for channel in late), entry.position))
        elif self._filters[entry.channel].covers(entry):
            self._put(entry.text)

    def reached(self, position: StreamCursor) -> None:
        """Record that every fact up to ``position`` was received."""
        for channel, sent in self._sent.items():
            self._sent[channel] = max(sent, position)

    @property
    def is_catching_up(self) -> bool:
        """True while requested history of facts has yet to be sent."""
        return bool(FACTS.intersection(self._filters) - self._sent.keys())

    @property
    def sent_up_to(self) -> StreamCursor | None:
        """Every requested fact up to here was sent; None when it follows no facts."""
        return min(self._sent.values(), default=None)

    def covers(self, channel: Channel, entry: Entry) -> bool:
        """Return whether it is subscribed to the entry as part of ``channel``."""
        return entry.channel is channel and channel in self._filters and self._filters[channel].covers(entry)

    def send(self, message: ServerMessage) -> None:
        """Send a message after those that wait."""
        self._put(encoded(message))

    async def send_when_room(self, text: str) -> None:
        """Send a message once there is room for it."""
        while len(self._waiting) >= min(ROOM, self._most_waiting):
            self._roomy.clear()
            await self._roomy.wait()
        self._put(text)

    def stir(self) -> None:
        """Wake the sender: a state may have changed."""
        self._stirred.set()

    async def pump(self) -> None:
        """Send what waits, until cancelled."""
        while True:
            await self._stirred.wait()
            self._stirred.clear()
            while self._waiting or (due := self._due_states()):
                if self._waiting:
                    await self._send(self._waiting.popleft())
                    self._roomy.set()
                    continue
                for text in chain.from_iterable(self._state(channel) for channel in due):
                    await self._send(text)

    def _put(self, text: str) -> None:
        if len(self._waiting) >= self._most_waiting:
            self.is_left_behind.set()
            return
        self._waiting.append(text)
        self._stirred.set()

    def _due_states(self) -> list[Channel]:
        return [channel for channel in self.states if self._boards[channel].version > self._seen[channel]]

    def _state(self, channel: Channel) -> list[str]:
        board, seen = self._boards[channel], self._seen.get(channel, 0)
        self._seen[channel] = board.version
        return board.since(seen, self._filters.get(channel, StreamFilter()).names(channel))


def gap(position: StreamCursor, to: StreamCursor) -> Gap:
    """Return the message that nothing is stored between two positions."""
    return Gap(from_=position.text, to=to.text)
