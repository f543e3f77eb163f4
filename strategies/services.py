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
from portfolios.payments import refuse_open_payments
from portfolios.services import end_season, ensure_season
from strategies.models import Deployment, DeploymentEvent, DeploymentStatus
from strategies.money_terms import margin_terms, starting_assets
from strategies.registry import UnknownStrategy, strategy
from trading.engine import Terms
from trading.exchange.models import UnknownFillModel, fill_model
from trading.fees import UnknownFeeSchedule, fee_schedule
from trading.risk import RiskLimits
from trading.strategy import InvalidConfig

MOST_LATENCY_SIGMA = 2
SEASON_NAME = "Paddock league"
_CHANGEABLE = frozenset({
    "name", "strategy", "symbols", "config", "risk", "cash", "currency", "funding_currency",
    "latency_ms", "fill_model", "fee_schedule", "assets", "latency_sigma", "margin",
})  # fmt: skip


def terms_of(deployment: Deployment, first_sequence: int) -> Terms:
    """Return the engine's terms.

    Raises:
        ValidationError: risk limits, assets or margin terms do not fit their schema.
    """
    symbols = tuple(deployment.symbols) or strategy(deployment.strategy).symbols
    return Terms(
        slug=deployment.slug,
        symbols=symbols,
        stake=deployment.cash,
        currency=deployment.currency,
        funding_currency=deployment.funding_currency,
        assets=starting_assets(deployment.assets),
        latency_ms=deployment.latency_ms,
        latency_sigma=deployment.latency_sigma,
        fill_model=deployment.fill_model,
        fee_schedule=deployment.fee_schedule,
        risk=_risk(deployment.risk),
        margin=margin_terms(deployment.margin),
        first_sequence=first_sequence,
    )


def _risk(values: dict[str, Any]) -> RiskLimits:
    try:
        return msgspec.convert(values, RiskLimits, strict=False)
    except msgspec.ValidationError as error:
        raise ValidationError({"risk": f"risk limits: {error}"}) from None


def check_deployment(deployment: Deployment) -> None:
    """Check what the database cannot: strategy, config, risk limits, margin terms, assets, fees, latency, symbols.

    Raises:
        ValidationError: per field, with the value and what would be right.
    """
    problems: dict[str, Any] = {}
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
    if not 0 <= deployment.latency_sigma <= MOST_LATENCY_SIGMA:
        expected = f"expected a number from 0 to {MOST_LATENCY_SIGMA}"
        problems["latency_sigma"] = f"latency_sigma is {deployment.latency_sigma}; {expected}"
    for check, values in (
        (starting_assets, deployment.assets),
        (margin_terms, deployment.margin),
        (_risk, deployment.risk),
    ):
        try:
            check(values)
        except ValidationError as error:
            problems |= error.message_dict
    if problems:
        raise ValidationError(problems)


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
def reset_deployment(*, deployment: Deployment, by: str) -> None:
    """Close the account, keep its record, and open a new one with the full stake."""
    if deployment.account_id is not None:
        accounts = Account.objects.filter(pk=deployment.account_id)
        refuse_open_payments(accounts)
        accounts.update(closed_at=timezone.now())
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


def _set_status(deployment: Deployment, status: DeploymentStatus, kind: str, summary: str, reason: str) -> None:
    deployment.status, deployment.status_reason = status.value, reason
    _save(deployment)
    _note(deployment, kind, summary, "")


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
