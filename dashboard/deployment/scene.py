"""What the page of one deployment shows, read once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from dashboard.deployment.left_out import LeftOut, left_out
from dashboard.deployment.margin import MarginWords, margin_words
from dashboard.page.scene import Quote, Scene, feed_time
from marketdata import bus
from portfolios.models import Position
from portfolios.rows.indicators import Plain
from portfolios.rows.reasons import Reasons, reasons_of
from portfolios.selectors import current_season, market_time
from portfolios.statement import AccountStatement, account_statement
from strategies.deployments import selectors
from strategies.deployments.challengers import label
from strategies.deployments.revisions import Change, changes_of
from strategies.deployments.selectors import Setting
from strategies.detail import DeploymentDetail, deployment_detail
from strategies.league.board import Contestant
from strategies.models import Deployment, DeploymentRevision, DeploymentStatus
from strategies.worker.lag import Lag, lag_of

REVISIONS_SHOWN = 20


class UnknownDeployment(LookupError):
    """No deployment of that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A position with its current quote."""

    position: Position
    quote: Quote | None

    @property
    def price(self) -> Decimal | None:
        """Best price to close at: the bid of a long, the ask of a short."""
        if self.quote is None:
            return None
        return self.quote.bid if self.position.qty > 0 else self.quote.ask

    @property
    def value(self) -> Decimal | None:
        """Worth at that price, in the instrument's quote currency."""
        return None if self.price is None else self.position.qty * self.price

    @property
    def unrealised(self) -> Decimal | None:
        """P&L at that price, before closing fees; quote currency."""
        return None if self.price is None else (self.price - self.position.average_price) * self.position.qty


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorGroup:
    """Indicators of one symbol, or of none."""

    name: str  # empty: of no symbol
    values: list[tuple[str, Plain]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentScene(Scene):
    """A deployment's page."""

    detail: DeploymentDetail
    account: AccountStatement  # empty without an account in the running season
    revisions: list[tuple[DeploymentRevision, list[Change]]]  # newest first
    reasons: Reasons
    lag: Lag | None  # of its worker, while that is behind the market

    @property
    def deployment(self) -> Deployment:
        """The deployment's row."""
        return self.detail.deployment

    @property
    def contestant(self) -> Contestant | None:
        """Its place in the league; None without an account in the running season."""
        return self.detail.contestant

    @property
    def traded(self) -> str:
        """The version that it runs."""
        return label(self.detail.traded) if self.detail.traded else self.deployment.strategy_hash[:8]

    @property
    def offered(self) -> str:
        """The new version found on disk, empty when it is the one that runs."""
        return label(self.detail.offered) if self.detail.offered else ""

    @property
    def margin(self) -> MarginWords:
        """Margin status of the account."""
        return margin_words(self.contestant.row.standing if self.contestant else None)

    @property
    def is_unprocessed(self) -> bool:
        """True while no worker may take it: its open orders are not matched."""
        return self.deployment.status in {DeploymentStatus.DISABLED, DeploymentStatus.QUARANTINED}

    @property
    def clock(self) -> datetime | None:
        """The feed's time, without a feed the standing's."""
        return feed_time(self.feed) or (market_time([self.contestant.row]) if self.contestant else None)

    @property
    def holdings(self) -> list[Holding]:
        """Open positions with their quotes."""
        quotes = {quote.symbol: quote for quote in self.quotes}
        return [Holding(position=position, quote=quotes.get(position.symbol)) for position in self.account.positions]

    @property
    def indicators(self) -> list[IndicatorGroup]:
        """The strategy's indicators at its last evaluation, those of no symbol first."""
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
        """When the strategy was last evaluated."""
        standing = self.contestant.row.standing if self.contestant else None
        return standing.indicators_at if standing else None

    @property
    def left_out(self) -> list[LeftOut]:
        """What the strategy emitted beyond its bounds."""
        return left_out(self.detail.cost.surplus) if self.detail.cost else []

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
        return [setting for setting in self.detail.settings if setting.is_changed]


def deployment_scene(slug: str) -> DeploymentScene:
    """Return one deployment as it stands now.

    Raises:
        UnknownDeployment: no deployment is called ``slug``.
    """
    deployment = Deployment.objects.select_related("account").filter(slug=slug).first()
    if deployment is None:
        raise UnknownDeployment(slug)
    season, feed = current_season(), bus.feed_state()
    detail = deployment_detail(deployment, season, feed)
    row = detail.contestant.row if detail.contestant else None
    return DeploymentScene(
        season=season,
        feed=feed,
        detail=detail,
        account=account_statement(row.account if row else None),
        revisions=[(revision, changes_of(revision)) for revision in deployment.revisions.all()[:REVISIONS_SHOWN]],
        reasons=reasons_of(row.standing if row else None),
        lag=lag_of(deployment.pk),
    )
