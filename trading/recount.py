"""What an instrument's other decimals make of what is counted in the old ones: exactly, or not at all.

An exchange may announce at any time that the prices or quantities of a pair have more decimals, or fewer. The
market is what it was; only the numbers that count it are others. Finer units hold everything that the old ones held.
In coarser ones a price may lie between two ticks: what then becomes of it is its holder's to decide.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple, cast

from msgspec.structs import replace

from trading.book import BookTop, Level
from trading.frames import CandleCounts, Count, History, Trade
from trading.instruments import Instrument

Decimals = tuple[int, int]  # of a price and of a quantity


def decimals_of(instrument: Instrument) -> Decimals:
    """Return in what an instrument counts."""
    return instrument.price_decimals, instrument.qty_decimals


class Recount(NamedTuple):
    """From the old decimals of one instrument to the new ones."""

    old: Decimals
    new: Instrument

    @property
    def symbol(self) -> str:
        """The instrument's."""
        return self.new.symbol

    @property
    def sentence(self) -> str:
        """What has changed, for people."""
        (old_price, old_qty), (price, qty) = self.old, decimals_of(self.new)
        said = [
            f"{what} of {self.symbol} now have {now} decimal{'' if now == 1 else 's'}, not {before}"
            for what, before, now in (("prices", old_price, price), ("quantities", old_qty, qty))
            if before != now
        ]
        return " and ".join(said)

    def ticks(self, ticks: int) -> int | None:
        """Return the same price in new ticks, None where it lies between two."""
        return _exact(ticks, self.new.price_decimals - self.old[0])

    def lots(self, lots: int) -> int | None:
        """Return the same quantity in new lots, None where it is no whole number of them."""
        return _exact(lots, self.new.qty_decimals - self.old[1])

    def ticks_below(self, ticks: int) -> int:
        """Return the highest price in new ticks that is not above: what is met by falling prices is met as before."""
        return _floor(ticks, self.new.price_decimals - self.old[0])

    def ticks_above(self, ticks: int) -> int:
        """Return the lowest price in new ticks that is not below: what is met by rising prices is met as before."""
        return -_floor(-ticks, self.new.price_decimals - self.old[0])

    def lots_within(self, lots: int) -> int:
        """Return the most whole new lots that ``lots`` (not below zero) hold."""
        return _floor(lots, self.new.qty_decimals - self.old[1])

    def lots_around(self, lots: int) -> int:
        """Return the fewest whole new lots that hold ``lots`` (not below zero)."""
        return -_floor(-lots, self.new.qty_decimals - self.old[1])

    def old_lots(self, lots: int) -> Decimal:
        """Return new lots in old ones, exactly."""
        return Decimal(lots).scaleb(self.old[1] - self.new.qty_decimals)

    def exact_ticks(self, ticks: Count) -> Count:
        """Return the same price, also where it lies between two new ticks: candles are facts and are never rounded."""
        return _fraction(ticks, self.new.price_decimals - self.old[0])

    def exact_lots(self, lots: Count) -> Count:
        """Return the same volume, also where it is no whole number of new lots."""
        return _fraction(lots, self.new.qty_decimals - self.old[1])

    def trade(self, trade: Trade) -> Trade:
        """Return a print for those who show it: its numbers are exact, and Decimals where they are not whole."""
        ticks, lots = self.exact_ticks(trade.ticks), self.exact_lots(trade.lots)
        return replace(trade, ticks=cast("int", ticks), lots=cast("int", lots))

    def candle(self, numbers: CandleCounts) -> CandleCounts:
        """Return the same candle, exactly."""
        start_ns, o, h, low, c, volume, trades = numbers
        o, h, low, c = (self.exact_ticks(price) for price in (o, h, low, c))
        return start_ns, o, h, low, c, self.exact_lots(volume), trades

    def history(self, history: History) -> History:
        """Return the same candles, exactly."""
        return replace(history, candles=tuple(self.candle(numbers) for numbers in history.candles))

    def top(self, top: BookTop) -> BookTop:
        """Return a book until the exchange sends it anew: levels that fall together are one, bids below, asks above."""

        def side(levels: tuple[Level, ...], ticks_of: Callable[[int], int]) -> tuple[Level, ...]:
            together = groupby(levels, key=lambda level: ticks_of(level.ticks))
            counted = (Level(ticks, self.lots_within(sum(level.lots for level in same))) for ticks, same in together)
            return tuple(level for level in counted if level.ticks > 0 and level.lots > 0)

        return BookTop(side(top.bids, self.ticks_below), side(top.asks, self.ticks_above))


def recount(old: Decimals | None, new: Instrument) -> Recount | None:
    """Return how to go on counting, None when nothing is counted otherwise."""
    return None if old is None or old == decimals_of(new) else Recount(old, new)


def _exact(units: int, finer: int) -> int | None:
    units, of = _ratio(units, finer)
    whole, rest = divmod(units, of)
    return None if rest else whole


def _floor(units: int, finer: int) -> int:
    units, of = _ratio(units, finer)
    return units // of


def _ratio(units: int, finer: int) -> tuple[int, int]:
    return (units * _power(finer), 1) if finer >= 0 else (units, _power(-finer))


def _power(decimals: int) -> int:
    return int(10**decimals)


def _fraction(units: Count, finer: int) -> Count:
    number = Decimal(units).scaleb(finer)
    whole = int(number)
    return whole if number == whole else number


def finest(one: Decimals, other: Decimals) -> Decimals:
    """Return decimals in which both can be counted."""
    return max(one[0], other[0]), max(one[1], other[1])


def in_finer(trade: Trade, old: Decimals, new: Decimals) -> Trade:
    """Return a print counted in finer decimals."""
    return replace(trade, ticks=trade.ticks * _power(new[0] - old[0]), lots=trade.lots * _power(new[1] - old[1]))
