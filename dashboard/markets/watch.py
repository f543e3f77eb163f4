"""The market of the newest frame: folded once in this process for all pages, and not at all while none is open.

Nothing runs here by itself. A page or a request reads a `Sight`, and only then are the frames folded
that have come since the last read.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

import numpy as np
import redis

from marketdata import bus
from marketdata.selectors import market_at
from trading.candles import MINUTE_NS, Candle, in_units, width_ns
from trading.frames import Frame, Trade, utc
from trading.gaps import foldable
from trading.market import Market
from trading.market_snapshot import MarketSnapshot

FAR_BEHIND_FRAMES = 1_200  # two minutes: a checkpoint, made every minute, is nearer than our own past
MOST_FRAMES = 3_000  # that one read folds; a recording played fast is caught up with over several

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forming:
    """A candle that is not closed yet; quote prices, base volume."""

    start_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    minutes: int  # that are in it, the open one included
    minutes_begun: int  # of its interval: more than ``minutes`` where some were not watched whole


@dataclass(frozen=True, slots=True)
class Sight:
    """The market as of one frame."""

    snapshot: MarketSnapshot
    tapes: Mapping[str, list[Trade]]  # by id, the newest last
    open_minutes: Mapping[str, Candle]  # quote prices; without symbols whose minute is not watched whole
    book_changed: Mapping[str, datetime]  # market time; without symbols whose book we have not seen change

    def forming(self, symbol: str, timeframe: str) -> Forming | None:
        """Return the candle in the making, of the minutes that were watched whole; None where none was."""
        start_ns = self.snapshot.time_ns // width_ns(timeframe) * width_ns(timeframe)
        series, minute = self.snapshot.candles(symbol), self.open_minutes.get(symbol)
        first = int(np.searchsorted(series.start_ns, start_ns))
        ends = [*(series[at] for at in (first, -1) if first < len(series)), *([minute] if minute else [])]
        if not ends:
            return None
        open_ = [minute] if minute else []
        return Forming(
            start_ns=start_ns,
            open=ends[0].open,
            high=max([*series.high[first:].tolist(), *(m.high for m in open_)]),
            low=min([*series.low[first:].tolist(), *(m.low for m in open_)]),
            close=ends[-1].close,
            volume=float(series.volume[first:].sum()) + sum(m.volume for m in open_),
            minutes=len(series) - first + len(open_),
            minutes_begun=(self.snapshot.time_ns - start_ns) // MINUTE_NS + 1,
        )


@dataclass(slots=True)
class MarketWatch:
    """One market, folded up to the last read. Safe to read from several threads."""

    name: str
    folded: int = 0  # frames, since this process began
    _market: Market = field(default_factory=Market)
    _changed: dict[str, datetime] = field(default_factory=dict)
    _sight: Sight | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def newest(self) -> Sight | None:
        """Return the market as of the newest frame, None before the first.

        Raises:
            redis.RedisError: the stream cannot be read.
        """
        with self._lock:
            before = self._market.sequence
            if bus.latest_sequence(self.name) - before > FAR_BEHIND_FRAMES:
                self._begin_anew()
            for frame in islice(bus.read(self.name, self._market.sequence), MOST_FRAMES):
                self._fold(frame)
            if self._market.sequence != before:
                self._sight = self._seen()
            return self._sight

    def _begin_anew(self) -> None:
        """Go on from the newest checkpoint if it is nearer than where we stand."""
        # Minutes are enough of the closed candles: those in the making are made of them.
        market, sequence = market_at(self.name, None, ["1m"])
        if sequence > self._market.sequence:
            self._market, self._changed = market, {}

    def _fold(self, frame: Frame) -> None:
        known = foldable(frame, self._market)
        if known is None:
            return
        before = self._market.snapshot()
        for symbol, top in known.books.items():
            if before.top_or_none(symbol) != top:  # a keyframe repeats books that have not changed
                self._changed[symbol] = utc(known.time_ns)
        self._market.fold(known)
        self.folded += 1

    def _seen(self) -> Sight:
        snapshot = self._market.snapshot()
        minutes = {symbol: self._market.forming(symbol) for symbol in snapshot.instruments}
        open_minutes = {
            symbol: in_units(minute, snapshot.instrument(symbol))
            for symbol, minute in minutes.items()
            if minute is not None
        }
        return Sight(snapshot, self._market.tapes(), open_minutes, dict(self._changed))


_watches: dict[str, MarketWatch] = {}  # at most one: that of the market read last


def watch_of(market: str) -> MarketWatch:
    """Return this process's watch of ``market``; that of another market is forgotten."""
    watch = _watches.get(market)
    if watch is None:
        watch = MarketWatch(market)
        _watches.clear()
        _watches[market] = watch
    return watch


def sight_of(market: str | None) -> Sight | None:
    """Return ``market`` as of its newest frame; None without a market, a frame, or Redis."""
    if not market:
        return None
    try:
        return watch_of(market).newest()
    except redis.RedisError as error:
        _log.warning("the frames of %s cannot be read: %s", market, error)
        return None
