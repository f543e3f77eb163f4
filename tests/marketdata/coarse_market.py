"""The simulated market at half a second, remembered: for tests in which much virtual time passes."""

from __future__ import annotations

from functools import lru_cache

from marketdata.simulation.market import SimulatedMarket
from trading.book import BookTop
from trading.candles import MINUTE_NS
from trading.frames import NS_PER_S, Trade

BOOK_EVERY_NS = NS_PER_S // 2
REMEMBERED = 20_000


class CoarseMarket(SimulatedMarket):
    """A market whose books change twice a second, remembered from one scenario to the next."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._coarse_book = lru_cache(REMEMBERED)(super().book)
        self._minute_trades = lru_cache(REMEMBERED)(super().trades)

    def book(self, symbol: str, time_ns: int, depth: int) -> BookTop:
        return self._coarse_book(symbol, time_ns // BOOK_EVERY_NS * BOOK_EVERY_NS, depth)

    def trades(self, symbol: str, after_ns: int, until_ns: int) -> list[Trade]:
        if until_ns - after_ns > MINUTE_NS:
            return super().trades(symbol, after_ns, until_ns)
        minutes = range(after_ns // MINUTE_NS, until_ns // MINUTE_NS + 1)
        sent = [t for m in minutes for t in self._minute_trades(symbol, m * MINUTE_NS - 1, (m + 1) * MINUTE_NS - 1)]
        return [trade for trade in sent if after_ns < trade.time_ns <= until_ns]
