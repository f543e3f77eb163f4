"""On what terms a deployment takes part: checked, and as the engine takes them."""

from __future__ import annotations

from typing import Any

import msgspec
from django.core.exceptions import ValidationError

from portfolios.fees import known_schedules
from strategies.deployments.money_terms import margin_terms, starting_assets
from strategies.models import Deployment
from strategies.versions.registry import UnknownStrategy, strategy_of
from trading.engine import Terms
from trading.engine.risk import RiskLimits
from trading.exchange.models import UnknownFillModel, fill_model
from trading.fees import Schedules, UnknownFeeSchedule
from trading.strategy import InvalidConfig

MOST_LATENCY_SIGMA = 2


def terms_of(deployment: Deployment, first_sequence: int, schedules: Schedules | None = None) -> Terms:
    """Return the engine's terms; ``schedules`` are those known to this installation unless others are given.

    Raises:
        UnknownFeeSchedule: its fee schedule is none of them.
        ValidationError: risk limits, assets or margin terms do not fit their schema.
    """
    symbols = tuple(deployment.symbols) or strategy_of(deployment).symbols
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
        fee_plan=(known_schedules() if schedules is None else schedules).plan(deployment.fee_schedule),
        risk=_risk(deployment.risk),
        margin=margin_terms(deployment.margin),
        first_sequence=first_sequence,
    )


def _risk(values: dict[str, Any]) -> RiskLimits:
    try:
        return msgspec.convert(values, RiskLimits, strict=False)
    except msgspec.ValidationError as error:
        raise ValidationError({"risk": f"risk limits: {error}"}) from None


def check_deployment(deployment: Deployment, schedules: Schedules | None = None) -> None:
    """Check what the database cannot: strategy, config, risk limits, margin terms, assets, fees, latency, symbols.

    ``schedules`` are those known to this installation unless others are given.

    Raises:
        ValidationError: per field, with the value and what would be right.
    """
    problems: dict[str, Any] = {}
    try:
        strategy_of(deployment).config(deployment.config)
    except UnknownStrategy as error:
        problems["strategy"] = str(error)
    except InvalidConfig as error:
        problems["config"] = str(error)
    try:
        (known_schedules() if schedules is None else schedules).plan(deployment.fee_schedule)
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
