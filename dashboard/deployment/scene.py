"""What the page of one deployment shows, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from dashboard.deployment.margin import MarginWords, margin_words
from dashboard.page.scene import Quote, Scene, feed_time
from marketdata import bus
from portfolios.models import (
    Balance,
    Fill,
    InstrumentFigures,
    Order,
    Payment,
    Position,
    RoundTrip,
)
from portfolios.results.exits import ExitFigures, exit_figures
from portfolios.rows.indicators import Plain
from portfolios.rows.reasons import Reasons, reasons_of
from portfolios.rows.valuations import waiting_of
from portfolios.selectors import current_season, market_time
from strategies.deployments import selectors
from strategies.deployments.challengers import label
from strategies.deployments.revisions import Change, changes_of
from strategies.deployments.selectors import Setting
from strategies.league.board import Contestant, league_board
from strategies.models import Deployment, DeploymentCost, DeploymentEvent, DeploymentRevision, DeploymentStatus
from strategies.versions import registry

FILLS_SHOWN = 30
REVISIONS_SHOWN = 20
OPEN_STATUSES = ("sent", "open")


class UnknownDeployment(LookupError):
    """No deployment of that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A position beside what the market bids for it."""

    position: Position
    quote: Quote | None

    @property
    def price(self) -> Decimal | None:
        """What closing it would meet first: the bid of a long, the ask of a short."""
        if self.quote is None:
            return None
        return self.quote.bid if self.position.qty > 0 else self.quote.ask

    @property
    def value(self) -> Decimal | None:
        """Worth at that price, in the instrument's quote currency."""
        return None if self.price is None else self.position.qty * self.price

    @property
    def unrealised(self) -> Decimal | None:
        """Gain at that price, before the fee of closing; quote currency."""
        return None if self.price is None else (self.price - self.position.average_price) * self.position.qty


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorGroup:
    """Indicators of one symbol, or of none."""

    name: str  # empty: of no symbol
    values: list[tuple[str, Plain]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentScene(Scene):
    """A deployment's page."""

    deployment: Deployment
    contestant: Contestant | None  # None without an account in the running season
    contestants: int
    positions: list[Position]
    open_orders: list[Order]
    refused_orders: list[Order]
    fills: list[Fill]
    round_trips: list[RoundTrip]
    events: list[DeploymentEvent]
    settings: list[Setting]
    limits: list[Setting]
    offered: str  # the version that is there, empty when it is the one that is traded
    traded: str
    revisions: list[tuple[DeploymentRevision, list[Change]]]  # newest first
    reasons: Reasons
    margin_terms: list[Setting]
    balances: list[Balance]
    instruments: list[InstrumentFigures]
    payments: list[Payment]

    exits: list[ExitFigures]
    waiting: Mapping[str, Mapping[str, Any]]  # order id -> what it waits for
    cost: DeploymentCost | None  # None before a worker has measured it

    @property
    def margin(self) -> MarginWords:
        """How the account stands with its lender."""
        return margin_words(self.contestant.row.standing if self.contestant else None)

    @property
    def is_unjudged(self) -> bool:
        """True while no worker may take it: its orders rest, and nobody looks whether they fill."""
        return self.deployment.status in {DeploymentStatus.DISABLED, DeploymentStatus.QUARANTINED}

    @property
    def clock(self) -> datetime | None:
        """The feed's time, without a feed the standing's."""
        return feed_time(self.feed) or (market_time([self.contestant.row]) if self.contestant else None)

    @property
    def holdings(self) -> list[Holding]:
        """Open positions beside their quotes."""
        quotes = {quote.symbol: quote for quote in self.quotes}
        return [Holding(position=position, quote=quotes.get(position.symbol)) for position in self.positions]

    @property
    def indicators(self) -> list[IndicatorGroup]:
        """What the strategy showed of its last evaluation, what belongs to no symbol first."""
        standing = self.contestant.row.standing if self.contestant else None
        shown = standing.indicators if standing else {}
        single = sorted((name, value) for name, value in shown.items() if not isinstance(value, dict))
        groups = [IndicatorGroup(name="", values=single)] if single else []
        named = {name: value for name, value in shown.items() if isinstance(value, dict)}
        return groups + [
            IndicatorGroup(name=name, values=sorted(value.items())) for name, value in sorted(named.items())
        ]

    @property
    def indicators_at(self) -> datetime | None:
        """When the strategy was asked last."""
        standing = self.contestant.row.standing if self.contestant else None
        return standing.indicators_at if standing else None

    @property
    def terms(self) -> list[Setting]:
        """The terms, one by one."""
        return selectors.terms_shown(self.deployment)

    @property
    def headline(self) -> list[Setting]:
        """The terms under its name: the essential ones, and those not at their default; its symbols stand before."""
        return [term for term in self.terms if (term.is_headline or term.is_changed) and term.key != "symbols"]

    @property
    def changed_settings(self) -> list[Setting]:
        """Those that differ from the strategy's defaults."""
        return [setting for setting in self.settings if setting.is_changed]


def deployment_scene(slug: str) -> DeploymentScene:
    """Return one deployment as it stands now.

    Raises:
        UnknownDeployment: no deployment is called ``slug``.
    """
    deployment = Deployment.objects.select_related("account").filter(slug=slug).first()
    if deployment is None:
        raise UnknownDeployment(slug)
    season, feed = current_season(), bus.feed_state()
    board = league_board(season, feed)
    contestant = next((c for c in board if c.deployment.pk == deployment.pk), None)
    account = contestant.row.account if contestant else None
    registry.refresh()
    strategy, other = selectors.traded(deployment)[0], selectors.offered(deployment)
    orders = Order.objects.filter(account=account).order_by("-sequence", "-id")
    return DeploymentScene(
        season=season,
        feed=feed,
        deployment=deployment,
        contestant=contestant,
        contestants=len(board),
        positions=list(Position.objects.filter(account=account).exclude(qty=0).order_by("symbol")),
        open_orders=list(orders.filter(status__in=OPEN_STATUSES)[:FILLS_SHOWN]),
        refused_orders=list(orders.filter(status="refused")[:FILLS_SHOWN]),
        fills=list(Fill.objects.filter(account=account).order_by("-sequence", "-id")[:FILLS_SHOWN]),
        round_trips=list(RoundTrip.objects.filter(account=account).order_by("-sequence", "-id")[:FILLS_SHOWN]),
        events=list(selectors.recent_events(deployment)),
        settings=selectors.settings_of(deployment, strategy),
        limits=selectors.limits_of(deployment),
        offered=label(other) if other else "",
        traded=label(strategy) if strategy else deployment.strategy_hash[:8],
        revisions=[(revision, changes_of(revision)) for revision in deployment.revisions.all()[:REVISIONS_SHOWN]],
        reasons=reasons_of(contestant.row.standing if contestant else None),
        margin_terms=selectors.margin_of(deployment),
        balances=list(Balance.objects.filter(account=account).order_by("currency")),
        instruments=list(InstrumentFigures.objects.filter(account=account).order_by("symbol")),
        payments=list(Payment.objects.filter(account=account)[:FILLS_SHOWN]),
        exits=exit_figures(account) if account else [],
        waiting=waiting_of(account) if account else {},
        cost=selectors.cost_of(deployment),
    )
