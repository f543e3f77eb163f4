"""The immutable snapshot of the market that strategies read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import numpy as np

from trading.book import BookTop, Level, Side
from trading.candles import TIMEFRAME_MINUTES, CandleSeries, CandleStore
from trading.frames import STALE, Trade, utc
from trading.instruments import Instrument, InstrumentStatus

if TYPE_CHECKING:
    from trading.portfolio import Portfolio

TAPE_LENGTH = 1_000  # public prints that a snapshot remembers per symbol


class UnknownSymbol(KeyError):
    """The market has not heard of this symbol, or has no price for it yet."""

    def __str__(self) -> str:
        return str(self.args[0])


class Print(NamedTuple):
    """A public trade as strategies read it."""

    price: float  # quote per base
    qty: float  # base units
    side: Side  # the taker's
    time_ns: int

    @property
    def value(self) -> float:
        """Quote currency that changed hands."""
        return self.price * self.qty


class Quote(NamedTuple):
    """A book level as strategies read it."""

    price: float  # quote per base
    qty: float  # base units


class MarketView(NamedTuple):
    """The state of all symbols after one frame; every dict in it is replaced, never changed."""

    instruments: dict[str, Instrument]
    statuses: dict[str, str]
    system: str
    books: dict[str, BookTop]
    last_ticks: dict[str, int]
    tapes: dict[str, tuple[list[Trade], int]]  # an append-only list and how much of it counts
    series: dict[tuple[str, str], CandleSeries]


class Asked(Protocol):
    """The deployment that is shown a snapshot; what it alone may read is computed when it reads it."""

    def portfolio_at(self, snapshot: DataSnapshot) -> Portfolio:
        """Return its money as it stands, valued at the snapshot."""

    def seed_at(self, sequence: int) -> int:
        """Return the seed of its random numbers at a frame."""


class DataSnapshot:
    """What a strategy may know at one frame: prices, books, prints and closed candles.

    Shared by all strategies of a worker; immutable. Prices are floats in quote
    currency per unit of base. A symbol that the market does not know raises
    UnknownSymbol: a zero would be traded on.
    """

    __slots__ = ("_asked", "_portfolio", "_rng", "_view", "memo", "sequence", "symbols", "time_ns")

    def __init__(self, view: MarketView, sequence: int, time_ns: int) -> None:
        self._view = view
        self._asked: Asked | None = None
        self._rng: np.random.Generator | None = None
        self._portfolio: Portfolio | None = None
        self.memo: dict[object, Any] = {}  # what many deployments would compute alike
        self.sequence = sequence
        self.time_ns = time_ns
        self.symbols: tuple[str, ...] = tuple(view.instruments)  # those the reader trades; at first all there are

    def seen_by(self, asked: Asked, symbols: tuple[str, ...]) -> DataSnapshot:
        """Return the same market as ``asked`` sees it: with its own portfolio, symbols and random numbers."""
        # Once per deployment and frame: nothing is computed here that may not be read.
        seen = object.__new__(DataSnapshot)
        seen._view, seen._asked, seen._rng, seen._portfolio = self._view, asked, None, None
        seen.memo, seen.sequence, seen.time_ns, seen.symbols = self.memo, self.sequence, self.time_ns, symbols
        return seen

    @property
    def portfolio(self) -> Portfolio:
        """Cash, positions and open orders of the deployment that is asked, read-only.

        Raises:
            LookupError: the snapshot is the market's own, shown to no deployment.
        """
        if self._portfolio is None:
            if self._asked is None:
                raise LookupError("this snapshot belongs to no deployment: it has no portfolio")
            self._portfolio = self._asked.portfolio_at(self)
        return self._portfolio

    @property
    def time(self) -> datetime:
        """The market's clock, UTC."""
        return utc(self.time_ns)

    @property
    def rng(self) -> np.random.Generator:
        """Random numbers that the same deployment draws again at the same frame."""
        if self._rng is None:
            self._rng = np.random.default_rng(0 if self._asked is None else self._asked.seed_at(self.sequence))
        return self._rng

    @property
    def series(self) -> Mapping[tuple[str, str], CandleSeries]:
        """All series by symbol and timeframe; another object as soon as any candle has closed or changed."""
        return self._view.series

    @property
    def instruments(self) -> dict[str, Instrument]:
        """The rules of every symbol on this market."""
        return self._view.instruments

    def instrument(self, symbol: str) -> Instrument:
        """Return the rules of ``symbol``."""
        return _known(self._view.instruments, symbol, "instrument")

    def top(self, symbol: str) -> BookTop:
        """Return the book in ticks and lots, as the exchange matches it."""
        top = self._view.books.get(symbol)
        return top if top is not None else _known(self._view.books, symbol, "order book")

    def top_or_none(self, symbol: str) -> BookTop | None:
        """Return the book as ``top`` does, or None before the first one has come."""
        return self._view.books.get(symbol)

    def bids(self, symbol: str) -> list[Quote]:
        """Return the visible bids, best first."""
        return self._quotes(symbol, self.top(symbol).bids)

    def asks(self, symbol: str) -> list[Quote]:
        """Return the visible asks, best first."""
        return self._quotes(symbol, self.top(symbol).asks)

    def mid(self, symbol: str) -> float:
        """Return the mean of best bid and best ask."""
        top = self.top(symbol)
        if not top.bids or not top.asks:
            raise UnknownSymbol(f"{symbol} has a one-sided book: no mid price")
        return self.instrument(symbol).price_float(top.bids[0].ticks + top.asks[0].ticks) / 2

    def price(self, symbol: str) -> float:
        """Return the price of the last print, or the mid while nobody has traded."""
        ticks = self._view.last_ticks.get(symbol)
        return self.mid(symbol) if ticks is None else self.instrument(symbol).price_float(ticks)

    def trades(self, symbol: str, count: int = TAPE_LENGTH) -> list[Print]:
        """Return the newest ``count`` public prints, oldest first; fewer when there are fewer."""
        tape, length = self._view.tapes.get(symbol, ([], 0))
        instrument = self.instrument(symbol)
        first = max(0, length - min(count, TAPE_LENGTH))
        price, qty = 10**instrument.price_decimals, 10**instrument.qty_decimals
        return [Print(t.ticks / price, t.lots / qty, t.side, t.time_ns) for t in tape[first:length]]

    def candles(self, symbol: str, timeframe: str = "1m") -> CandleSeries:
        """Return the closed candles, newest last; empty when none has closed yet.

        Raises:
            UnknownSymbol: no such symbol, or no such timeframe.
        """
        series = self._view.series.get((symbol, timeframe))
        if series is not None:
            return series
        self.instrument(symbol)
        if timeframe not in TIMEFRAME_MINUTES:
            raise UnknownSymbol(f"timeframe is {timeframe!r}; known are {', '.join(TIMEFRAME_MINUTES)}")
        return CandleStore(symbol, timeframe).view()

    def status(self, symbol: str) -> str:
        """Return the instrument's status, or "stale" when we do not know its book."""
        return self._view.statuses.get(symbol, STALE)

    def is_tradable(self, symbol: str) -> bool:
        """True when orders for ``symbol`` may be matched: exchange and instrument online, book two-sided and fresh."""
        top = self._view.books.get(symbol)
        return (
            top is not None
            and bool(top.bids)
            and bool(top.asks)
            and self._view.statuses.get(symbol) == InstrumentStatus.ONLINE
            and self._view.system == "online"
        )

    @property
    def system(self) -> str:
        """The exchange's own status; empty before it has told."""
        return self._view.system

    def last_ticks(self, symbol: str) -> int | None:
        """Return the last print's price in ticks, or None while nobody has traded."""
        return self._view.last_ticks.get(symbol)

    def _quotes(self, symbol: str, levels: tuple[Level, ...]) -> list[Quote]:
        instrument = self.instrument(symbol)
        price, qty = 10**instrument.price_decimals, 10**instrument.qty_decimals
        return [Quote(level.ticks / price, level.lots / qty) for level in levels]


_T = TypeVar("_T")


def _known(things: Mapping[str, _T], symbol: str, what: str) -> _T:
    try:
        return things[symbol]
    except KeyError:
        raise UnknownSymbol(f"no {what} for {symbol!r}; the market has {', '.join(things) or 'none yet'}") from None
