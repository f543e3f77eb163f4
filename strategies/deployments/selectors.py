"""What can be read of deployments: how they stand, how they fare, how they differ from their strategy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from portfolios.commands.flattening import open_flattening
from portfolios.models import Flattening, Season
from portfolios.results.optimism import Optimism, shadows_of
from portfolios.selectors import LeagueRow, league_rows
from strategies.deployments.config_fields import config_fields, flat, margin_fields, risk_fields
from strategies.league.optimism import deployment_optimism, past_optimism
from strategies.models import (
    Deployment,
    DeploymentCost,
    DeploymentEvent,
    DeploymentStatus,
    StrategyVersion,
    Worker,
)
from strategies.versions import registry
from strategies.versions.registry import UnknownStrategy, UnknownVersion
from trading.strategy import Strategy

HEARTBEAT_FRESH_S = 15
ERROR_SHOWN_MINUTES = 60
BOOK_STALE_S = 60
_TELLING = ("error", "gap", "resumed", "reset")

FeedState = Mapping[str, Any]


class Health(StrEnum):
    """The one word beside a deployment's name."""

    OK = "ok"
    ENTRIES_STOPPED = "exits only"
    PAUSED = "paused"
    DISABLED = "off"
    QUARANTINED = "quarantined"
    ERROR = "error"
    NO_DATA = "no data"
    GAP = "gap"
    NOT_KEPT = "not kept"  # of the past


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A deployment in its place."""

    row: LeagueRow
    deployment: Deployment
    strategy: Strategy | None  # None: its package is gone or broken
    health: Health
    health_reason: str
    optimism: Optimism

    @property
    def symbols(self) -> Sequence[str]:
        """What it trades."""
        return symbols_of(self.deployment, self.strategy)

    @property
    def version(self) -> str:
        """The strategy's version, empty when it was not found."""
        return self.strategy.version if self.strategy else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One config key of a deployment beside its default."""

    key: str
    value: Any
    default: Any
    help: str
    bounds: str
    is_changed: bool


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


def league_board(season: Season | None, feed: FeedState | None) -> list[Contestant]:
    """Return every deployment with an open account in ``season``, best return first.

    Four queries, and one for each version that this process has not loaded yet.
    """
    rows = league_rows(season)
    deployments = {row.account_id: row for row in Deployment.objects.filter(account__in=[r.account for r in rows])}
    news = _telling_events(deployments.values())
    shadows = shadows_of(row.account for row in rows)
    board = []
    for row in rows:
        deployment = deployments.get(row.account.pk)
        if deployment is not None:
            strategy, missing = traded(deployment)
            health, reason = _health(deployment, strategy or missing, row, news.get(deployment.pk, {}), feed)
            board.append(
                Contestant(
                    row=row,
                    deployment=deployment,
                    strategy=strategy,
                    health=health,
                    health_reason=reason,
                    optimism=deployment_optimism(deployment, row, shadows.get(row.account.pk, [])),
                )
            )
    return board


def past_board(rows: Sequence[LeagueRow]) -> list[Contestant]:
    """Return the deployments of rows of the past, in their order; their versions are those of today."""
    deployments = {d.slug: d for d in Deployment.objects.filter(slug__in=[row.slug for row in rows])}
    board = []
    for row in rows:
        deployment = deployments.get(row.slug) or Deployment(slug=row.slug, name=row.slug)
        board.append(
            Contestant(
                row=row,
                deployment=deployment,
                strategy=traded(deployment)[0] if deployment.strategy else None,
                health=Health.NOT_KEPT,
                health_reason="how it was then is not kept; the events on its page tell what went wrong",
                optimism=past_optimism(deployment, row),
            )
        )
    return board


def contestant_named(slug: str, season: Season | None, feed: FeedState | None) -> Contestant | None:
    """Return the deployment called ``slug`` in its place, None without an open account in ``season``."""
    return next((c for c in league_board(season, feed) if c.deployment.slug == slug), None)


def _telling_events(deployments: Iterable[Deployment]) -> dict[int, dict[str, DeploymentEvent]]:
    """Return, per deployment, the newest event of each kind that health depends on."""
    events = (
        DeploymentEvent.objects.filter(deployment__in=list(deployments), kind__in=_TELLING)
        .order_by("deployment_id", "kind", "-time")
        .distinct("deployment_id", "kind")
        .defer("detail")
    )
    newest: dict[int, dict[str, DeploymentEvent]] = {}
    for event in events:
        newest.setdefault(event.deployment_id, {})[event.kind] = event
    return newest


def _health(
    deployment: Deployment,
    strategy: Strategy | str,
    row: LeagueRow,
    news: Mapping[str, DeploymentEvent],
    feed: FeedState | None,
) -> tuple[Health, str]:
    if deployment.status == DeploymentStatus.DISABLED:
        return Health.DISABLED, "disabled: no worker takes it"
    if deployment.status == DeploymentStatus.QUARANTINED:
        return Health.QUARANTINED, f"quarantined: it {deployment.status_reason}"
    if isinstance(strategy, str):
        return Health.ERROR, strategy
    error = _open_error(news, row.standing.as_of if row.standing else None)
    if error is not None:
        return Health.ERROR, error.summary
    if deployment.status == DeploymentStatus.PAUSED:
        return Health.PAUSED, deployment.status_reason or "paused: resting orders and stops live on"
    if deployment.status == DeploymentStatus.ENTRIES_STOPPED:
        why = f": {deployment.status_reason}" if deployment.status_reason else ""
        return Health.ENTRIES_STOPPED, f"entries are stopped{why}; exits and stops go on"
    missing = _missing_data(symbols_of(deployment, strategy), feed)
    if missing:
        return Health.NO_DATA, missing
    if row.standing is None:
        return Health.NO_DATA, "no worker has valued it yet"
    gap = news.get("gap")
    if gap is not None and gap.sequence >= row.account.first_sequence:
        return Health.GAP, f"market time is missing from its record: {gap.summary}"
    return Health.OK, "trading"


def _open_error(news: Mapping[str, DeploymentEvent], as_of: datetime | None) -> DeploymentEvent | None:
    """Return the newest error, unless it was answered by an enabling or a reset, or is old."""
    error = news.get("error")
    if error is None:
        return None
    answered = any(news[kind].time >= error.time for kind in ("resumed", "reset") if kind in news)
    is_old = as_of is not None and as_of - error.time > timedelta(minutes=ERROR_SHOWN_MINUTES)
    return None if answered or is_old else error


def _missing_data(symbols: Sequence[str], feed: FeedState | None) -> str:
    if feed is None:
        return "no feed is running"
    for symbol in symbols:
        quote = feed["symbols"].get(symbol)
        if quote is None:
            return f"the feed does not carry {symbol}"
        if quote["status"] == "stale" or quote["bid"] is None or quote["ask"] is None:
            return f"the order book of {symbol} is not known"
        if quote["book_age_s"] is not None and quote["book_age_s"] > BOOK_STALE_S:
            return f"the book of {symbol} is {quote['book_age_s']:.0f} s old"
    return ""


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


def flattening_of(deployment: Deployment) -> Flattening | None:
    """Return the command to flatten that has not been carried out yet, if there is one."""
    return open_flattening(deployment.account) if deployment.account else None


def cost_of(deployment: Deployment) -> DeploymentCost | None:
    """Return what it costs its worker; None before a worker has measured it."""
    return DeploymentCost.objects.filter(deployment=deployment).first()


def recent_events(deployment: Deployment, limit: int = 30) -> QuerySet[DeploymentEvent]:
    """Return the newest events, newest first."""
    return deployment.events.order_by("-time", "-id")[:limit]
