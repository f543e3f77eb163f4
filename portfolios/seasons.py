"""Seasons begin and end, one at a time."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from portfolios import models
from portfolios.commands.queue import withdraw_commands

_SEASON_LOCK = 7_001  # advisory: seasons begin and end one at a time


@transaction.atomic
def ensure_season(*, market: str, name: str, liquidity: str = "") -> models.Season:
    """Return the running season of ``market``; end one of another market and begin the next if need be.

    Markets never mix in a season. The ended season keeps all its rows; its accounts are closed.
    Without ``liquidity`` a new season takes over that of the season before it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_SEASON_LOCK])
    current = models.Season.objects.filter(ended_at=None).first()
    if current is not None and current.market == market:
        return current
    if current is not None:
        end_season(season=current, at=timezone.now())
    last = models.Season.objects.order_by("-number").first()
    return models.Season.objects.create(
        number=last.number + 1 if last else 1,
        name=name,
        market=market,
        liquidity=liquidity or (last.liquidity if last else settings.PADDOCK_LIQUIDITY),
    )


def end_season(*, season: models.Season, at: datetime) -> None:
    """Archive a season: it stops, its accounts close, nothing is deleted."""
    accounts = models.Account.objects.filter(season=season, closed_at=None)
    withdraw_commands(accounts, "the account was closed with the season")
    accounts.update(closed_at=at)
    models.Season.objects.filter(pk=season.pk).update(ended_at=at)
