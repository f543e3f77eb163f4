"""How sure a share of few trials is."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

Z_95 = Decimal("1.959963984540054")  # the normal distribution's 97.5 % quantile


class Interval(NamedTuple):
    """Bounds of a share, 0 to 1."""

    low: Decimal
    high: Decimal


def wilson_interval(hits: int, trials: int, z: Decimal = Z_95) -> Interval | None:
    """Return where the true share lies, 19 times out of 20; None without a trial.

    Unlike the interval of the schoolbook it stays between 0 and 1 and says something of three trials.
    Wilson, E. B. (1927), Probable inference, the law of succession, and statistical inference, JASA 22.

    Raises:
        ValueError: more hits than trials, or fewer than none.
    """
    if not 0 <= hits <= trials:
        raise ValueError(f"hits is {hits} of {trials} trials; expected 0 to {trials}")
    if not trials:
        return None
    share, square = Decimal(hits) / trials, z * z
    scale = 1 + square / trials
    middle = share + square / (2 * trials)
    reach = z * (share * (1 - share) / trials + square / (4 * trials * trials)).sqrt()
    # At the ends the bounds are 0 and 1 exactly, whatever the last digit of the root says.
    low = (middle - reach) / scale if hits else Decimal(0)
    high = (middle + reach) / scale if hits < trials else Decimal(1)
    return Interval(low, high)
