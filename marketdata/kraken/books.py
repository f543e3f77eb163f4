"""The order books of one connection: verified at every message, requested again when one is lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from zlib import crc32

import msgspec

from marketdata.kraken.events import BadFrame, BookChanged, BookLost, BookRequested, MarketEvent
from marketdata.kraken.requests import Requests
from marketdata.kraken.wire import BookData, BookMessage, InexactNumber, Levels, levels_of
from trading.book import BookError, BookTop, CrossedBook, OrderBook
from trading.frames import NS_PER_S
from trading.instruments import Instrument

REQUEST_EVERY_NS = 10 * NS_PER_S  # and symbol: Kraken limits requests
REQUEST_JITTER_NS = NS_PER_S  # symbols lost together are not requested together
SNAPSHOT_WITHIN_NS = 10 * NS_PER_S
MAX_REQUESTS_A_SECOND = 4  # one by one; what is lost beyond that is requested together, at the next check
MAX_FAILURES = 3  # of one book in a row, before the connection is given up
FORGIVEN_AFTER_NS = 60 * NS_PER_S


@dataclass(slots=True)
class _Loss:
    """How often a book was lost in a row, and when it may be requested."""

    failures: int = 0
    failed_ns: int = 0
    next_ask_ns: int = 0
    is_asked: bool = True


class BooksMemory(msgspec.Struct):
    """Every book of a connection, whole, and those that are missed."""

    verified: dict[str, tuple[int, BookTop]]  # -> depth, all its levels
    wants_reconnect: bool
    depths: dict[str, int]
    awaited: dict[str, int]
    losses: dict[str, _Loss]
    newest: str
    newest_ns: int
    asks: tuple[int, int]


class Books:
    """Every book that was subscribed; only verified ones can be read."""

    def __init__(
        self, instruments: Mapping[str, Instrument], requests: Requests, *, depth: int, can_ask_again: bool
    ) -> None:
        self.verified: dict[str, OrderBook] = {}
        self.wants_reconnect = False
        self.newest = ""  # timestamp of the last message
        self.newest_ns = 0  # when it came
        self.received_ns: dict[str, int] = {}  # symbol -> when its last message came
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
            self.wants_reconnect,
            self._depths,
            self._awaited,
            self._losses,
            self.newest,
            self.newest_ns,
            self._asks,
        )

    def remember(self, memory: BooksMemory) -> None:
        """Go on from where another connection's books were."""
        self.wants_reconnect = memory.wants_reconnect
        self._depths, self._awaited, self._losses = memory.depths, memory.awaited, memory.losses
        self.newest, self.newest_ns, self._asks = memory.newest, memory.newest_ns, memory.asks
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

    def granted(self, symbol: str, depth: int | None) -> None:
        """Take the depth to truncate to from the exchange's answer."""
        if depth is not None:
            self._depths[symbol] = depth

    def refused(self, symbol: str) -> None:
        """Wait no longer for a book that will not come."""
        self._awaited.pop(symbol, None)

    def receive(self, message: BookMessage, time_ns: int) -> list[MarketEvent]:
        """Apply one message: whole, then truncated, then verified."""
        self.newest_ns = time_ns
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
        events = self._take(book, data, time_ns)
        if events is self._changed[symbol]:
            self.verified[symbol] = book
            self._awaited.pop(symbol, None)
        return events

    def _take(self, book: OrderBook, data: BookData, time_ns: int) -> list[MarketEvent]:
        symbol = data.symbol
        self.newest = data.timestamp
        self.received_ns[symbol] = time_ns
        levels = self._levels[symbol]
        try:
            book.apply(levels.read(data.bids), levels.read(data.asks))
            book.verify(data.checksum)
        except InexactNumber as error:
            return self.lose(symbol, "number", str(error), time_ns)
        except BookError as error:
            return self.lose(symbol, "crossed" if isinstance(error, CrossedBook) else "checksum", str(error), time_ns)
        return self._changed[symbol]

    def lose(self, symbol: str, kind: str, reason: str, time_ns: int) -> list[MarketEvent]:
        """Drop a book that cannot be trusted and request it, now or when its turn comes."""
        self.verified.pop(symbol, None)
        self._awaited.pop(symbol, None)
        events: list[MarketEvent] = [BookLost(symbol, kind, reason)]
        if not self._can_ask_again:
            return events
        loss = self._losses.setdefault(symbol, _Loss())
        loss.failures = 1 if time_ns - loss.failed_ns > FORGIVEN_AFTER_NS else loss.failures + 1
        loss.failed_ns, loss.is_asked = time_ns, False
        self.wants_reconnect = self.wants_reconnect or loss.failures >= MAX_FAILURES
        second, count = self._asks
        self._asks = (time_ns // NS_PER_S, count + 1 if second == time_ns // NS_PER_S else 1)
        return events + (self._request_due(time_ns, [symbol]) if self._asks[1] <= MAX_REQUESTS_A_SECOND else [])

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
        for symbol in symbols:
            loss = self._losses[symbol]
            if not loss.is_asked and time_ns >= loss.next_ask_ns:
                loss.is_asked = True
                loss.next_ask_ns = time_ns + REQUEST_EVERY_NS + crc32(symbol.encode()) % REQUEST_JITTER_NS
                self._awaited[symbol] = time_ns
                due.setdefault(self._depths.get(symbol, self._depth), []).append(symbol)
        for depth, names in due.items():
            self._requests.unsubscribe("book", names, time_ns, depth=depth)
            self._requests.subscribe("book", names, time_ns, depth=depth, snapshot=True)
        return [BookRequested(symbol) for names in due.values() for symbol in names]


def _unknown(symbol: str) -> BadFrame:
    return BadFrame(f"book of {symbol!r}, of which no instrument is known", "")
