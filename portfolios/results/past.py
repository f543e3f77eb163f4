"""The season as it stood at a past moment, read from the curves of its accounts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Max

from portfolios.models import Account, EquityPoint, Fill, Season, Standing
from portfolios.results.sampling import points_at
from portfolios.selectors import LeagueRow, ranked

_KEPT = (
    *("equity", "mid_equity", "realised", "fees", "exposure", "drawdown_pct", "max_drawdown_pct"),
    *("fills", "round_trips", "wins"),
)
_NOT_KEPT = ("interest", "short_exposure", "owed", "used_margin", "refusals")


def rows_at(season: Season, at: datetime) -> list[LeagueRow]:
    """Return the places at that moment, best return first: of each deployment the account that it had then.

    A standing of the past knows what its point knows; everything else in it is None. Three queries.
    """
    accounts = {account.pk: account for account in Account.objects.filter(season=season)}
    points = points_at(accounts, at)
    newest: dict[str, EquityPoint] = {}
    for point in sorted(points.values(), key=lambda point: (point.time, point.account_id)):
        newest[accounts[point.account_id].slug] = point
    traded = Fill.objects.filter(account__in=[p.account_id for p in newest.values()], time__lte=at)
    last_fills = dict(traded.order_by().values_list("account").annotate(last=Max("time")))
    return ranked(
        (accounts[point.account_id], _standing(point, last_fills.get(point.account_id))) for point in newest.values()
    )


def _standing(point: EquityPoint, last_fill_at: datetime | None) -> Standing:
    """Return the standing that the point holds; it is never saved."""
    stake = point.account.cash if point.stake is None else point.stake
    known: dict[str, Any] = {name: getattr(point, name) for name in _KEPT}
    unknown: dict[str, Any] = dict.fromkeys(_NOT_KEPT)
    return Standing(
        account_id=point.account_id,
        stake=stake,
        paid_in=point.account.cash if point.paid_in is None else point.paid_in,
        unrealised=None if point.realised is None else point.equity - stake - point.realised,
        last_fill_at=last_fill_at,
        as_of=point.time,
        **known,
        **unknown,
    )
