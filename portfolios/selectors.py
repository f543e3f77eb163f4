"""Reads accounts: places in the league, newest fills, sums. Queries do not grow with the accounts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from django.db.models import QuerySet, Sum

from portfolios.models import Account, Fill, LedgerEntry, Season, Standing
from trading import fills as trading_fills
from trading.book import Side
from trading.fees import Liquidity
from trading.minutes import ns_of
from trading.performance.returns import return_pct
from trading.performance.trips import win_rate_pct

_SUMMED = ("realised", "unrealised", "fees", "exposure", "interest", "owed", "short_exposure")


class MarginState(StrEnum):
    """Margin status of an account."""

    NONE = "none"  # nothing is owed
    GOOD = "good"
    CALLED = "called"
    CLOSING = "closing"  # below the level at which the exchange closes positions
    BANKRUPT = "bankrupt"


def margin_state(standing: Standing | None) -> MarginState:
    """Return the margin status as of the standing."""
    if standing is None:
        return MarginState.NONE
    if standing.bankrupt_at is not None:
        return MarginState.BANKRUPT
    level, closing = standing.margin_level_pct, standing.closing_level_pct
    if level is not None and closing is not None and level < closing:
        return MarginState.CLOSING
    if standing.is_called:
        return MarginState.CALLED
    return MarginState.GOOD if standing.owed else MarginState.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class LeagueRow:
    """An account's place. Without a standing yet, nothing was traded: its equity is its stake."""

    rank: int
    account: Account
    standing: Standing | None

    @property
    def slug(self) -> str:
        """The deployment's."""
        return self.account.slug

    @property
    def equity(self) -> Decimal:
        """Equity now, in the account's currency; its stake until it is valued first."""
        equity: Decimal = self.standing.equity if self.standing else self.account.cash
        return equity

    @property
    def stake(self) -> Decimal:
        """All that was paid in less what was taken out: neither is a profit or a loss."""
        stake: Decimal = self.standing.stake if self.standing else self.account.cash
        return stake

    @property
    def paid_in(self) -> Decimal:
        """All that was ever paid in."""
        paid_in: Decimal = self.standing.paid_in if self.standing else self.account.cash
        return paid_in

    @property
    def result(self) -> Decimal:
        """Equity less stake."""
        return self.equity - self.stake

    @property
    def return_pct(self) -> Decimal:
        """Result in percent of all that was ever paid in."""
        return _of_all_paid_in(self.result, self.paid_in)

    @property
    def leverage(self) -> Decimal | None:
        """Exposure per unit of equity; None without a standing, or when nothing is left."""
        if self.standing is None or self.standing.exposure is None or self.equity <= 0:
            return None
        leverage: Decimal = self.standing.exposure / self.equity
        return leverage

    @property
    def margin(self) -> MarginState:
        """How the account stands with its lender."""
        return margin_state(self.standing)

    @property
    def win_rate_pct(self) -> Decimal | None:
        """Share of closed round trips that gained, in percent; None while there are none."""
        return None if self.standing is None else win_rate_pct(self.standing.wins, self.standing.round_trips)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeagueTotals:
    """Sums over the accounts of one currency."""

    currency: str
    accounts: int
    capital: Decimal
    equity: Decimal
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    exposure: Decimal
    fills: int
    round_trips: int
    paid_in: Decimal
    interest: Decimal
    owed: Decimal
    short_exposure: Decimal

    @property
    def result(self) -> Decimal:
        """Equity less capital."""
        return self.equity - self.capital

    @property
    def return_pct(self) -> Decimal:
        """Result in percent of all that was ever paid in."""
        return _of_all_paid_in(self.result, self.paid_in)


def _of_all_paid_in(result: Decimal, paid_in: Decimal) -> Decimal:
    made = return_pct(result, paid_in)
    assert made is not None, "an account is opened with money"
    return made


def current_season() -> Season | None:
    """Return the season that runs, if one does."""
    return Season.objects.filter(ended_at=None).first()


def open_accounts(season: Season | None) -> QuerySet[Account]:
    """Return the accounts that trade in ``season``; none without a season."""
    return Account.objects.filter(season=season, closed_at=None) if season else Account.objects.none()


def league_rows(season: Season | None) -> list[LeagueRow]:
    """Return the places, best return first: paying in lifts nobody. Equals stand in the order of their slugs."""
    accounts = open_accounts(season).select_related("standing")
    return ranked((account, getattr(account, "standing", None)) for account in accounts)


def ranked(accounts: Iterable[tuple[Account, Standing | None]]) -> list[LeagueRow]:
    """Return a place for each account, best return first."""
    rows = [LeagueRow(rank=0, account=account, standing=standing) for account, standing in accounts]
    rows.sort(key=lambda row: (-row.return_pct, row.account.slug))
    return [replace(row, rank=rank) for rank, row in enumerate(rows, start=1)]


def league_totals(rows: Iterable[LeagueRow]) -> list[LeagueTotals]:
    """Return one total per account currency, the one with most accounts first."""
    by_currency: dict[str, list[LeagueRow]] = {}
    for row in rows:
        by_currency.setdefault(row.account.currency, []).append(row)
    totals = [_total(currency, same) for currency, same in by_currency.items()]
    return sorted(totals, key=lambda total: (-total.accounts, total.currency))


def _total(currency: str, rows: list[LeagueRow]) -> LeagueTotals:
    standings = [row.standing for row in rows if row.standing]

    def total(name: str) -> Decimal:
        # A past standing does not know every figure.
        return sum((value for standing in standings if (value := getattr(standing, name)) is not None), Decimal(0))

    return LeagueTotals(
        currency=currency,
        accounts=len(rows),
        capital=sum((row.stake for row in rows), Decimal(0)),
        equity=sum((row.equity for row in rows), Decimal(0)),
        paid_in=sum((row.paid_in for row in rows), Decimal(0)),
        fills=sum(standing.fills or 0 for standing in standings),
        round_trips=sum(standing.round_trips or 0 for standing in standings),
        **{name: total(name) for name in _SUMMED},
    )


def market_time(rows: Iterable[LeagueRow]) -> datetime | None:
    """Return the market's clock as the standings last saw it; None before the first."""
    return max((row.standing.as_of for row in rows if row.standing), default=None)


def newest_fills(of: Account | Season | None, *, symbol: str = "", until: datetime | None = None) -> QuerySet[Fill]:
    """Return fills, newest first, each with its account: of one account, or of a season's open accounts.

    ``until`` looks back: those of all the season's accounts up to that moment. None without an account or a season.
    """
    fills = Fill.objects.select_related("account")
    match of:
        case Account():
            fills, order = fills.filter(account=of), "-sequence"
        case Season():
            fills, order = fills.filter(account__season=of), "-time"
            fills = fills.filter(account__closed_at=None) if until is None else fills
        case None:
            return Fill.objects.none()
    if symbol:
        fills = fills.filter(symbol=symbol)
    if until is not None:
        fills = fills.filter(time__lte=until)
    return fills.order_by(order, "-id")


def stake_of(account: Account) -> Decimal:
    """Return what was paid in less what was taken out."""
    standing = Standing.objects.filter(account=account).first()
    stake: Decimal = account.cash if standing is None else standing.stake
    return stake


def ledger_sums(account: Account) -> dict[str, Decimal]:
    """Return, per currency, what the account's own ledger entries add up to: its balances."""
    entries = LedgerEntry.objects.filter(account=account, party="account")
    return {
        line["currency"]: line["total"]
        for line in entries.values("currency").annotate(total=Sum("amount")).order_by("currency")
    }


def fills_digest(season: Season | None) -> str:
    """Return the digest of every fill of the season's open accounts; equal digests mean equal trading."""
    return trading_fills.digest(_trading_fills(season))


def _trading_fills(season: Season | None) -> Iterator[tuple[str, trading_fills.Fill]]:
    rows = Fill.objects.filter(account__in=open_accounts(season)).select_related("account")
    for row in rows.iterator(chunk_size=2_000):
        yield row.account.slug, trading_fill(row)


def trading_fill(row: Fill) -> trading_fills.Fill:
    """Return the fill that a row keeps, as the engine made it."""
    return trading_fills.Fill(
        fill_id=row.fill_id,
        order_id=row.order_id,
        symbol=row.symbol,
        side=Side(row.side),
        qty=row.qty,
        price=row.price,
        cost=row.cost,
        fee=row.fee,
        quote=row.quote,
        liquidity=Liquidity(row.liquidity),
        sequence=row.sequence,
        time_ns=ns_of(row.time),
        result=row.result,
        reason=row.reason,
        code=row.signal_code,
        evidence=row.evidence,
    )
