"""The simulated market as a whole: what its exchange shows at any moment."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import msgspec

from marketdata.simulation.books import STEP_NS, BookMaker
from marketdata.simulation.chance import name_number, uniform
from marketdata.simulation.pairs import PAIRS, Pair
from marketdata.simulation.prices import Prices
from marketdata.simulation.trades import Tape
from trading.book import BookTop
from trading.frames import Trade
from trading.minutes import DAY_NS

_SAMPLES_A_DAY = 96


class DayFigures(msgspec.Struct, frozen=True):
    """The rolling 24 hours of a ticker, prices in quote currency."""

    open: float
    low: float
    high: float
    vwap: float
    volume: float  # base units


class SimulatedMarket:
    """A market that is a function of seed and time: one that stopped and started again has missed nothing."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.pairs: Mapping[str, Pair] = PAIRS
        self.prices = Prices(seed)
        self._books = {symbol: BookMaker(pair, self.prices, seed) for symbol, pair in PAIRS.items()}
        self._tapes = {symbol: Tape(pair, self.prices, self._books[symbol], seed) for symbol, pair in PAIRS.items()}
        self._day = lru_cache(maxsize=64)(self._day_until)

    def book(self, symbol: str, time_ns: int, depth: int) -> BookTop:
        """Return the book as it is displayed at ``time_ns``."""
        top: BookTop = self._books[symbol].at(time_ns // STEP_NS, depth)
        return top

    def trades(self, symbol: str, after_ns: int, until_ns: int) -> list[Trade]:
        """Return the prints with ``after_ns`` < time <= ``until_ns``, oldest first."""
        return self._tapes[symbol].between(after_ns, until_ns)

    def newest_trades(self, symbol: str, count: int, time_ns: int) -> list[Trade]:
        """Return the last ``count`` prints up to ``time_ns``, oldest first."""
        return self._tapes[symbol].newest(count, time_ns)

    def day(self, symbol: str, time_ns: int) -> DayFigures:
        """Return the figures of the 24 hours before ``time_ns``, as of the last full quarter of an hour."""
        quarter_ns = DAY_NS // _SAMPLES_A_DAY
        return self._day(symbol, time_ns // quarter_ns * quarter_ns)

    def _day_until(self, symbol: str, time_ns: int) -> DayFigures:
        pair = self.pairs[symbol]
        quarter_ns = DAY_NS // _SAMPLES_A_DAY
        base, quote = pair.instrument.base, pair.instrument.quote
        samples = [self.prices.rate(base, quote, time_ns - at * quarter_ns) for at in range(_SAMPLES_A_DAY)]
        share = 1.0 + uniform(self.seed, name_number(symbol), time_ns)
        volume = share * pair.trade_qty * pair.trades_per_minute * 1_440
        return DayFigures(samples[-1], min(samples), max(samples), sum(samples) / len(samples), volume)
