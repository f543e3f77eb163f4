"""The league: its season, its table, and who trades in it. Money is in the account's currency."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from paddock_client.accounts import Flattening


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """A period of the league on one market."""

    number: int
    name: str
    market: str  # kraken, simulated:SEED or recording:NAME:HASH
    liquidity: str  # private: each account has the market to itself; shared
    started_at: datetime  # wall clock
    ended_at: datetime | None  # None while it runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """An account as it would stand under another fill model; figures are None until it has been valued."""

    fill_model: str
    equity: Decimal | None
    mid_equity: Decimal | None
    return_pct: Decimal | None  # since it began, of the equity then
    fills: int  # those before it began included
    round_trips: int
    fees: Decimal
    max_drawdown_pct: Decimal
    errors: int  # that the strategy raised since it began
    since: datetime | None  # it began
    since_sequence: int  # the last frame in common with the account
    as_of: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A deployment in its place in the league; of the past not every figure is kept."""

    rank: int
    slug: str
    name: str
    strategy: str
    version: str
    symbols: list[str]
    status: str  # enabled, entries_stopped, paused or quarantined
    status_reason: str
    health: str
    health_reason: str
    currency: str
    stake: Decimal  # all that was paid in, less what was taken out
    paid_in: Decimal  # all that was ever paid in: returns are in percent of it
    equity: Decimal  # what the account would fetch now, fees paid
    return_pct: Decimal
    mid_equity: Decimal | None
    realised: Decimal | None
    unrealised: Decimal | None
    fees: Decimal | None
    interest: Decimal | None  # the part of the fees that lending cost
    exposure: Decimal | None  # of longs and shorts, never netted
    short_exposure: Decimal | None
    leverage: Decimal | None  # exposure per unit of equity; None when nothing is left
    owed: Decimal | None  # all loans, at mid
    used_margin: Decimal | None  # collateral that loans bind
    margin_state: str
    margin_level_pct: Decimal | None  # equity in percent of the used margin; None while none is used
    call_level_pct: Decimal | None  # at which margin is called
    closing_level_pct: Decimal | None  # below which positions are closed
    drawdown_pct: Decimal | None
    max_drawdown_pct: Decimal | None
    fills: int | None
    round_trips: int | None
    wins: int | None
    refusals: int | None
    win_rate: Decimal | None  # percent of the round trips
    win_rate_reason: str | None  # why there is none
    last_fill_at: datetime | None
    as_of: datetime | None  # the market's clock
    why: dict[str, int]  # reasons not to trade, and how often each was given
    indicators: dict[str, Any]  # by name, or by symbol and name
    indicators_at: datetime | None
    shadows: list[Shadow]  # the other fill models
    optimism_band_pct: list[Decimal] | None  # lowest and highest return of the fill models
    optimism_gap_pct: Decimal | None  # highest less lowest, percentage points
    optimism_since: datetime | None
    optimism_reason: str | None  # why there is no gap


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """What a deployment made of a window; payments are neither gain nor loss. Figures that are None have a reason."""

    since: datetime | None  # the window's begin, or later: its first valuation
    is_whole: bool  # False: it began later than the window
    gain: Decimal
    return_pct: Decimal | None  # of the equity then and what was paid in since
    realised: Decimal | None
    unrealised: Decimal | None
    fees: Decimal | None
    fees_of_edge_pct: Decimal | None  # of the gain before them
    fills: int | None
    round_trips: int | None
    wins: int | None
    win_rate_pct: Decimal | None
    win_rate_interval_pct: list[Decimal] | None  # 95 %, from and to
    worst_pct: Decimal | None  # deepest fall below a high of the window
    reasons: dict[str, str]  # why a figure is None, by its name
    samples: list[Decimal | None]  # equity at the window's ticks; None: not valued then


@dataclass(frozen=True, slots=True, kw_only=True)
class Place(Row):
    """A deployment in its place, and what it made of the window."""

    rank_before: int | None  # when the window began, of the season a day ago; None: it had none
    benchmark: str  # category of a benchmark, which the others must beat; empty: it is none
    window: Performance


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The stretch of market time that is looked at."""

    name: str
    at: datetime | None  # the past moment that was requested; None: now
    since: datetime | None  # never before the season
    until: datetime | None  # the newest valuation, or `at`
    ticks: list[datetime]  # the moments of the samples


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowTotals:
    """What the accounts of one currency made of the window together."""

    gain: Decimal
    return_pct: Decimal | None
    realised: Decimal
    fees: Decimal
    fills: int
    round_trips: int
    untold: int  # accounts whose figures of its beginning are not kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over the accounts of one currency."""

    currency: str
    accounts: int
    capital: Decimal  # all stakes
    paid_in: Decimal
    equity: Decimal
    result: Decimal
    return_pct: Decimal
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    interest: Decimal
    exposure: Decimal
    short_exposure: Decimal
    owed: Decimal
    fills: int
    round_trips: int
    window: WindowTotals | None = None  # not in the stream


@dataclass(frozen=True, slots=True, kw_only=True)
class League:
    """The league table, best return of the window first."""

    season: Season | None
    market: str | None
    window: Window
    rows: list[Place]
    totals: list[Totals]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One key of a deployment's terms beside its default."""

    key: str
    value: Any
    default: Any
    help: str
    bounds: str
    is_changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file of a strategy that is not Python, such as a model."""

    name: str  # its path below the strategy's folder
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version of a strategy."""

    version: str
    hash: str  # SHA-256 of its files, names included
    assets: list[Asset]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a deployment cost its worker in the last five minutes, measured in one frame of eight."""

    evaluations: int
    mean_us: int | None  # of one evaluation
    worst_us: int | None
    state_bytes: int  # of the strategy's memory
    grown_bytes: int  # by which its worker grew in its evaluations
    errors: int
    interruptions: int  # evaluations beyond the time budget
    surplus: dict[str, int]  # what it emitted beyond the bounds and was left out -> how often
    as_of: datetime  # wall clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that a reader of a deployment should know."""

    event_id: str
    kind: str  # error, paused, stopped, flatten, gap, config, margin_call, liquidation, …
    summary: str
    detail: str
    sequence: int
    time: datetime
    since: datetime | None  # of a gap: nothing was seen from then until `time`


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One key of a deployment's settings that differs."""

    key: str  # config.breaker.losses
    before: Any = None  # None: it followed the default
    after: Any = None  # None: it follows the default


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One change of a deployment: who, when, what, and all settings from then on."""

    number: int
    at: datetime  # wall clock
    by: str
    action: str  # created, changed, paused, rolled back, …
    note: str
    changes: list[Change]
    settings: dict[str, Any]
    strategy_version: str
    strategy_hash: str
    sequence: int | None  # the frame after which its worker applied it; None: not yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A strategy as it is entered in the league."""

    slug: str
    name: str
    strategy: str
    strategy_hash: str  # of the version it trades; empty: not hosted yet
    symbols: list[str]  # empty: the strategy's own
    config: dict[str, Any]  # what differs from the strategy's defaults
    risk: dict[str, Any]  # limits; empty: the engine's own
    margin: dict[str, Any]  # margin terms; empty: the exchange's
    cash: Decimal  # starting balance in the account's currency
    assets: dict[str, str]  # deposited beside it: amount by currency
    currency: str
    funding_currency: str
    latency_ms: int  # from signal to exchange; the median where it varies
    latency_sigma: float  # of the latency's logarithm
    fill_model: str
    fee_schedule: str
    shadow_choice: str  # auto, on or off: whether it runs the other fill models, too
    status: str
    status_reason: str
    revision: int  # grows with every change
    created_at: datetime
    updated_at: datetime
    more: dict[str, Any] = field(default_factory=dict)  # fields without an attribute: terms newer than this client


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentDetail(Deployment):
    """A deployment with its settings one by one, its place in the league and its newest events."""

    traded_version: Version | None  # None: it cannot be loaded
    offered_version: Version | None  # another one that is there
    settings: list[Setting]
    limits: list[Setting]
    margin_terms: list[Setting]
    cost: Cost | None
    flattening: Flattening | None  # the one that is requested or under way
    standing: Row | None
    recent_events: list[Event]
