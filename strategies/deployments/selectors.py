"""What can be read of deployments: how they stand, how they fare, how they differ from their strategy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from portfolios.commands.arguments import Flatten
from portfolios.commands.queue import open_command
from portfolios.models import Command
from strategies.deployments.config_fields import config_fields, flat, margin_fields, risk_fields, shown
from strategies.deployments.money_terms import assets_as_text
from strategies.deployments.terms import TERMS
from strategies.models import (
    Deployment,
    DeploymentCost,
    DeploymentEvent,
    StrategyVersion,
    Worker,
)
from strategies.versions import registry
from strategies.versions.registry import UnknownStrategy, UnknownVersion
from trading.fills import plain
from trading.strategy import Strategy

HEARTBEAT_FRESH_S = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One config key, or one term, of a deployment beside its default."""

    key: str
    label: str = ""  # of a term
    unit: str = ""
    value: Any
    default: Any
    help: str
    bounds: str
    is_changed: bool
    is_headline: bool = False  # a term that is shown also while it is at its default

    @property
    def text(self) -> str:
        """The value as a person writes it, its unit behind it."""
        match self.value:
            case dict():
                text = assets_as_text(self.value)
            case list():
                text = ", ".join(self.value)
            case _:
                text = shown(self.value)
        return f"{text} {self.unit}".strip() or "none"


def live_worker_count() -> int:
    """Return how many workers gave a sign of life within the last 15 seconds."""
    since = timezone.now() - timedelta(seconds=HEARTBEAT_FRESH_S)
    return Worker.objects.filter(heartbeat_at__gt=since).count()


def traded(deployment: Deployment) -> tuple[Strategy | None, str]:
    """Return the version that a deployment trades; without one, why there is none."""
    try:
        return registry.strategy_of(deployment), ""
    except UnknownVersion as error:
        return None, str(error)
    except UnknownStrategy:
        return None, f"no strategy called {deployment.strategy!r} was found"


def offered(deployment: Deployment) -> Strategy | None:
    """Return the version that lies in the folder, if the deployment trades another."""
    present = registry.found().get(deployment.strategy)
    is_other = present is not None and deployment.strategy_hash not in {"", present.hash}
    return present if is_other else None


def strategy_versions() -> QuerySet[StrategyVersion]:
    """Return the versions that were ever found, by name and newest first, each with its count of `deployments`."""
    traders = Deployment.objects.filter(strategy_hash=OuterRef("hash")).order_by()
    counted = traders.values("strategy_hash").annotate(count=Count("pk")).values("count")
    return StrategyVersion.objects.defer("sources").annotate(deployments=Coalesce(Subquery(counted), 0))


def versions_by_strategy() -> dict[str, list[StrategyVersion]]:
    """Return the versions that were ever found, newest first, by the name of their strategy."""
    found: dict[str, list[StrategyVersion]] = {}
    for row in strategy_versions():
        found.setdefault(row.name, []).append(row)
    return found


def symbols_of(deployment: Deployment, strategy: Strategy | None) -> Sequence[str]:
    """Return what the deployment trades: its own symbols, else its strategy's."""
    return tuple(deployment.symbols) or (strategy.symbols if strategy else ())


def settings_of(deployment: Deployment, strategy: Strategy | None) -> list[Setting]:
    """Return the config key by key, changed ones first; keys that the strategy no longer knows included."""
    fields = config_fields(strategy.schema()) if strategy else []
    known = {field.key for field in fields}
    given = flat(deployment.config, fields)
    settings = [
        Setting(
            key=field.key,
            value=given.get(field.key, field.default),
            default=field.default,
            help=field.help,
            bounds=field.bounds,
            is_changed=field.key in given and given[field.key] != field.default,
        )
        for field in fields
    ]
    settings += [
        Setting(key=key, value=value, default=None, help="not a key of this strategy", bounds="", is_changed=True)
        for key, value in given.items()
        if key not in known
    ]
    return sorted(settings, key=lambda setting: not setting.is_changed)


def limits_of(deployment: Deployment) -> list[Setting]:
    """Return the risk limits one by one, in the order of their schema."""
    return [
        Setting(
            key=field.key,
            value=deployment.risk.get(field.key, field.default),
            default=field.default,
            help=field.help,
            bounds=field.bounds,
            is_changed=field.key in deployment.risk,
        )
        for field in risk_fields()
    ]


def margin_of(deployment: Deployment) -> list[Setting]:
    """Return the margin terms one by one, in the order of the form."""
    values = flat(deployment.margin, margin_fields())
    return [
        Setting(
            key=field.key,
            value=values.get(field.key, field.default),
            default=field.default,
            help=field.help,
            bounds=field.bounds,
            is_changed=field.key in values,
        )
        for field in margin_fields()
    ]


def terms_shown(deployment: Deployment) -> list[Setting]:
    """Return the terms one by one, but for those whose keys are listed each: config, risk limits and margin terms."""
    return [
        Setting(
            key=term.key,
            label=term.label,
            unit=term.unit,
            value=plain(value) if isinstance(value, Decimal) else value,
            default=term.about.default,
            help=term.about.help,
            bounds=term.about.bounds,
            is_headline=term.is_headline,
            is_changed=value != (Decimal(term.about.default) if isinstance(value, Decimal) else term.about.default),
        )
        for term in TERMS.values()
        if not term.has_keys
        for value in [getattr(deployment, term.key)]
    ]


def flattening_of(deployment: Deployment) -> Command | None:
    """Return the command to flatten that is not done yet, if there is one."""
    return open_command(deployment.account, Flatten()) if deployment.account else None


def cost_of(deployment: Deployment) -> DeploymentCost | None:
    """Return what it costs its worker; None before a worker has measured it."""
    return DeploymentCost.objects.filter(deployment=deployment).first()


def recent_events(deployment: Deployment, limit: int = 30) -> QuerySet[DeploymentEvent]:
    """Return the newest events, newest first."""
    return deployment.events.order_by("-time", "-id")[:limit]
