"""An account's worth over time, as a chart wants it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import ceil

from django.db.models import F, Window
from django.db.models.functions import Mod, RowNumber

from portfolios.commands.payments import applied_payments
from portfolios.models import Account, EquityPoint
from trading.performance.drawdown import Drawdown
from trading.performance.returns import return_pct

Paid = tuple[datetime, Decimal]  # when, and how much in (+) or out (-) in the account's currency


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """What an account was worth at a moment, and what that means."""

    time: datetime
    equity: Decimal  # account currency, as is ``mid_equity``
    mid_equity: Decimal
    return_pct: Decimal  # gain in percent of all that had been paid in by then
    drawdown_pct: Decimal  # below the highest point before it


def equity_curve(account: Account, points: int = 2_000) -> list[CurvePoint]:
    """Return at most ``points`` moments, oldest first, evenly thinned; the newest is always among them.

    The worst drawdown that the account ever saw is its standing's: what lies between two moments of a
    chart is not on it.
    """
    moments = EquityPoint.objects.filter(account=account)
    every = ceil(moments.count() / points)
    if every > 1:
        numbered = moments.annotate(place=Window(RowNumber(), order_by=F("time").desc()))
        moments = numbered.annotate(rest=Mod(F("place") - 1, every)).filter(rest=0)
    return list(drawn(moments.order_by("time"), account.cash, _payments(account)))


def drawn(moments: Iterable[EquityPoint], stake: Decimal, payments: Sequence[Paid]) -> Iterator[CurvePoint]:
    """Yield the points of a curve that began with ``stake``; what was paid later is neither gain nor drawdown.

    A point says itself what had been paid by then; ``payments``, oldest first, stand in for points that do not.
    """
    drawdown, summed, summed_in, waiting = Drawdown(stake), stake, stake, list(payments)
    for moment in moments:
        while waiting and waiting[0][0] <= moment.time:
            _, amount = waiting.pop(0)
            summed, summed_in = summed + amount, summed_in + max(amount, Decimal(0))
        before, stake = stake, summed if moment.stake is None else moment.stake
        paid_in = summed_in if moment.paid_in is None else moment.paid_in
        drawdown = drawdown.after(moment.equity, stake - before)
        made_pct = return_pct(moment.equity - stake, paid_in)
        assert made_pct is not None, "an account is opened with money"
        yield CurvePoint(moment.time, moment.equity, moment.mid_equity, made_pct, drawdown.pct)


def _payments(account: Account) -> list[Paid]:
    return [(at, value) for at, value in applied_payments(account) if at is not None]
