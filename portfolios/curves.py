"""An account's worth over time, as a chart wants it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from math import ceil

from django.db.models import F, Window
from django.db.models.functions import Mod, RowNumber

from portfolios.models import Account, EquityPoint, Payment, PaymentState


def equity_curve(account: Account, points: int = 2_000) -> list[EquityPoint]:
    """Return at most ``points`` moments, oldest first, evenly thinned; the newest is always among them.

    Each carries its ``drawdown_pct`` below the highest of those before it. The worst that the account
    ever saw is its standing's: what lies between two moments of a chart is not on it.
    """
    moments = EquityPoint.objects.filter(account=account)
    every = ceil(moments.count() / points)
    if every > 1:
        numbered = moments.annotate(place=Window(RowNumber(), order_by=F("time").desc()))
        moments = numbered.annotate(rest=Mod(F("place") - 1, every)).filter(rest=0)
    curve = list(moments.order_by("time"))
    for point, below in zip(curve, drawdowns(curve, account.cash, _payments(account)), strict=True):
        point.drawdown_pct = below  # type: ignore[attr-defined]
    return curve


def drawdowns(
    curve: Sequence[EquityPoint], stake: Decimal, payments: Sequence[tuple[datetime, Decimal]]
) -> list[Decimal]:
    """Return how far each point lies below the highest before it, the first stake included; percent.

    ``payments``: (time, account currency) in order. What is paid in or taken out scales the peak, as it
    does while trading: it is no gain and no loss.
    """
    peak, below, waiting = stake, [], list(payments)
    for point in curve:
        paid = Decimal(0)
        while waiting and waiting[0][0] <= point.time:
            paid += waiting.pop(0)[1]
        if paid and peak:
            before = point.equity - paid
            peak = peak * point.equity / before if before > 0 and point.equity > 0 else peak + paid
        peak = max(peak, point.equity)
        below.append((1 - point.equity / peak) * 100 if peak > 0 else Decimal(0))
    return below


def _payments(account: Account) -> list[tuple[datetime, Decimal]]:
    applied = Payment.objects.filter(account=account, state=PaymentState.APPLIED).order_by("sequence", "id")
    return [(payment.applied_at, payment.value or Decimal(0)) for payment in applied if payment.applied_at]
