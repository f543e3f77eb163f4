"""Public prints of the simulated market: a fixed number a minute, in bursts, with ids that count on for ever."""

from __future__ import annotations

from functools import lru_cache
from math import log

from marketdata.simulation.books import STEP_NS, BookMaker
from marketdata.simulation.chance import mixed, name_number, uniform
from marketdata.simulation.pairs import Pair
from marketdata.simulation.prices import Prices
from trading.book import Side
from trading.candles import MINUTE_NS
from trading.frames import NS_PER_S, Trade

PER_BURST = 4
BURST_S = 0.8  # mean distance of a print from its burst's beginning
MOMENTUM_NS = 3 * NS_PER_S
PULL = 0.35  # how much more often takers go with the price than against it
WALKS = (0.85, 0.97)  # below the first: at the touch; below the second: one level in; else two
LARGEST_TRADE = 80.0  # times the typical
TRADE_TAIL = 0.75
NS_PER_US = 1_000


class Tape:
    """One pair's prints."""

    def __init__(self, pair: Pair, prices: Prices, books: BookMaker, seed: int) -> None:
        self._pair = pair
        self._prices = prices
        self._books = books
        self._key = mixed(seed, name_number(pair.symbol), name_number("tape"))
        self._minute = lru_cache(maxsize=8)(self._minute_of)

    def between(self, after_ns: int, until_ns: int) -> list[Trade]:
        """Return the prints with ``after_ns`` < time <= ``until_ns``, in order of id and time."""
        minutes = range(after_ns // MINUTE_NS, until_ns // MINUTE_NS + 1)
        return [t for minute in minutes for t in self._minute(minute) if after_ns < t.time_ns <= until_ns]

    def newest(self, count: int, time_ns: int) -> list[Trade]:
        """Return the last ``count`` prints up to ``time_ns``, oldest first."""
        minutes = count // self._pair.trades_per_minute + 2
        return self.between(time_ns - minutes * MINUTE_NS, time_ns)[-count:]

    def _minute_of(self, minute: int) -> tuple[Trade, ...]:
        first_id = minute * self._pair.trades_per_minute
        moments = sorted(self._moment(minute, k) for k in range(self._pair.trades_per_minute))
        return tuple(self._trade(first_id + k, *moment) for k, moment in enumerate(moments))

    def _moment(self, minute: int, k: int) -> tuple[int, int]:
        """Return the time of a print and the burst it belongs to."""
        bursts = max(1, self._pair.trades_per_minute // PER_BURST)
        burst = mixed(self._key, minute, k, 1) % bursts
        began_s = 60.0 * uniform(self._key, minute, burst, 2)
        later_s = -BURST_S * log(1.0 - uniform(self._key, minute, k, 3))
        # Whole microseconds, as Kraken has them; what runs over the minute comes round to its beginning.
        offset_ns = int((began_s + later_s) % 60.0 * 1e6) * NS_PER_US
        return minute * MINUTE_NS + offset_ns, burst

    def _trade(self, trade_id: int, time_ns: int, burst: int) -> Trade:
        instrument = self._pair.instrument
        now, before = (
            self._prices.rate(instrument.base, instrument.quote, at_ns) for at_ns in (time_ns, time_ns - MOMENTUM_NS)
        )
        towards_buying = 0.5 + (PULL if now > before else -PULL)
        # The first draw is the burst's: prints of one burst mostly go one way.
        draw = 0.7 * uniform(self._key, time_ns // MINUTE_NS, burst, 4) + 0.3 * uniform(self._key, trade_id, 5)
        side = Side.BUY if draw < towards_buying else Side.SELL
        levels = self._books.at(time_ns // STEP_NS, 10).opposite(side)
        walk = uniform(self._key, trade_id, 6)
        level = levels[min(len(levels) - 1, sum(walk >= limit for limit in WALKS))]
        size = min(LARGEST_TRADE, uniform(self._key, trade_id, 7) ** -TRADE_TAIL - 0.9)
        lots = max(instrument.qty_min_lots, int(size * self._pair.trade_qty * 1e8))
        return Trade(instrument.symbol, trade_id, side, level.ticks, min(lots, level.lots), time_ns)
