"""A deployment in detail: one selector for its page and the API."""

from __future__ import annotations

from dataclasses import dataclass

from portfolios.models import Command, Season
from portfolios.results.optimism import Optimism
from strategies.deployments import selectors
from strategies.deployments.selectors import Setting
from strategies.league.board import Contestant, FeedState, league_board
from strategies.models import Deployment, DeploymentCost, DeploymentEvent
from strategies.versions import registry
from trading.strategy import Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentDetail:
    """A deployment with its settings one by one, its place in the league and its newest events."""

    deployment: Deployment
    traded: Strategy | None  # the version it trades; None: it cannot be loaded
    offered: Strategy | None  # another version of its strategy that is there; None: there is none
    settings: list[Setting]
    limits: list[Setting]
    margin_terms: list[Setting]
    contestant: Contestant | None  # None without an account in the running season
    contestants: int  # of the season, in all
    events: list[DeploymentEvent]  # newest first
    flattening: Command | None  # the one that is not carried out yet
    cost: DeploymentCost | None  # None before a worker has measured it

    @property
    def optimism(self) -> Optimism | None:
        """How far the fill models are apart; None without an account."""
        return self.contestant.optimism if self.contestant else None


def deployment_detail(deployment: Deployment, season: Season | None, feed: FeedState | None) -> DeploymentDetail:
    """Return the deployment as it stands in ``season`` and by the quotes of ``feed``."""
    registry.refresh()
    strategy, _ = selectors.traded(deployment)
    board = league_board(season, feed)
    return DeploymentDetail(
        deployment=deployment,
        traded=strategy,
        offered=selectors.offered(deployment),
        settings=selectors.settings_of(deployment, strategy),
        limits=selectors.limits_of(deployment),
        margin_terms=selectors.margin_of(deployment),
        contestant=next((each for each in board if each.deployment.pk == deployment.pk), None),
        contestants=len(board),
        events=list(selectors.recent_events(deployment)),
        flattening=selectors.flattening_of(deployment),
        cost=selectors.cost_of(deployment),
    )
