"""Order books of the simulated market: who stands where is a hash of the price and its hour."""

from __future__ import annotations

from functools import lru_cache

from marketdata.simulation.chance import mixed, name_number, uniform
from marketdata.simulation.pairs import Pair
from marketdata.simulation.prices import Prices
from trading.book import BookTop, Level, Side
from trading.frames import NS_PER_S

STEP_NS = 100_000_000  # a book changes at these boundaries
SHORTEST_STAY_NS = 2 * NS_PER_S
LONGEST_STAYS = 8  # times the shortest
GROWTH_LIMIT = 12.0
LARGEST_SIZE = 40.0  # times the typical
SIZE_TAIL = 0.6
_CACHED_LEVELS = 4_000  # several times what the deepest books need at once
SPREAD_LASTS_NS = 1_500_000_000
COARSE_NS = 10 * NS_PER_S


class BookMaker:
    """One pair's books. The cache only saves time: the same step always gives the same book."""

    def __init__(self, pair: Pair, prices: Prices, seed: int) -> None:
        self._pair = pair
        self._prices = prices
        self._key = mixed(seed, name_number(pair.symbol))
        self._cache: dict[tuple[Side, int], tuple[int, int]] = {}  # -> until when, lots (0: none)
        self._min_lots = pair.instrument.qty_min_lots
        self.at = lru_cache(maxsize=64)(self._at)
        self._coarse_mid = lru_cache(maxsize=64)(self._mid_ticks)

    def _mid_ticks(self, time_ns: int) -> float:
        instrument = self._pair.instrument
        return self._prices.rate(instrument.base, instrument.quote, time_ns) * 10.0**instrument.price_decimals

    def _at(self, step: int, depth: int) -> BookTop:
        """Return the best ``depth`` levels a side from ``step`` (times STEP_NS) until the next."""
        time_ns = step * STEP_NS
        narrow, wide = self._pair.spread_ticks
        mood = uniform(self._key, name_number("spread"), time_ns // SPREAD_LASTS_NS)
        spread = narrow + int((wide - narrow + 1) * mood**3)
        best_bid = int(self._mid_ticks(time_ns) - spread / 2)
        return BookTop(
            self._side(Side.BUY, best_bid, -1, time_ns, depth),
            self._side(Side.SELL, best_bid + spread, 1, time_ns, depth),
        )

    def _side(self, side: Side, best: int, direction: int, time_ns: int, depth: int) -> tuple[Level, ...]:
        levels = [Level(best, max(self._lots(side, best, time_ns), self._touch_lots(side, best)))]
        ticks = best + direction
        while len(levels) < depth and ticks > 0:
            lots = self._lots(side, ticks, time_ns)
            if lots:
                levels.append(Level(ticks, lots))
            ticks += direction
        return tuple(levels)

    def _touch_lots(self, side: Side, ticks: int) -> int:
        """Someone always stands at the touch, if with little."""
        return self._sized(0.2 + 0.8 * uniform(self._key, ticks, side is Side.BUY, 7))

    def _lots(self, side: Side, ticks: int, time_ns: int) -> int:
        known = self._cache.get((side, ticks))
        if known is not None and time_ns < known[0] and time_ns >= known[0] - self._stay_ns(ticks):
            return known[1]
        stay_ns = self._stay_ns(ticks)
        phase_ns = mixed(self._key, ticks, 2) % stay_ns // STEP_NS * STEP_NS
        slot = (time_ns + phase_ns) // stay_ns
        lots = 0
        if uniform(self._key, ticks, side is Side.BUY, slot, 3) < self._pair.density:
            tail = min(LARGEST_SIZE, uniform(self._key, ticks, side is Side.BUY, slot, 4) ** -SIZE_TAIL - 0.9)
            began_ns = slot * stay_ns - phase_ns
            distance = abs(ticks - self._coarse_mid(began_ns - began_ns % COARSE_NS))
            lots = self._sized(tail * (1.0 + min(GROWTH_LIMIT, distance / self._pair.growth_ticks)))
        if len(self._cache) >= _CACHED_LEVELS:
            # As prices wander, levels are left behind that nobody will ask for again.
            self._cache = {place: known for place, known in self._cache.items() if known[0] > time_ns}
            if len(self._cache) >= _CACHED_LEVELS // 2:
                self._cache.clear()
        self._cache[side, ticks] = ((slot + 1) * stay_ns - phase_ns, lots)
        return lots

    def _stay_ns(self, ticks: int) -> int:
        return SHORTEST_STAY_NS * (1 + mixed(self._key, ticks, 1) % LONGEST_STAYS)

    def _sized(self, share: float) -> int:
        return max(self._min_lots, int(share * self._pair.typical_qty * 1e8))
