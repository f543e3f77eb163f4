"""The league's board: contestants, their health, and the standings now or in the past."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from portfolios.models import Season
from portfolios.results.optimism import Optimism, shadows_of
from portfolios.selectors import LeagueRow, league_rows
from strategies.deployments.selectors import symbols_of, traded
from strategies.league.optimism import deployment_optimism, past_optimism
from strategies.models import (
    Deployment,
    DeploymentEvent,
    DeploymentStatus,
)
from trading.strategy import Strategy

ERROR_SHOWN_MINUTES = 60
BOOK_STALE_S = 60
_KINDS_OF_HEALTH = ("error", "gap", "resumed", "reset")
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


def league_board(season: Season | None, feed: FeedState | None) -> list[Contestant]:
    """Return every deployment with an open account in ``season``, best return first.

    Four queries, and one for each version that this process has not loaded yet.
    """
    rows = league_rows(season)
    deployments = {row.account_id: row for row in Deployment.objects.filter(account__in=[r.account for r in rows])}
    news = _events_of_health(deployments.values())
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
                health_reason="past health is not recorded; see the events on its page",
                optimism=past_optimism(deployment, row),
            )
        )
    return board


def contestant_named(slug: str, season: Season | None, feed: FeedState | None) -> Contestant | None:
    """Return the deployment called ``slug`` in its place, None without an open account in ``season``."""
    return next((c for c in league_board(season, feed) if c.deployment.slug == slug), None)


def _events_of_health(deployments: Iterable[Deployment]) -> dict[int, dict[str, DeploymentEvent]]:
    """Return, per deployment, the newest event of each kind that health depends on."""
    events = (
        DeploymentEvent.objects.filter(deployment__in=list(deployments), kind__in=_KINDS_OF_HEALTH)
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
        return Health.DISABLED, "disabled: no worker runs it"
    if deployment.status == DeploymentStatus.QUARANTINED:
        return Health.QUARANTINED, f"quarantined: it {deployment.status_reason}"
    if isinstance(strategy, str):
        return Health.ERROR, strategy
    error = _open_error(news, row.standing.as_of if row.standing else None)
    if error is not None:
        return Health.ERROR, error.summary
    if deployment.status == DeploymentStatus.PAUSED:
        return Health.PAUSED, deployment.status_reason or "paused: open orders, stops and targets stay active"
    if deployment.status == DeploymentStatus.ENTRIES_STOPPED:
        why = f": {deployment.status_reason}" if deployment.status_reason else ""
        return Health.ENTRIES_STOPPED, f"entries are stopped{why}; exits, stops and targets keep working"
    missing = _missing_data(symbols_of(deployment, strategy), feed)
    if missing:
        return Health.NO_DATA, missing
    if row.standing is None:
        return Health.NO_DATA, "no worker has valued it yet"
    gap = news.get("gap")
    if gap is not None and gap.sequence >= row.account.first_sequence:
        return Health.GAP, f"data gap: {gap.summary}"
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
