"""A simulated pair's prints by the hundred thousand: print for print what `trades.Tape` and the books say."""

from __future__ import annotations

from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from marketdata.simulation.books import (
    COARSE_NS,
    GROWTH_LIMIT,
    LARGEST_SIZE,
    LONGEST_STAYS,
    SHORTEST_STAY_NS,
    SIZE_TAIL,
    SPREAD_LASTS_NS,
    STEP_NS,
)
from marketdata.simulation.chance import mixed as mixed_one
from marketdata.simulation.chance import name_number
from marketdata.simulation.pairs import Pair
from marketdata.simulation.prices import Prices
from marketdata.simulation.trades import (
    BURST_S,
    LARGEST_TRADE,
    MOMENTUM_NS,
    NS_PER_US,
    PER_BURST,
    PULL,
    TRADE_TAIL,
    WALKS,
)
from marketdata.simulation.vectors import Floats, Ints, each, mixed, rates, uniform
from trading.candles import MINUTE_NS

Flags = NDArray[np.bool_]


class Prints(NamedTuple):
    """Columns of equal length, in the order of time and id."""

    trade_id: Ints
    time_ns: Ints
    is_buy: Flags  # the taker's side
    ticks: Ints
    lots: Ints


class PrintMaker:
    """One pair's prints for whole stretches of minutes."""

    def __init__(self, pair: Pair, prices: Prices, seed: int) -> None:
        self._pair = pair
        self._prices = prices
        self._book_key = mixed_one(seed, name_number(pair.symbol))
        self._tape_key = mixed_one(seed, name_number(pair.symbol), name_number("tape"))

    def of_minutes(self, first_minute: int, count: int) -> Prints:
        """Return all prints of ``count`` minutes; every minute has the same number of them."""
        instrument, a_minute = self._pair.instrument, self._pair.trades_per_minute
        minutes = np.repeat(np.arange(first_minute, first_minute + count), a_minute)
        times_ns, bursts = self._moments(minutes, np.tile(np.arange(a_minute), count))
        order = np.lexsort((bursts, times_ns))  # as tuples of both sort
        times_ns, bursts = times_ns[order], bursts[order]
        ids = first_minute * a_minute + np.arange(len(times_ns))
        is_buy = self._sides(ids, times_ns, bursts)
        ticks, displayed = self._levels(ids, times_ns, is_buy)
        tail = each(lambda u: u**-TRADE_TAIL, uniform(self._tape_key, ids, 7)) - 0.9
        wanted = (np.minimum(LARGEST_TRADE, tail) * self._pair.trade_qty * 1e8).astype(np.int64)
        lots = np.minimum(np.maximum(instrument.qty_min_lots, wanted), displayed)
        return Prints(ids, times_ns, is_buy, ticks, lots)

    def _moments(self, minutes: Ints, k: Ints) -> tuple[Ints, Ints]:
        bursts = max(1, self._pair.trades_per_minute // PER_BURST)
        burst = (mixed(self._tape_key, minutes, k, 1) % np.uint64(bursts)).astype(np.int64)
        began_s = 60.0 * uniform(self._tape_key, minutes, burst, 2)
        later_s = -BURST_S * each(log, 1.0 - uniform(self._tape_key, minutes, k, 3))
        offset_ns = ((began_s + later_s) % 60.0 * 1e6).astype(np.int64) * NS_PER_US
        return minutes * MINUTE_NS + offset_ns, burst

    def _sides(self, ids: Ints, times_ns: Ints, bursts: Ints) -> Flags:
        now, before = self._rates(times_ns), self._rates(times_ns - MOMENTUM_NS)
        towards_buying = 0.5 + np.where(now > before, PULL, -PULL)
        of_burst = uniform(self._tape_key, times_ns // MINUTE_NS, bursts, 4)
        is_buy: Flags = 0.7 * of_burst + 0.3 * uniform(self._tape_key, ids, 5) < towards_buying
        return is_buy

    def _levels(self, ids: Ints, times_ns: Ints, is_buy: Flags) -> tuple[Ints, Ints]:
        """Return the price that each taker met, and what was displayed there."""
        step_ns = times_ns // STEP_NS * STEP_NS
        narrow, wide = self._pair.spread_ticks
        mood = uniform(self._book_key, name_number("spread"), step_ns // SPREAD_LASTS_NS)
        spread = narrow + ((wide - narrow + 1) * each(lambda u: u**3, mood)).astype(np.int64)
        best_bid = (self._mid_ticks(step_ns) - spread / 2).astype(np.int64)
        # A buyer meets the asks, which grow upwards; a seller the bids.
        best, direction = np.where(is_buy, best_bid + spread, best_bid), np.where(is_buy, 1, -1)
        walk = uniform(self._tape_key, ids, 6)
        levels = np.searchsorted(np.array(WALKS), walk, side="right")
        ticks = self._walked(best, direction, levels, step_ns)
        displayed = self._lots(ticks, direction, step_ns)
        touch = self._sized(0.2 + 0.8 * uniform(self._book_key, ticks, _is_bid(direction), 7))
        return ticks, np.where(ticks == best, np.maximum(displayed, touch), displayed)

    def _walked(self, best: Ints, direction: Ints, levels: Ints, step_ns: Ints) -> Ints:
        """Return the price that lies as many occupied ``levels`` behind the best."""
        ticks, left = best.copy(), levels.copy()
        walking = np.flatnonzero(left)
        while len(walking):
            ticks[walking] += direction[walking]
            left[walking] -= self._is_occupied(ticks[walking], direction[walking], step_ns[walking])
            walking = walking[left[walking] > 0]
        return ticks

    def _slots(self, ticks: Ints, step_ns: Ints) -> tuple[Ints, Ints]:
        """Return which stay it is at each price, and when that stay began."""
        stays = (mixed(self._book_key, ticks, 1) % np.uint64(LONGEST_STAYS)).astype(np.int64)
        stay_ns = SHORTEST_STAY_NS * (1 + stays)
        phase = mixed(self._book_key, ticks, 2) % stay_ns.astype(np.uint64)
        phase_ns = phase.astype(np.int64) // STEP_NS * STEP_NS
        slot = (step_ns + phase_ns) // stay_ns
        return slot, slot * stay_ns - phase_ns

    def _is_occupied(self, ticks: Ints, direction: Ints, step_ns: Ints) -> Flags:
        slot, _ = self._slots(ticks, step_ns)
        occupied: Flags = uniform(self._book_key, ticks, _is_bid(direction), slot, 3) < self._pair.density
        return occupied

    def _lots(self, ticks: Ints, direction: Ints, step_ns: Ints) -> Ints:
        """Return what is displayed at each price, zero where nothing is."""
        slot, began_ns = self._slots(ticks, step_ns)
        is_bid = _is_bid(direction)
        coarse_ns, of_coarse = np.unique(began_ns - began_ns % COARSE_NS, return_inverse=True)
        distance = np.abs(ticks - self._mid_ticks(coarse_ns)[of_coarse])
        draw = uniform(self._book_key, ticks, is_bid, slot, 4)
        tail = np.minimum(LARGEST_SIZE, each(lambda u: u**-SIZE_TAIL, draw) - 0.9)
        lots = self._sized(tail * (1.0 + np.minimum(GROWTH_LIMIT, distance / self._pair.growth_ticks)))
        occupied = uniform(self._book_key, ticks, is_bid, slot, 3) < self._pair.density
        return np.where(occupied, lots, 0)

    def _sized(self, share: Floats) -> Ints:
        lots = (share * self._pair.typical_qty * 1e8).astype(np.int64)
        return np.maximum(self._pair.instrument.qty_min_lots, lots)

    def _mid_ticks(self, times_ns: Ints) -> Floats:
        return self._rates(times_ns) * 10.0**self._pair.instrument.price_decimals

    def _rates(self, times_ns: Ints) -> Floats:
        return rates(self._prices, self._pair.instrument.base, self._pair.instrument.quote, times_ns)


def _is_bid(direction: Ints) -> Ints:
    return (direction < 0).astype(np.int64)
