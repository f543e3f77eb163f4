"""Round trips by the rule that ended them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Avg, Count, F, Q, Sum

from portfolios.models import Account, RoundTrip
from trading.performance.trips import win_rate_pct


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitFigures:
    """The round trips of an account that one rule ended; at least one."""

    exit_code: str  # empty: the strategy gave no code, or it was before codes were kept
    count: int
    wins: int
    result: Decimal  # account currency, fees included
    held_s: float  # mean, market time

    @property
    def win_rate_pct(self) -> Decimal | None:
        """The share that gained, in percent."""
        return win_rate_pct(self.wins, self.count)

    @property
    def average(self) -> Decimal:
        """The mean result of one, account currency."""
        return self.result / self.count


def exit_figures(account: Account) -> list[ExitFigures]:
    """Return the figures per exit code, most round trips first, equals by code. One query."""
    trips = RoundTrip.objects.filter(account=account).values("exit_code").order_by("exit_code")
    lines = trips.annotate(
        count=Count("pk"),
        wins=Count("pk", filter=Q(result__gt=0)),
        total=Sum("result"),
        held=Avg(F("closed_at") - F("opened_at")),
    )
    figures = [
        ExitFigures(
            exit_code=line["exit_code"],
            count=line["count"],
            wins=line["wins"],
            result=line["total"],
            held_s=line["held"].total_seconds(),
        )
        for line in lines
    ]
    return sorted(figures, key=lambda each: (-each.count, each.exit_code))
