"""An account's worth over time, as a chart wants it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import ceil

from django.db.models import F, Window
from django.db.models.functions import Mod, RowNumber

from portfolios.models import Account, EquityPoint, Payment, PaymentState

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

    A payment scales the peak, as it does while trading.
    """
    peak, paid_in, waiting = stake, stake, list(payments)
    for moment in moments:
        equity, paid = moment.equity, Decimal(0)
        while waiting and waiting[0][0] <= moment.time:
            _, amount = waiting.pop(0)
            paid, paid_in = paid + amount, paid_in + max(amount, Decimal(0))
        if paid:
            before, stake = equity - paid, stake + paid
            peak = peak * equity / before if before > 0 and equity > 0 else peak + paid
        peak = max(peak, equity)
        drawdown_pct = (1 - equity / peak) * 100 if peak > 0 else Decimal(0)
        return_pct = (equity - stake) / paid_in * 100
        yield CurvePoint(moment.time, equity, moment.mid_equity, return_pct, drawdown_pct)


def _payments(account: Account) -> list[Paid]:
    applied = Payment.objects.filter(account=account, state=PaymentState.APPLIED).order_by("sequence", "id")
    return [(payment.applied_at, payment.value or Decimal(0)) for payment in applied if payment.applied_at]
