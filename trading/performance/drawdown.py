"""Drawdown: how far an account is below its highest point before, in percent. Payments never count.

The peak moves with each payment so that the drawdown is the same just before and just after it: an
account that is 10 % down and receives as much again is still 10 % down, and a withdrawal is no drawdown. It is the
drawdown of the time-weighted return (CFA Institute, Global Investment Performance Standards).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

ZERO = Decimal(0)


class Drawdown(NamedTuple):
    """The drawdown at one moment; ``peak`` is in the account's currency."""

    peak: Decimal  # highest equity so far, scaled with each payment
    pct: Decimal = ZERO  # percent below the peak now; zero where there is no peak above zero
    worst_pct: Decimal = ZERO  # the largest of ``pct`` so far

    def after(self, equity: Decimal, paid: Decimal = ZERO) -> Drawdown:
        """Return the drawdown at the next moment, when equity is ``equity``.

        ``paid`` is what was paid in (+) or taken out (-) since the moment before, and is part of ``equity``.
        """
        peak = max(_scaled(self.peak, equity, paid) if paid else self.peak, equity)
        pct = (1 - equity / peak) * 100 if peak > 0 else ZERO
        return Drawdown(peak, pct, max(self.worst_pct, pct))


def drawdowns(first: Decimal, later: Iterable[tuple[Decimal, Decimal]]) -> Iterator[Drawdown]:
    """Yield the drawdown at each of ``later``, oldest first, for an account that began with equity ``first``.

    Each of ``later`` is equity and what was paid since the moment before, as `Drawdown.after` takes them.
    Between two moments it may have been deeper.
    """
    drawdown = Drawdown(first)
    for equity, paid in later:
        drawdown = drawdown.after(equity, paid)
        yield drawdown


def worst_drawdown_pct(first: Decimal, later: Iterable[tuple[Decimal, Decimal]]) -> Decimal:
    """Return the largest drawdown of `drawdowns`, in percent; zero without a later moment."""
    return max((drawdown.pct for drawdown in drawdowns(first, later)), default=ZERO)


def _scaled(peak: Decimal, equity: Decimal, paid: Decimal) -> Decimal:
    """Return the peak that leaves the drawdown as it was before ``paid``.

    Where nothing is left before or after the payment no such peak exists: it moves by the payment.
    """
    before = equity - paid
    return peak * (equity / before) if before > 0 and equity > 0 else peak + paid
