"""Changing who trades. Every change bumps the deployment's revision, which its worker sees within a second."""

from __future__ import annotations

from typing import Any

import msgspec
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from marketdata import bus
from marketdata.sources import is_recording
from portfolios.models import Account, Season
from portfolios.services import end_season, ensure_season
from strategies.models import Deployment, DeploymentEvent, DeploymentStatus
from strategies.registry import UnknownStrategy, strategy
from trading.engine import Terms
from trading.exchange.models import UnknownFillModel, fill_model
from trading.fees import UnknownFeeSchedule, fee_schedule
from trading.risk import RiskLimits
from trading.strategy import InvalidConfig

SEASON_NAME = "Paddock league"
_CHANGEABLE = frozenset({
    "name", "strategy", "symbols", "config", "risk", "cash", "currency", "funding_currency",
    "latency_ms", "fill_model", "fee_schedule",
})  # fmt: skip


def terms_of(deployment: Deployment, first_sequence: int) -> Terms:
    """Return the engine's terms.

    Raises:
        ValidationError: the risk limits do not fit their schema.
    """
    symbols = tuple(deployment.symbols) or strategy(deployment.strategy).symbols
    return Terms(
        slug=deployment.slug,
        symbols=symbols,
        stake=deployment.cash,
        currency=deployment.currency,
        funding_currency=deployment.funding_currency,
        latency_ms=deployment.latency_ms,
        fill_model=deployment.fill_model,
        fee_schedule=deployment.fee_schedule,
        risk=_risk(deployment.risk),
        first_sequence=first_sequence,
    )


def _risk(values: dict[str, Any]) -> RiskLimits:
    try:
        return msgspec.convert(values, RiskLimits, strict=False)
    except msgspec.ValidationError as error:
        raise ValidationError({"risk": f"risk limits: {error}"}) from None


def check_deployment(deployment: Deployment) -> None:
    """Check what the database cannot: strategy, config, risk limits, fee schedule, symbols.

    Raises:
        ValidationError: per field, with the value and what would be right.
    """
    problems: dict[str, str] = {}
    try:
        strategy(deployment.strategy).config(deployment.config)
    except UnknownStrategy as error:
        problems["strategy"] = str(error)
    except InvalidConfig as error:
        problems["config"] = str(error)
    try:
        fee_schedule(deployment.fee_schedule)
    except UnknownFeeSchedule as error:
        problems["fee_schedule"] = str(error)
    try:
        fill_model(deployment.fill_model)
    except UnknownFillModel as error:
        problems["fill_model"] = str(error)
    bad = [s for s in deployment.symbols if not (isinstance(s, str) and s.count("/") == 1)]
    if bad:
        problems["symbols"] = f"symbols hold {bad[0]!r}; expected BASE/QUOTE like BTC/USD"
    if problems:
        raise ValidationError(problems)
    _risk(deployment.risk)


@transaction.atomic
def create_deployment(*, by: str, **fields: Any) -> Deployment:
    """Enter a strategy in the league; it gets its account when a season runs.

    Raises:
        ValidationError: per field.
    """
    deployment = Deployment(**fields)
    deployment.full_clean(exclude=["account"])
    check_deployment(deployment)
    deployment.save()
    _note(deployment, "config", f"created by {by}", _summary(deployment))
    season = Season.objects.filter(ended_at=None).first()
    if season is not None:
        open_account(deployment=deployment, season=season)
    return deployment


@transaction.atomic
def change_deployment(*, deployment: Deployment, by: str, **changes: Any) -> Deployment:
    """Change a deployment; its account and record go on.

    Raises:
        ValidationError: per field, or a field that cannot be changed.
    """
    unknown = set(changes) - _CHANGEABLE
    if unknown:
        raise ValidationError(f"{', '.join(sorted(unknown))} cannot be changed; {', '.join(sorted(_CHANGEABLE))} can")
    before = _summary(deployment)
    for name, value in changes.items():
        setattr(deployment, name, value)
    deployment.full_clean(exclude=["account"])
    check_deployment(deployment)
    _save(deployment)
    _note(
        deployment,
        "config",
        f"changed by {by}: {', '.join(sorted(changes))}",
        f"{before}\n->\n{_summary(deployment)}",
    )
    return deployment


def enable_deployment(*, deployment: Deployment, by: str) -> None:
    """Ask the strategy again, also after errors had paused it."""
    _set_status(deployment, DeploymentStatus.ENABLED, "resumed", f"enabled by {by}", "")


def pause_deployment(*, deployment: Deployment, by: str, reason: str = "") -> None:
    """Ask for no new signals; resting orders and stops live on."""
    _set_status(
        deployment,
        DeploymentStatus.PAUSED,
        "paused",
        f"paused by {by}" + (f": {reason}" if reason else ""),
        reason,
    )


def disable_deployment(*, deployment: Deployment, by: str) -> None:
    """Take the deployment out of the workers' hands; its account stays as it is."""
    _set_status(deployment, DeploymentStatus.DISABLED, "disabled", f"disabled by {by}", "")


@transaction.atomic
def quarantine_deployment(*, deployment_id: int, reason: str, detail: str = "") -> None:
    """Take a deployment that harms its worker out of all workers' hands until a person enables it.

    Its open orders stay as they are and are judged by nobody. Safe to repeat: the first reason stays.
    """
    deployment = Deployment.objects.select_for_update().filter(pk=deployment_id).first()
    if deployment is not None and deployment.status != DeploymentStatus.QUARANTINED:
        _set_status(deployment, DeploymentStatus.QUARANTINED, "quarantined", reason, reason[:500], detail)


def note_unloadable(*, deployment: Deployment, error: str) -> None:
    """Put on record that workers cannot take this revision on; safe to repeat."""
    DeploymentEvent.objects.get_or_create(
        deployment=deployment,
        event_id=f"revision-{deployment.revision}-unloadable",
        defaults={"kind": "error", "summary": f"cannot be taken on: {error}"[:300], "time": timezone.now()},
    )


@transaction.atomic
def reset_deployment(*, deployment: Deployment, by: str) -> None:
    """Close the account, keep its record, and open a new one with the full stake."""
    if deployment.account_id is not None:
        Account.objects.filter(pk=deployment.account_id).update(closed_at=timezone.now())
    season = Season.objects.filter(ended_at=None).first()
    deployment.account = None
    _save(deployment)
    if season is not None:
        open_account(deployment=deployment, season=season)
    _note(deployment, "reset", f"reset by {by}", "")


@transaction.atomic
def open_season(*, market: str) -> Season:
    """Return the running season of ``market`` with an account for every deployment."""
    season = ensure_season(market=market, name=SEASON_NAME)
    # ensure_season holds a lock until this transaction ends: no second worker opens accounts meanwhile.
    for deployment in Deployment.objects.exclude(account__season=season, account__closed_at=None):
        open_account(deployment=deployment, season=season)
    return season


@transaction.atomic
def new_season(*, market: str) -> Season:
    """End the running season and begin another on the same or another market."""
    for season in Season.objects.filter(ended_at=None):
        end_season(season=season, at=timezone.now())
    return open_season(market=market)


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
    _save(deployment)
    return account


def _set_status(
    deployment: Deployment, status: DeploymentStatus, kind: str, summary: str, reason: str, detail: str = ""
) -> None:
    deployment.status, deployment.status_reason = status.value, reason
    _save(deployment)
    _note(deployment, kind, summary, detail)


def _save(deployment: Deployment) -> None:
    deployment.revision += 1
    deployment.save()


def _summary(deployment: Deployment) -> str:
    return msgspec.json.encode(
        {name: getattr(deployment, name) for name in sorted(_CHANGEABLE)}, order="deterministic"
    ).decode()


def _note(deployment: Deployment, kind: str, summary: str, detail: str) -> None:
    DeploymentEvent.objects.create(
        deployment=deployment,
        event_id=f"revision-{deployment.revision}-{kind}",
        kind=kind,
        summary=summary[:300],
        detail=detail,
        time=timezone.now(),
    )
