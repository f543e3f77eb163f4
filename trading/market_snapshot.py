"""The market at one frame, immutable: books, prints, closed candles, rules and statuses.

What the exchange and the accounts go by; what a strategy reads (`trading.snapshot`) is this and its own account.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import msgspec

from trading.book import BookTop, Level, Side
from trading.candles import TIMEFRAME_MINUTES, CandleSeries, CandleStore
from trading.frames import STALE, Trade, utc
from trading.instruments import Instrument, InstrumentStatus
from trading.recount import Decimals, Recount, decimals_of, finest, in_finer

TAPE_LENGTH = 1_000  # public prints that a snapshot remembers per symbol


class UnknownSymbol(KeyError):
    """The market does not know this symbol, or has no price for it yet."""

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


class MarketView(msgspec.Struct, frozen=True):
    """The state of all symbols after one frame; every dict in it is replaced, never changed."""

    instruments: dict[str, Instrument]
    statuses: dict[str, str]
    system: str
    books: dict[str, BookTop]
    last_ticks: dict[str, int]
    tapes: dict[str, tuple[list[Trade], int]]  # an append-only list and how much of it counts
    series: dict[tuple[str, str], CandleSeries]
    tape_decimals: dict[str, Decimals] = {}  # of tapes that are counted in finer ones than their instrument now


def recounted_view(view: MarketView, change: Recount) -> MarketView:
    """Return the market with one instrument's book, prints and last price counted in its new decimals.

    Prints are kept in the finest decimals that any of them had, so that none is rounded; the last price is rounded
    where it lies between two ticks, until somebody trades.
    """
    symbol = change.symbol
    counted_in = view.tape_decimals.get(symbol, change.old)
    finer = finest(counted_in, decimals_of(change.new))
    tapes, tape_decimals = view.tapes, {**view.tape_decimals, symbol: finer}
    if symbol in tapes and finer != counted_in:
        tape, length = tapes[symbol]
        tapes = {**tapes, symbol: ([in_finer(trade, counted_in, finer) for trade in tape[:length]], length)}
    if finer == decimals_of(change.new):
        del tape_decimals[symbol]
    last = {symbol: round(change.exact_ticks(view.last_ticks[symbol]))} if symbol in view.last_ticks else {}
    books = {symbol: change.top(view.books[symbol])} if symbol in view.books else {}
    return msgspec.structs.replace(
        view,
        books=view.books | books,
        last_ticks=view.last_ticks | last,
        tapes=tapes,
        tape_decimals=tape_decimals,
    )


class MarketSnapshot(msgspec.Struct, frozen=True, eq=False):
    """Prices, books, prints and closed candles at one frame.

    Shared by all deployments of a worker; immutable. Prices are floats in quote
    currency per unit of base. A symbol that the market does not know raises
    UnknownSymbol: a zero would be traded on.
    """

    _view: MarketView
    sequence: int
    time_ns: int
    memo: dict[object, Any]  # what many deployments would compute alike

    def __repr__(self) -> str:  # an error that quotes it must not hold the whole market
        return f"{type(self).__name__}(sequence={self.sequence})"

    @property
    def time(self) -> datetime:
        """The market's clock, UTC."""
        return utc(self.time_ns)

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
        rules = self._view.instruments.get(symbol)
        return rules if rules is not None else _known(self._view.instruments, symbol, "instrument")

    def top(self, symbol: str) -> BookTop:
        """Return the book in ticks and lots, as the exchange matches it."""
        top = self._view.books.get(symbol)
        return top if top is not None else _known(self._view.books, symbol, "order book")

    def top_or_none(self, symbol: str) -> BookTop | None:
        """Return the book as ``top`` does, or None before the first one has come."""
        return self._view.books.get(symbol)

    def bids(self, symbol: str, levels: int | None = None) -> list[Quote]:
        """Return the best ``levels`` of the visible bids, best first; all of them by default."""
        return self._quotes(symbol, self.top(symbol).bids[:levels])

    def asks(self, symbol: str, levels: int | None = None) -> list[Quote]:
        """Return the best ``levels`` of the visible asks, best first; all of them by default."""
        return self._quotes(symbol, self.top(symbol).asks[:levels])

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
        decimals = self._view.tape_decimals.get(symbol) or decimals_of(self.instrument(symbol))
        first = max(0, length - min(count, TAPE_LENGTH))
        price, qty = 10 ** decimals[0], 10 ** decimals[1]
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
        """The exchange's own status; empty before the first one has come."""
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
