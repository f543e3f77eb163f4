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


def peak_after(peak: Decimal, equity: Decimal, paid: Decimal) -> Decimal:
    """Return the highest equity so far, when ``equity`` is seen next; both in the account's currency.

    ``paid`` is what was paid in (+) or taken out (-) since the moment before, and is part of ``equity``: the
    peak is scaled so that the drawdown is as it was before. Where nothing is left before or after the payment
    no such peak exists: it moves by the payment.
    """
    if paid:
        before = equity - paid
        peak = peak * (equity / before) if before > 0 and equity > 0 else peak + paid
    return max(peak, equity)


def drawdown_pct(equity: Decimal, peak: Decimal) -> Decimal:
    """Return by how many percent ``equity`` is below ``peak``; zero where there is no peak above zero."""
    return (1 - equity / peak) * 100 if peak > 0 else ZERO


class Drawdown(NamedTuple):
    """The drawdown at one moment."""

    peak: Decimal  # account currency, as `peak_after` moves it
    pct: Decimal = ZERO
    worst_pct: Decimal = ZERO  # the largest of ``pct`` so far

    def after(self, equity: Decimal, paid: Decimal = ZERO) -> Drawdown:
        """Return the drawdown at the next moment, when equity is ``equity`` and ``paid`` of it was paid since."""
        peak = peak_after(self.peak, equity, paid)
        pct = drawdown_pct(equity, peak)
        return Drawdown(peak, pct, max(self.worst_pct, pct))


def drawdowns(first: Decimal, later: Iterable[tuple[Decimal, Decimal]]) -> Iterator[Drawdown]:
    """Yield the drawdown at each of ``later``, oldest first, for an account that began with equity ``first``.

    Each of ``later`` is equity and what was paid since the moment before. Between two moments it may have
    been deeper.
    """
    drawdown = Drawdown(first)
    for equity, paid in later:
        drawdown = drawdown.after(equity, paid)
        yield drawdown


def worst_drawdown_pct(first: Decimal, later: Iterable[tuple[Decimal, Decimal]]) -> Decimal:
    """Return the largest drawdown of `drawdowns`, in percent; zero without a later moment."""
    return max((drawdown.pct for drawdown in drawdowns(first, later)), default=ZERO)
