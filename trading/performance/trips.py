"""Round trips, positions from flat to flat: how many of them gained, and how much."""

from __future__ import annotations

from decimal import Decimal

from trading.performance.intervals import Interval, wilson_interval
from trading.performance.returns import HUNDRED


def win_rate_pct(wins: int, trips: int) -> Decimal | None:
    """Return the share of ``trips`` that gained, in percent; None without one."""
    return Decimal(wins * 100) / trips if trips else None


def win_rate_interval_pct(wins: int, trips: int) -> Interval | None:
    """Return where the true win rate lies, 19 times out of 20, in percent; None without a round trip.

    The bounds are Wilson's, see `wilson_interval`.
    """
    interval = wilson_interval(wins, trips)
    return None if interval is None else Interval(interval.low * HUNDRED, interval.high * HUNDRED)


def profit_factor(won: Decimal, lost: Decimal) -> Decimal | None:
    """Return what winning round trips won over what losing ones lost; None without a loss: it has no bound.

    Both in one currency; ``lost`` is never negative.
    """
    return won / lost if lost else None
