"""A deployment's terms one by one: described, shown, checked, and as the engine takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from typing import Any

import msgspec
from django.core.exceptions import ValidationError

from marketdata.kraken.symbols import UnknownPairName, currency_of, symbols_of
from portfolios.fees import known_schedules
from portfolios.rows.fitting import misfits
from strategies.deployments.config_fields import ConfigField, InvalidValue, Kind, config_fields, shown
from strategies.deployments.money_terms import margin_terms, starting_assets
from strategies.models import Deployment
from strategies.terms import SCHEMA, DeploymentTerms, Group
from strategies.versions.registry import UnknownStrategy, strategy_of
from trading.bounds import shown as quoted
from trading.engine import Terms
from trading.engine.risk import RiskLimits
from trading.exchange.models import Latency
from trading.fees import Schedules, UnknownFeeSchedule
from trading.fills import plain
from trading.strategy import InvalidConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One term, as `DeploymentTerms` declares it."""

    about: ConfigField  # key, kind, default, help, bounds, choices
    label: str
    group: Group
    unit: str  # empty: none
    api: str  # its name in the API
    engine: str  # its name in `trading.engine.Terms`, if it has one
    is_headline: bool  # shown under a deployment's name also while it is at its default
    has_keys: bool  # an object whose keys a schema of its own describes

    @property
    def key(self) -> str:
        """Its name in rows, files and revisions."""
        return self.about.key

    def problem(self, value: Any) -> str:
        """Return what is wrong with a value, empty when nothing is; objects and lists have checks of their own."""
        if self.about.kind is Kind.JSON:
            return ""
        try:
            self.about.value(shown(plain(value) if isinstance(value, Decimal) else value))
        except InvalidValue:
            said = repr(value) if isinstance(value, str) else value
            return f"{self.key} is {said}; expected {self.about.expected}"
        return ""


def _terms() -> dict[str, Term]:
    declared = SCHEMA["$defs"][DeploymentTerms.__name__]["properties"]
    return {
        about.key: Term(
            about=about,
            label=declared[about.key]["title"],
            group=Group(declared[about.key]["x-group"]),
            unit=declared[about.key]["x-unit"],
            api=declared[about.key].get("x-api", about.key),
            engine=declared[about.key].get("x-engine", about.key),
            is_headline=declared[about.key].get("x-headline", False),
            has_keys=declared[about.key].get("x-keys", False),
        )
        for about in config_fields(SCHEMA)
    }


TERMS: Mapping[str, Term] = _terms()


def terms_of(deployment: Deployment, first_sequence: int, schedules: Schedules | None = None) -> Terms:
    """Return the engine's terms; ``schedules`` are those known to this installation unless others are given.

    A term goes to the engine's of its name, one called ``latency_…`` to the field of `Latency`.

    Raises:
        UnknownFeeSchedule: its fee schedule is none of them.
        ValidationError: risk limits, assets or margin terms do not fit their schema.
    """
    values: dict[str, Any] = {key: _TAKEN_AS.get(key, _unchanged)(getattr(deployment, key)) for key in TERMS}
    latency = {name: values[f"latency_{name}"] for name in Latency.__struct_fields__ if f"latency_{name}" in values}
    given = {term.engine: values[key] for key, term in TERMS.items() if term.engine in Terms.__struct_fields__}
    derived: dict[str, Any] = {
        "slug": deployment.slug,
        "symbols": tuple(deployment.symbols) or strategy_of(deployment).symbols,
        "latency": Latency(**latency),
        "fee_plan": (known_schedules() if schedules is None else schedules).plan(deployment.fee_schedule),
        "first_sequence": first_sequence,
    }
    return Terms(**{**given, **derived})


def _unchanged(value: Any) -> Any:
    return value


def _risk(values: dict[str, Any]) -> RiskLimits:
    try:
        return msgspec.convert(values, RiskLimits, strict=False)
    except msgspec.ValidationError as error:
        raise ValidationError({"risk": f"risk limits: {error}"}) from None


# How what a row holds as JSON becomes what the engine takes; each raises a ValidationError of its term.
_TAKEN_AS: dict[str, Callable[[Any], Any]] = {"assets": starting_assets, "margin": margin_terms, "risk": _risk}


def check_values(deployment: Deployment) -> None:
    """Check that no term is a number, a text or JSON that no column could hold; before anything else is done with it.

    Raises:
        ValidationError: per field, with the value and what would be right.
    """
    problems = misfits(deployment)
    for key, term in TERMS.items():
        value = getattr(deployment, key)
        if isinstance(value, int | float | Decimal) and not _is_countable(value):
            problems[key] = f"{key} is {quoted(value)}; expected {term.about.expected}"
    if problems:
        raise ValidationError(problems)


def _is_countable(value: int | float | Decimal) -> bool:
    is_finite = value.is_finite() if isinstance(value, Decimal) else isinstance(value, int) or isfinite(value)
    return is_finite and -(2**63) <= value < 2**63


def translate(deployment: Deployment) -> None:
    """Spell pairs and currencies as the market does: XBT/USD is BTC/USD. What is no pair stays, to be refused."""
    if all(isinstance(symbol, str) for symbol in deployment.symbols):
        with suppress(UnknownPairName):
            deployment.symbols = list(symbols_of(deployment.symbols))
    for name in ("currency", "funding_currency"):
        if isinstance(value := getattr(deployment, name), str):
            setattr(deployment, name, currency_of(value))
    if isinstance(deployment.assets, dict) and all(isinstance(currency, str) for currency in deployment.assets):
        named = {currency_of(currency): amount for currency, amount in deployment.assets.items()}
        deployment.assets = named if len(named) == len(deployment.assets) else deployment.assets


def check_deployment(deployment: Deployment, schedules: Schedules | None = None) -> None:
    """Check what the database cannot: strategy, config, symbols, fee schedule, and every term within its bounds.

    ``schedules`` are those known to this installation unless others are given.

    Raises:
        ValidationError: per field, with the value and what would be right.
    """
    check_values(deployment)
    translate(deployment)
    problems: dict[str, Any] = {
        key: said for key, term in TERMS.items() if (said := term.problem(getattr(deployment, key)))
    }
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
    bad = [s for s in deployment.symbols if not (isinstance(s, str) and s.count("/") == 1 and all(s.split("/")))]
    if bad:
        problems["symbols"] = f"symbols hold {bad[0]!r}; expected BASE/QUOTE like BTC/USD"
    for key, check in _TAKEN_AS.items():
        try:
            check(getattr(deployment, key))
        except ValidationError as error:
            problems |= error.message_dict
    if problems:
        raise ValidationError(problems)
