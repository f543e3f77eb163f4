"""On what terms a deployment takes part: one struct, from which all that shows, takes or compares them is derived.

A new term is a field here, a column of `models.Deployment` and its migration. The form, the league file, the API, what
a revision holds, the comparison, the deployment's page and what the engine is given follow.
"""

from __future__ import annotations

from decimal import Decimal
from enum import Enum, StrEnum
from typing import Annotated, Any

import msgspec

from trading.bounds import shown
from trading.exchange.models import FILL_MODELS, REALISTIC
from trading.fees import DEFAULT_FEE_SCHEDULE

MOST_CASH = 10**14  # what an account is worth must fit its columns after any gain, too
CURRENCY = r"^[A-Z0-9.]{2,10}$"


class Group(StrEnum):
    """What belongs together in a form."""

    STRATEGY = "Strategy"
    CONFIG = "Config"
    RISK = "Risk limits"
    MARGIN = "Margin"
    MONEY = "Money"
    EXECUTION = "Execution"


class ShadowChoice(StrEnum):
    """Whether a deployment is also run under the other fill models."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


_KEYS = {"x-keys": True}  # an object whose keys have a schema of their own
_HEADLINE = {"x-headline": True}  # shown under the deployment's name also while it is at its default


def _term(label: str, text: str, group: Group, *, unit: str = "", json: Any = None, **bounds: Any) -> msgspec.Meta:
    """Declare a term. ``json`` adds to its JSON Schema: what msgspec cannot check, forms and services do.

    ``x-api`` is its name in the API, ``x-engine`` its name in `trading.engine.Terms`, where they differ.
    """
    extra = {"x-group": group.value, "x-unit": unit, **(json or {})}
    return msgspec.Meta(title=label, description=text, extra_json_schema=extra, **bounds)


class DeploymentTerms(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The terms, in the order in which they are shown. A default is what holds when nothing is said."""

    symbols: Annotated[list[str], _term("Symbols", "BASE/QUOTE; empty: the strategy's own", Group.STRATEGY)] = []
    config: Annotated[
        dict[str, Any],
        _term("Config", "what differs from the strategy's defaults", Group.CONFIG, json=_KEYS),
    ] = {}
    risk: Annotated[
        dict[str, Any], _term("Risk limits", "what differs from the default limits", Group.RISK, json=_KEYS)
    ] = {}
    margin: Annotated[
        dict[str, Any], _term("Margin terms", "what differs from the exchange's", Group.MARGIN, json=_KEYS)
    ] = {}
    cash: Annotated[
        Decimal,
        _term(
            "Starting balance",
            "deposited when the account opens, in the account's currency",
            Group.MONEY,
            json={"minimum": 1, "maximum": MOST_CASH, "x-engine": "stake"},
        ),
    ] = Decimal(100)
    currency: Annotated[
        str, _term("Account currency", "equity and results are reported in it", Group.MONEY, max_length=10)
    ] = "USD"
    funding_currency: Annotated[
        str,
        _term(
            "Funding currency",
            "the starting balance is deposited in it, at the first mid price",
            Group.MONEY,
            max_length=10,
            pattern=CURRENCY,
            examples=["USD"],
        ),
    ] = "USD"
    assets: Annotated[
        dict[str, Decimal],
        _term(
            "Starting assets",
            "deposited beside the starting balance, like 0.01 BTC, 5 ETH; valued at mid, trading starts when all have "
            "a price",
            Group.MONEY,
        ),
    ] = {}
    fee_schedule: Annotated[
        str,
        _term(
            "Fee schedule",
            "a family follows the exchange: each fill is charged by the schedule in force at its date",
            Group.EXECUTION,
            max_length=60,
            json=_HEADLINE,
        ),
    ] = DEFAULT_FEE_SCHEDULE
    fill_model: Annotated[
        str,
        _term(
            "Fill model",
            "what is assumed where public data leave a fill open",
            Group.EXECUTION,
            max_length=20,
            json={"enum": list(FILL_MODELS), **_HEADLINE},
        ),
    ] = REALISTIC.name
    shadows: Annotated[
        ShadowChoice,
        _term(
            "Shadows",
            "whether the other fill models run, too; auto: while it is among the best of the league",
            Group.EXECUTION,
            json={"maxLength": 10, "x-api": "shadow_choice"},
        ),
    ] = ShadowChoice.AUTO
    latency_ms: Annotated[
        int,
        _term(
            "Latency",
            "from signal to exchange; the median where it varies",
            Group.EXECUTION,
            unit="ms",
            json=_HEADLINE,
            ge=0,
            le=60_000,
        ),
    ] = 200
    latency_sigma: Annotated[
        float,
        _term(
            "Latency sigma",
            "of the latency's logarithm: 0 is constant, 0.5 doubles it in 8 of 100 orders",
            Group.EXECUTION,
            ge=0,
            le=2,
        ),
    ] = 0.0
    latency_spread_ms: Annotated[
        int,
        _term(
            "Latency spread",
            "added to the latency of each order, evenly from nothing up to this",
            Group.EXECUTION,
            unit="ms",
            ge=0,
            le=60_000,
        ),
    ] = 0

    def __post_init__(self) -> None:
        if not (self.cash.is_finite() and 1 <= self.cash <= MOST_CASH):
            raise ValueError(f"cash is {shown(self.cash)}; expected at least 1, at most {MOST_CASH}")


SCHEMA: dict[str, Any] = msgspec.json.schema(DeploymentTerms)
_DECLARED: dict[str, dict[str, Any]] = SCHEMA["$defs"][DeploymentTerms.__name__]["properties"]
_FIELDS = {field.name: field for field in msgspec.structs.fields(DeploymentTerms)}


def column(term: str) -> dict[str, Any]:
    """Return the options of a term's column: its default, its help text, how long it may be."""
    field, declared = _FIELDS[term], _DECLARED[term]
    options: dict[str, Any] = {"help_text": help_text(term)}
    if field.default is msgspec.NODEFAULT:
        options |= {"default": field.default_factory, "blank": True}
    else:
        options["default"] = field.default.value if isinstance(field.default, Enum) else field.default
    if "maxLength" in declared:
        options["max_length"] = declared["maxLength"]
    return options


def help_text(term: str) -> str:
    """Return what a term means, its unit before it."""
    declared = _DECLARED[term]
    return "; ".join(filter(None, [declared["x-unit"], declared["description"]]))
