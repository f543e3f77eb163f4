"""Accounts as they stood at past moments, read from their curves. One query each, however many accounts."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db import connection
from django.db.models import Max, Min, OuterRef, Subquery

from portfolios.models import Account, EquityPoint, Season
from portfolios.results.retention import stretch_at
from portfolios.results.windows import Grid

_SAMPLED = """
    SELECT account.id, tick.place, point.equity, coalesce(point.stake, account.cash)
    FROM portfolios_account AS account
    CROSS JOIN unnest(%s::timestamptz[]) WITH ORDINALITY AS tick(at, place)
    CROSS JOIN LATERAL (
        SELECT equity, stake FROM portfolios_equitypoint
        WHERE account_id = account.id AND time <= tick.at AND time > tick.at - make_interval(secs => %s)
        ORDER BY time DESC LIMIT 1
    ) AS point
    WHERE account.id = ANY(%s)
"""


class Sample(NamedTuple):
    """An account at one moment of a grid, in its currency."""

    equity: Decimal
    stake: Decimal


def points_at(accounts: Collection[int], at: datetime) -> dict[int, EquityPoint]:
    """Return, per account, its newest point that is not after ``at``."""
    newest = EquityPoint.objects.filter(account=OuterRef("pk"), time__lte=at).order_by("-time").values("time")[:1]
    moments = Account.objects.filter(pk__in=accounts).annotate(moment=Subquery(newest)).exclude(moment=None)
    wanted = EquityPoint.objects.select_related("account").filter(pk__in=moments.values("pk", "moment"))
    return {point.account_id: point for point in wanted}


def lookback_on(grid: Grid, now: datetime) -> timedelta:
    """Return how far before a moment of the grid the account's newest point may lie: points grow thin with age."""
    return max(grid.step, stretch_at(now - grid.ticks[0])) if grid.ticks else grid.step


def samples_on(accounts: Collection[int], grid: Grid, lookback: timedelta) -> dict[int, list[Sample | None]]:
    """Return, per account, how it stood at each moment of the grid; None where it was not valued."""
    sampled: dict[int, list[Sample | None]] = {pk: [None] * len(grid.ticks) for pk in accounts}
    if not grid.ticks or not accounts:
        return sampled
    with connection.cursor() as cursor:
        cursor.execute(_SAMPLED, [list(grid.ticks), lookback.total_seconds(), list(accounts)])
        for account, place, equity, stake in cursor.fetchall():
            sampled[account][place - 1] = Sample(equity, stake)
    return sampled


def first_moments(accounts: Collection[int]) -> dict[int, datetime]:
    """Return, per account, the market's time of its first point."""
    first = EquityPoint.objects.filter(account=OuterRef("pk")).order_by("time").values("time")[:1]
    found = Account.objects.filter(pk__in=accounts).annotate(first=Subquery(first)).values_list("pk", "first")
    return {pk: time for pk, time in found if time is not None}


def reach_of(season: Season) -> tuple[datetime, datetime] | None:
    """Return the market's time of the season's first and newest point; None before there is one."""
    first = EquityPoint.objects.filter(account=OuterRef("pk")).order_by("time").values("time")[:1]
    last = EquityPoint.objects.filter(account=OuterRef("pk")).order_by("-time").values("time")[:1]
    ends = Account.objects.filter(season=season).annotate(first=Subquery(first), last=Subquery(last))
    reach = ends.aggregate(since=Min("first"), until=Max("last"))
    return (reach["since"], reach["until"]) if reach["since"] else None
