"""Seasons of the league: opened with an account for every deployment."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from marketdata import bus
from marketdata.market_names import is_recording
from portfolios.audit import note_change
from portfolios.models import Account, Liquidity, Season
from portfolios.seasons import end_season, ensure_season
from strategies.models import Deployment

SEASON_NAME = "Paddock league"


@transaction.atomic
def open_season(*, market: str, liquidity: str = "", name: str = SEASON_NAME) -> Season:
    """Return the running season of ``market`` with an account for every deployment; another one begins if need be."""
    season = ensure_season(market=market, name=name, liquidity=liquidity)
    # ensure_season holds a lock until this transaction ends: no second worker opens accounts meanwhile.
    for deployment in Deployment.objects.exclude(account__season=season, account__closed_at=None):
        open_account(deployment=deployment, season=season)
    return season


@transaction.atomic
def new_season(*, market: str, by: str, liquidity: str = "", name: str = SEASON_NAME) -> Season:
    """End the running season and begin another on the same or another market; ``liquidity`` empty: as before.

    Raises:
        ValidationError: an unknown liquidity.
    """
    if liquidity and liquidity not in Liquidity.values:
        raise ValidationError({"liquidity": f"liquidity is {liquidity!r}; known are {', '.join(Liquidity.values)}"})
    for season in Season.objects.filter(ended_at=None):
        end_season(season=season, at=timezone.now())
        note_change(by=by, kind="season", subject=str(season.number), action="ended", sentence=str(season))
    begun = open_season(market=market, liquidity=liquidity, name=name)
    note_change(by=by, kind="season", subject=str(begun.number), action="begun", sentence=str(begun))
    return begun


def open_account(*, deployment: Deployment, season: Season) -> Account:
    """Open the deployment's account in ``season``; it begins with the next frame, on a recording with the first."""
    account = Account.objects.create(
        season=season,
        slug=deployment.slug,
        currency=deployment.currency,
        cash=deployment.cash,
        funding_currency=deployment.funding_currency,
        fee_schedule=deployment.fee_schedule,
        fill_model=deployment.fill_model,
        first_sequence=0 if is_recording(season.market) else bus.latest_sequence(season.market) or 0,
    )
    deployment.account = account
    deployment.save(update_fields=["account", "updated_at"])
    return account
