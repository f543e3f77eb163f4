"""Candles: their series, and how longer ones are made of shorter ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from trading.frames import CandleCounts
from trading.instruments import Instrument
from trading.recount import Recount

TIMEFRAME_MINUTES = {"1m": 1, "5m": 5, "15m": 15, "1h": 60, "4h": 240, "1d": 1440}
MINUTE_NS = 60_000_000_000
ROLLS_UP_FROM = {"5m": "1m", "15m": "5m", "1h": "15m", "4h": "1h", "1d": "4h"}  # shortest first
SERIES_CAPACITY = 1_500  # closed candles that a series keeps readable

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Candle:
    """Open, high, low, close and volume of one interval.

    ``start_ns`` is the beginning of the interval (never its end); a minute without a
    trade is *flat*: four times the previous close, no volume, ``trades`` zero.
    """

    start_ns: int
    open: float  # quote per base, as are high, low and close
    high: float
    low: float
    close: float
    volume: float  # base units
    trades: int = 0

    @property
    def is_flat(self) -> bool:
        """True when nobody traded in the interval."""
        return self.trades == 0


def counted(numbers: CandleCounts) -> Candle:
    """Return a candle of ticks and lots. Where they are no whole ones it holds Decimals, which add up as exactly."""
    return Candle(*cast("tuple[int, float, float, float, float, float, int]", numbers))


def counts(candle: Candle) -> CandleCounts:
    """Return a candle of ticks and lots as exact numbers: floats would round them."""
    units: tuple[object, ...] = candle.open, candle.high, candle.low, candle.close, candle.volume
    o, h, low, c, v = (n if isinstance(n, Decimal) else int(cast("float", n)) for n in units)
    return candle.start_ns, o, h, low, c, v, candle.trades


def recounted(candle: Candle, change: Recount) -> Candle:
    """Return a candle of ticks and lots in the decimals that its instrument has now."""
    return counted(change.candle(counts(candle)))


class Closed(NamedTuple):
    """A candle of ticks and lots that will not change any more."""

    symbol: str
    candle: Candle
    timeframe: str = "1m"


def width_ns(timeframe: str) -> int:
    """Return the length of a candle."""
    return TIMEFRAME_MINUTES[timeframe] * MINUTE_NS


def merged(first: Candle, second: Candle, start_ns: int) -> Candle:
    """Return two neighbouring candles as one that begins at ``start_ns``."""
    return Candle(
        start_ns,
        first.open,
        max(first.high, second.high),
        min(first.low, second.low),
        second.close,
        first.volume + second.volume,
        first.trades + second.trades,
    )


def in_units(candle: Candle, instrument: Instrument) -> Candle:
    """Return a candle of ticks and lots as one of quote prices and base volume."""
    price, qty = 10**instrument.price_decimals, 10**instrument.qty_decimals
    return Candle(
        candle.start_ns,
        float(candle.open / price),
        float(candle.high / price),
        float(candle.low / price),
        float(candle.close / price),
        float(candle.volume / qty),
        candle.trades,
    )


class CandleSeries:
    """An immutable view of closed candles, oldest first, newest last.

    ``open``, ``high``, ``low``, ``close``, ``volume`` are read-only float64 arrays of
    equal length without a copy; ``start_ns`` is int64. ``version`` grows when a candle
    closes, and is the same for all who stand at the same frame: the minute, counted
    from the epoch, at which the newest candle ended.
    """

    __slots__ = ("_block", "_from", "_to", "memo", "start_ns", "symbol", "timeframe", "version")

    def __init__(self, symbol: str, timeframe: str, block: Floats, start_ns: NDArray[np.int64], version: int) -> None:
        self.symbol = symbol
        self.timeframe = timeframe
        self._block: Floats = block  # 6 x n: open, high, low, close, volume, trades
        self.start_ns = start_ns
        self.version = version
        self.memo: dict[object, Any] = {}  # indicators of exactly these candles, shared by all who read them

    @property
    def open(self) -> Floats:
        """First prices, quote per base."""
        return self._row(0)

    @property
    def high(self) -> Floats:
        """Highest prices, quote per base."""
        return self._row(1)

    @property
    def low(self) -> Floats:
        """Lowest prices, quote per base."""
        return self._row(2)

    @property
    def close(self) -> Floats:
        """Last prices, quote per base."""
        return self._row(3)

    @property
    def volume(self) -> Floats:
        """Traded quantities, base units."""
        return self._row(4)

    def _row(self, at: int) -> Floats:
        row: Floats = self._block[at]
        return row

    def __len__(self) -> int:
        return int(self._block.shape[1])

    def __getitem__(self, at: int) -> Candle:
        o, h, low, c, v, n = (float(x) for x in self._block[:, at])
        return Candle(int(self.start_ns[at]), o, h, low, c, v, int(n))

    def __iter__(self) -> Iterator[Candle]:
        return (self[at] for at in range(len(self)))


class CandleStore:
    """The growing series behind the views: append-only blocks, so that no view ever changes."""

    __slots__ = ("_block", "_count", "_starts", "_view", "symbol", "timeframe")

    def __init__(self, symbol: str, timeframe: str) -> None:
        self.symbol = symbol
        self.timeframe = timeframe
        self._block = np.empty((6, 2 * SERIES_CAPACITY))
        self._starts = np.empty(2 * SERIES_CAPACITY, dtype=np.int64)
        self._count = 0
        self._view: CandleSeries | None = None

    def append(self, candle: Candle) -> None:
        """Add a closed candle; it must begin after the last one."""
        if self._count == self._block.shape[1]:
            self._start_new_block()
        at = self._count
        self._block[:, at] = _numbers(candle)
        self._starts[at] = candle.start_ns
        self._count += 1
        self._view = None

    def insert(self, candles: Iterable[Candle]) -> None:
        """Add closed candles wherever they belong; those that begin as one already here are left out."""
        added = list(candles)
        if not added:
            return
        rows = np.array([_numbers(candle) for candle in added]).T
        starts = np.array([candle.start_ns for candle in added], dtype=np.int64)
        all_rows = np.concatenate([self._block[:, : self._count], rows], axis=1)
        all_starts = np.concatenate([self._starts[: self._count], starts])
        kept = np.unique(all_starts, return_index=True)[1][-SERIES_CAPACITY:]
        # As with a full block: a new one, because views still show the old.
        self._block, self._starts = np.empty_like(self._block), np.empty_like(self._starts)
        self._count, self._view = len(kept), None
        self._block[:, : self._count] = all_rows[:, kept]
        self._starts[: self._count] = all_starts[kept]

    def replace(self, candle: Candle) -> None:
        """Put a corrected candle in the place of the one that began with it."""
        at = int(np.searchsorted(self._starts[: self._count], candle.start_ns))
        assert self._starts[at] == candle.start_ns, "only what is here is corrected"
        # As with a full block: a new one, because views still show the old.
        self._block, self._view = self._block.copy(), None
        self._block[:, at] = _numbers(candle)

    def _start_new_block(self) -> None:
        # Views of the old block stay valid because it is left alone, not shifted.
        block, starts = np.empty_like(self._block), np.empty_like(self._starts)
        block[:, :SERIES_CAPACITY] = self._block[:, -SERIES_CAPACITY:]
        starts[:SERIES_CAPACITY] = self._starts[-SERIES_CAPACITY:]
        self._block, self._starts, self._count = block, starts, SERIES_CAPACITY

    def view(self) -> CandleSeries:
        """Return the newest closed candles, at most ``SERIES_CAPACITY``."""
        if self._view is None:
            first = max(0, self._count - SERIES_CAPACITY)
            block, starts = self._block[:, first : self._count], self._starts[first : self._count]
            block.flags.writeable = starts.flags.writeable = False
            newest = int(starts[-1]) // MINUTE_NS + TIMEFRAME_MINUTES[self.timeframe] if len(starts) else 0
            self._view = CandleSeries(self.symbol, self.timeframe, block, starts, newest)
        return self._view


def rolled_up(pieces: Iterable[Candle], timeframe: str, end_ns: int) -> Candle | None:
    """Return the candle of ``timeframe`` that ended at ``end_ns``, made of all its pieces of the next shorter one.

    None when a piece is missing: half a candle would distort every indicator over it.
    """
    start_ns = end_ns - width_ns(timeframe)
    parts = [piece for piece in pieces if start_ns <= piece.start_ns < end_ns]
    if len(parts) != TIMEFRAME_MINUTES[timeframe] // TIMEFRAME_MINUTES[ROLLS_UP_FROM[timeframe]]:
        return None
    whole = parts[0]
    for part in parts[1:]:
        whole = merged(whole, part, start_ns)
    return whole


def _numbers(candle: Candle) -> tuple[float, ...]:
    return candle.open, candle.high, candle.low, candle.close, candle.volume, candle.trades
