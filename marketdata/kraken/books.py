"""The order books of one connection: verified at every message, requested again when one is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from zlib import crc32

import msgspec

from marketdata.kraken.events import BadFrame, BookChanged, BookLost, BookRequested, MarketEvent
from marketdata.kraken.requests import Requests
from marketdata.kraken.wire import BookData, BookMessage, InexactNumber, Levels, levels_of
from trading.book import BookError, BookTop, CrossedBook, OrderBook, WorthlessLevel
from trading.frames import NS_PER_S
from trading.instruments import Instrument

REQUEST_EVERY_NS = 10 * NS_PER_S  # and symbol, doubled with every failure: Kraken limits requests
LONGEST_PAUSE_NS = 40 * NS_PER_S  # a minute after a fault every book is back
REQUEST_JITTER_NS = NS_PER_S  # symbols lost together are not requested together
SNAPSHOT_WITHIN_NS = 10 * NS_PER_S
MAX_REQUESTS_A_SECOND = 4  # one by one; what is lost beyond that is requested together, at the next check
FORGIVEN_AFTER_NS = 60 * NS_PER_S  # of a book that held


@dataclass(slots=True)
class _Loss:
    """How often a book was lost in a row, and when it may be requested."""

    failures: int = 0
    failed_ns: int = 0
    next_ask_ns: int = 0
    is_asked: bool = True
    held_ns: int = 0  # since when it is verified again; 0: it is not
    is_refused: bool = False  # there is no subscription that must end before a new one begins
    silent_checksum: int = -1  # of the book that was lost because it was silent; -1: it was not


class BooksMemory(msgspec.Struct):
    """Every book of a connection, whole, and those that are missed."""

    verified: dict[str, tuple[int, BookTop]]  # -> depth, all its levels
    depths: dict[str, int]
    awaited: dict[str, int]
    losses: dict[str, _Loss]
    asks: tuple[int, int]
    stamps: dict[str, str] = {}


class Books:
    """Every book that was subscribed; only verified ones can be read."""

    def __init__(
        self, instruments: Mapping[str, Instrument], requests: Requests, *, depth: int, can_ask_again: bool
    ) -> None:
        self.verified: dict[str, OrderBook] = {}
        self.stamps: dict[str, str] = {}  # symbol -> timestamp of its last message since they were read
        self.received_ns: dict[str, int] = {}  # symbol -> when its last message came
        self.was_right: Callable[[str], None] = lambda symbol: None  # called of a book that was silent and the same
        self._asks = (0, 0)  # second, and how many symbols were requested in it
        self._instruments = instruments
        self._requests = requests
        self._depth = depth
        self._depths: dict[str, int] = {}  # as granted, which may not be as requested
        self._can_ask_again = can_ask_again
        self._levels: dict[str, Levels] = {}  # how to read those of each symbol
        self._changed: dict[str, list[MarketEvent]] = {}
        self._awaited: dict[str, int] = {}  # symbol -> since when its snapshot is due, ns
        self._losses: dict[str, _Loss] = {}

    def memory(self) -> BooksMemory:
        """Return what is known now; it is lent, to be encoded at once."""
        verified = {symbol: (book.depth, book.top(book.depth)) for symbol, book in self.verified.items()}
        return BooksMemory(
            verified,
            self._depths,
            self._awaited,
            self._losses,
            self._asks,
            self.stamps,
        )

    def remember(self, memory: BooksMemory) -> None:
        """Go on from where another connection's books were."""
        self._depths, self._awaited, self._losses = memory.depths, memory.awaited, memory.losses
        self.stamps, self._asks = memory.stamps, memory.asks
        for symbol, (depth, top) in memory.verified.items():
            book = self.verified[symbol] = OrderBook(depth)
            book.apply(list(top.bids), list(top.asks))
            self._changed[symbol] = [BookChanged(symbol)]
            instrument = self._instruments[symbol]
            self._levels[symbol] = levels_of(instrument.price_decimals, instrument.qty_decimals)

    def subscribe(self, symbols: Iterable[str], time_ns: int) -> None:
        """Request the books of ``symbols`` for the first time."""
        names = list(symbols)
        self._requests.subscribe("book", names, time_ns, depth=self._depth, snapshot=True)
        self._awaited.update(dict.fromkeys(names, time_ns))

    def granted(self, symbol: str, depth: int | None) -> str:
        """Take the answer about a book; return what of it was not requested, empty when all was.

        On a recording another may have requested: what was granted is the depth to truncate to.
        """
        if symbol in self._losses:
            self._losses[symbol].is_refused = False
        if depth is None or depth == self._depths.get(symbol, self._depth):
            return ""
        if self._can_ask_again:
            return f"depth {depth} was granted; {self._depth} was requested"
        self._depths[symbol] = depth
        return ""

    def refused(self, symbol: str, time_ns: int) -> None:
        """Wait no longer for a book that will not come; request it again later. One that is there stays."""
        if symbol in self.verified:
            return
        self._awaited.pop(symbol, None)
        if symbol in self._instruments and self._can_ask_again:
            loss = self._fail(symbol, time_ns)
            loss.is_refused = True
            loss.next_ask_ns = max(loss.next_ask_ns, time_ns + _pause_ns(loss.failures, symbol))

    def receive(self, message: BookMessage, time_ns: int) -> list[MarketEvent]:
        """Apply one message: whole, then truncated, then verified."""
        kind, all_data = message.type, message.data
        if kind == "update" and len(all_data) == 1 and (book := self.verified.get(all_data[0].symbol)) is not None:
            return self._take(book, all_data[0], time_ns)  # nearly all of them
        return [event for data in all_data for event in self._receive(kind, data, time_ns)]

    def _receive(self, kind: str, data: BookData, time_ns: int) -> list[MarketEvent]:
        if kind == "snapshot":
            return self._begin(data, time_ns)
        if kind != "update":
            raise ValueError(f"book message is of type {kind!r}; expected snapshot or update")
        book = self.verified.get(data.symbol)
        if book is not None:
            return self._take(book, data, time_ns)
        return [] if data.symbol in self._instruments else [_unknown(data.symbol)]  # no baseline: it cannot be applied

    def _begin(self, data: BookData, time_ns: int) -> list[MarketEvent]:
        """Take a snapshot for the new baseline."""
        symbol = data.symbol
        instrument = self._instruments.get(symbol)
        if instrument is None:
            return [_unknown(symbol)]
        self._levels[symbol] = levels_of(instrument.price_decimals, instrument.qty_decimals)
        self._changed.setdefault(symbol, [BookChanged(symbol)])
        book = OrderBook(self._depths.get(symbol, self._depth))
        try:
            _check_levels(self._levels[symbol], data)
        except (BookError, InexactNumber, msgspec.MsgspecError) as error:
            return self.lose(symbol, _kind_of(error), str(error), time_ns)
        events = self._take(book, data, time_ns)
        if events is self._changed[symbol]:
            self.verified[symbol] = book
            self._awaited.pop(symbol, None)
            if (loss := self._losses.get(symbol)) is not None:
                self._hold(symbol, loss, data.checksum, time_ns)
        return events

    def _hold(self, symbol: str, loss: _Loss, checksum: int, time_ns: int) -> None:
        """Take note that a lost book is verified again."""
        loss.held_ns, loss.is_asked = time_ns, True
        if loss.silent_checksum == checksum:
            loss.failures -= 1  # its silence was none of its faults
            self.was_right(symbol)
        loss.silent_checksum = -1

    def _take(self, book: OrderBook, data: BookData, time_ns: int) -> list[MarketEvent]:
        symbol = data.symbol
        self.stamps[symbol] = data.timestamp
        self.received_ns[symbol] = time_ns
        levels = self._levels[symbol]
        try:
            book.apply(levels.read(data.bids), levels.read(data.asks))
            book.verify(data.checksum)
        except (BookError, InexactNumber, msgspec.MsgspecError) as error:
            return self.lose(symbol, _kind_of(error), str(error), time_ns)
        return self._changed[symbol]

    def lose(self, symbol: str, kind: str, reason: str, time_ns: int) -> list[MarketEvent]:
        """Drop a book that cannot be trusted and request it, now or when its turn comes.

        The connection and every other book go on. A book that fails again and again is requested ever more slowly.
        """
        book = self.verified.pop(symbol, None)
        self._awaited.pop(symbol, None)
        events: list[MarketEvent] = [BookLost(symbol, kind, reason)]
        if not self._can_ask_again:
            return events
        loss = self._fail(symbol, time_ns)
        loss.silent_checksum = book.checksum() if book is not None and kind == "silent" else -1
        second, count = self._asks
        self._asks = (time_ns // NS_PER_S, count + 1 if second == time_ns // NS_PER_S else 1)
        return events + (self._request_due(time_ns, [symbol]) if self._asks[1] <= MAX_REQUESTS_A_SECOND else [])

    def _fail(self, symbol: str, time_ns: int) -> _Loss:
        loss = self._losses.setdefault(symbol, _Loss())
        has_held = loss.held_ns and time_ns - loss.held_ns > FORGIVEN_AFTER_NS
        loss.failures = 1 if has_held else loss.failures + 1
        loss.failed_ns, loss.held_ns, loss.is_asked = time_ns, 0, False
        return loss

    def unreadable(self, symbols: Iterable[str], reason: str, time_ns: int) -> list[MarketEvent]:
        """Drop the books that a message spoke of which could not be read: it may have changed them."""
        return [
            event
            for symbol in dict.fromkeys(symbols)
            if symbol in self.verified
            for event in self.lose(symbol, "unreadable", reason, time_ns)
        ]

    def verify_afresh(self, time_ns: int) -> list[MarketEvent]:
        """Drop and request every book at once, none of which has failed: nobody watched for a while."""
        by_depth: dict[int, list[str]] = {}
        for symbol in self.verified:
            by_depth.setdefault(self._depths.get(symbol, self._depth), []).append(symbol)
        self._awaited.update(dict.fromkeys(self.verified, time_ns))
        self.verified.clear()
        self.stamps.clear()
        return self._request(by_depth, time_ns)

    def ended(self, symbol: str, time_ns: int) -> list[MarketEvent]:
        """Drop a book whose subscription was ended, and not by us."""
        if symbol not in self.verified:
            return []
        return self.lose(symbol, "unsubscribed", "the exchange ended the subscription", time_ns)

    def check(self, time_ns: int) -> list[MarketEvent]:
        """Give up waiting for snapshots that are overdue, and request lost books whose turn has come."""
        events: list[MarketEvent] = []
        for symbol in [s for s, since_ns in self._awaited.items() if time_ns - since_ns >= SNAPSHOT_WITHIN_NS]:
            events += self.lose(symbol, "silent", f"no snapshot in {SNAPSHOT_WITHIN_NS // NS_PER_S} s", time_ns)
        return events + self._request_due(time_ns, self._losses)

    def _request_due(self, time_ns: int, symbols: Iterable[str]) -> list[MarketEvent]:
        """Request those of ``symbols`` whose turn has come, in one request: Kraken counts messages."""
        due: dict[int, list[str]] = {}
        fresh: dict[int, list[str]] = {}  # those without a subscription that must end first
        for symbol in symbols:
            loss = self._losses[symbol]
            if not loss.is_asked and time_ns >= loss.next_ask_ns:
                loss.is_asked = True
                loss.next_ask_ns = time_ns + _pause_ns(loss.failures, symbol)
                self._awaited[symbol] = time_ns
                if loss.is_refused:
                    fresh.setdefault(self._depths.get(symbol, self._depth), []).append(symbol)
                else:
                    due.setdefault(self._depths.get(symbol, self._depth), []).append(symbol)
        return self._request(due, time_ns) + self._request(fresh, time_ns, is_begun=False)

    def _request(self, by_depth: Mapping[int, list[str]], time_ns: int, *, is_begun: bool = True) -> list[MarketEvent]:
        for depth, names in by_depth.items():
            if is_begun:
                self._requests.unsubscribe("book", names, time_ns, depth=depth)
            self._requests.subscribe("book", names, time_ns, depth=depth, snapshot=True)
        return [BookRequested(symbol) for names in by_depth.values() for symbol in names]


def _pause_ns(failures: int, symbol: str) -> int:
    """Return how long to wait between two requests of a book that has failed so often."""
    pause_ns: int = min(LONGEST_PAUSE_NS, REQUEST_EVERY_NS << min(max(0, failures - 1), 10))
    return pause_ns + crc32(symbol.encode()) % REQUEST_JITTER_NS


def _kind_of(error: Exception) -> str:
    match error:
        case CrossedBook():
            return "crossed"
        case InexactNumber() | WorthlessLevel():
            return "number"
        case BookError():
            return "checksum"
    return "unreadable"


def _check_levels(levels: Levels, data: BookData) -> None:
    """Raise WorthlessLevel where a snapshot displays a level with nothing on offer: only an update may end one."""
    for side in (data.bids, data.asks):
        for ticks, lots in levels.read(side):
            if not (ticks and lots):
                raise WorthlessLevel(f"a level of the snapshot has {ticks} ticks and {lots} lots; expected 1 or more")


def _unknown(symbol: str) -> BadFrame:
    return BadFrame(f"book of {symbol!r}, of which no instrument is known", "")
