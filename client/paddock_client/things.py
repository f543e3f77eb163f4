"""What a Paddock tells. Decimals are exact, times aware UTC; a field that a newer server adds is passed over."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """A period of the league on one market."""

    number: int
    name: str
    market: str
    started_at: datetime
    ended_at: datetime | None = None
    liquidity: str = "private"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A deployment in its place in the league; money in `currency`, percentages in percent."""

    slug: str
    name: str
    strategy: str
    version: str
    currency: str
    equity: Decimal
    return_pct: Decimal
    status: str
    health: str
    rank: int | None = None
    health_reason: str = ""
    symbols: list[str] = field(default_factory=list)
    stake: Decimal | None = None
    realised: Decimal | None = None
    unrealised: Decimal | None = None
    fees: Decimal | None = None
    exposure: Decimal | None = None
    drawdown_pct: Decimal | None = None
    max_drawdown_pct: Decimal | None = None
    fills: int = 0
    round_trips: int = 0
    wins: int = 0
    win_rate: Decimal | None = None
    last_fill_at: datetime | None = None
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over the accounts of one currency."""

    currency: str
    accounts: int
    capital: Decimal
    equity: Decimal
    result: Decimal
    return_pct: Decimal
    fees: Decimal
    fills: int
    round_trips: int


@dataclass(frozen=True, slots=True, kw_only=True)
class League:
    """The league table, best return first."""

    season: Season | None
    market: str | None
    rows: list[Row]
    totals: list[Totals]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A strategy with a config, entered in the league."""

    slug: str
    name: str
    strategy: str
    status: str
    status_reason: str = ""
    symbols: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    cash: Decimal | None = None
    currency: str = "USD"
    fill_model: str = ""
    fee_schedule: str = ""
    revision: int = 0
    standing: Row | None = None  # of one deployment alone; lists leave it out


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution of an order, whole or partial."""

    id: int
    fill_id: str
    order_id: str
    symbol: str
    side: str
    qty: Decimal  # base
    price: Decimal  # quote per base
    cost: Decimal  # quote
    fee: Decimal  # quote
    quote: str
    liquidity: str
    time: datetime
    sequence: int
    result: Decimal | None = None  # account currency; none when it opens
    leverage: Decimal | None = None
    margin_fee: Decimal = Decimal(0)
    reason: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a strategy asked for, and what became of it."""

    order_id: str
    symbol: str
    side: str
    type: str
    status: str
    qty: Decimal
    filled_qty: Decimal
    purpose: str
    sequence: int
    created_at: datetime
    updated_at: datetime
    time_in_force: str = ""
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    average_price: Decimal | None = None
    stop_loss_price: Decimal | None = None
    take_profit_price: Decimal | None = None
    queue_ahead_qty: Decimal | None = None
    leverage: Decimal | None = None
    reason: str = ""
    code: str = ""  # why it was refused or ended
    sentence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTrip:
    """A position from flat to flat."""

    trip_id: str
    symbol: str
    side: str
    qty: Decimal
    entry_price: Decimal
    exit_price: Decimal
    fees: Decimal
    result: Decimal  # account currency, fees included
    opened_at: datetime
    closed_at: datetime
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One posting; those of one fact sum to zero per currency."""

    entry_id: str
    party: str
    currency: str
    amount: Decimal
    kind: str
    fill_id: str
    sequence: int
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EquityPoint:
    """What an account would have fetched at a moment."""

    time: datetime
    equity: Decimal
    mid_equity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class EquityCurve:
    """An account's worth over time, oldest first."""

    slug: str
    currency: str
    stake: Decimal
    points: list[EquityPoint]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """A closed candle."""

    start: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    trades: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something a reader of a deployment should know."""

    event_id: str
    kind: str
    summary: str
    time: datetime
    detail: str = ""
    sequence: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What the feed knows of one symbol."""

    status: str
    bid: Decimal | None = None
    ask: Decimal | None = None
    last: Decimal | None = None
    book_age_s: float | None = None
    trade_age_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """How the market is heard."""

    connected: bool
    market: str | None = None
    source: str | None = None
    system: str | None = None
    market_time: datetime | None = None
    last_sequence: int | None = None
    messages_per_s: float | None = None
    symbols: dict[str, Quote] | None = None  # the stream tells them as prices


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The top of an instrument's book."""

    symbol: str
    status: str
    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None


# What the stream tells.


@dataclass(frozen=True, slots=True, kw_only=True)
class FillTold:
    """An execution."""

    cursor: str
    deployment: str
    told_at: datetime
    data: Fill


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTold:
    """An order as it stands after a change."""

    cursor: str
    deployment: str
    told_at: datetime
    data: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTripTold:
    """A position that was closed."""

    cursor: str
    deployment: str
    told_at: datetime
    data: RoundTrip


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTold:
    """Something a reader of a deployment should know."""

    cursor: str
    deployment: str
    told_at: datetime
    data: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Messages between two places are not kept any more."""

    from_: str
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeagueTold:
    """Rows of the league: all of them when it is whole, else those that changed."""

    is_whole: bool
    season: int | None
    rows: list[Row]
    gone: list[str]
    totals: list[Totals]


@dataclass(frozen=True, slots=True, kw_only=True)
class PricesTold:
    """Prices: all of them when it is whole, else those that changed."""

    is_whole: bool
    prices: list[Price]
    gone: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedTold:
    """How the market is heard."""

    data: Feed


Fact: TypeAlias = FillTold | OrderTold | RoundTripTold | EventTold
Message: TypeAlias = Fact | Gap | LeagueTold | PricesTold | FeedTold
