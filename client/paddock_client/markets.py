"""The market as the server receives it. Quantities are in base units, prices in quote per base."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """The rules of one pair."""

    market: str  # kraken, simulated:SEED or recording:NAME:HASH
    symbol: str  # BASE/QUOTE
    base: str
    quote: str
    price_decimals: int
    qty_decimals: int
    price_increment: Decimal
    qty_increment: Decimal
    qty_min: Decimal  # of an order
    cost_min: Decimal  # of an order, quote
    status: str
    updated_at: datetime  # wall clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """A closed candle."""

    start: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    trades: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The last twenty-four hours, from stored candles."""

    timeframe: str  # of the candles
    first: datetime  # beginning of the oldest
    is_whole: bool  # they reach back a day
    present: int
    expected: int  # of a whole day
    open: Decimal
    high: Decimal
    low: Decimal
    volume: Decimal
    value: Decimal  # quote: each candle's volume at its close


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """One instrument's quote and its last day."""

    symbol: str
    slug: str  # its name in addresses
    status: str  # the exchange's, or stale while its book is not known
    freshness: str  # live, quiet, late, stale, …: how far it may be believed
    freshness_detail: str
    last: Decimal | None
    bid: Decimal | None
    ask: Decimal | None
    spread: Decimal | None
    spread_bps: Decimal | None  # of the mid
    book_age_s: float | None
    change_24h_pct: Decimal | None  # None unless the candles reach back a day
    day: Day | None  # None: no candle of it is stored


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeTier:
    """Rates from a volume on, in basis points of the traded value."""

    volume: Decimal  # USD in thirty days, at least
    taker_bps: Decimal
    maker_bps: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeSchedule:
    """A table of fees; its name stands for it for ever."""

    name: str
    family: str  # a deployment that names this is charged by whichever table of it is in force
    valid_from: date  # UTC
    tiers: list[FeeTier]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFeeSchedule(FeeSchedule):
    """A table of fees, and where it comes from."""

    is_own: bool  # it was added there; the others come with Paddock
    reference: str  # where its rates were published
    added_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallAccount:
    """What an account of 100 USD can do."""

    least_usd: Decimal | None  # the smallest order; None while no price is known
    orders: int | None  # of that size, fees left out
    round_trip_usd: Decimal  # taker fees of buying and selling for 100 USD
    round_trip_maker_usd: Decimal  # the same, resting in the book both times


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketDetail(Market):
    """One instrument: quote, day, rules and costs."""

    base: str
    quote: str
    price_increment: Decimal
    qty_increment: Decimal
    qty_min: Decimal  # of an order
    cost_min: Decimal  # of an order, quote
    status_words: str  # what the exchange allows now
    long_limit: Decimal  # value bought per unit of equity, at most
    short_limit: Decimal  # value sold short per unit of equity, at most
    fee_schedules: list[FeeSchedule]
    small_account: SmallAccount


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One level of a book."""

    price: Decimal
    qty: Decimal
    total: Decimal  # from the best level to this one


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """An order book as of one frame, best first on both sides."""

    symbol: str
    sequence: int  # of the frame
    time: datetime  # of the frame
    changed_at: datetime | None  # None: not seen yet
    status: str
    bids: list[Rung]
    asks: list[Rung]
    spread: Decimal | None  # None when a side is empty
    mid: Decimal | None
    micro_price: float | None  # bid and ask, each weighted by the quantity at the other
    imbalance: float | None  # of the best levels, -1 (all asked) to 1 (all bid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Print:
    """One public trade."""

    trade_id: int
    side: str  # the taker's
    price: Decimal
    qty: Decimal
    time: datetime
    is_large: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """The newest public trades, newest first."""

    symbol: str
    prints: list[Print]
    remembered: int  # prints that the rule for large ones was made from
    large_from: Decimal | None  # None while there are too few


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorValues:
    """An indicator's values, oldest first."""

    name: str
    symbol: str
    timeframe: str
    parameters: dict[str, float]
    is_overlay: bool  # in units of the price
    needs: int  # candles until all lines are known
    candles: int  # that it was computed from
    drawn: list[str]  # the lines that a chart draws
    starts: list[datetime]  # of the candles
    lines: dict[str, list[float | None]]  # by name, one value a candle; None while it is not known


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What the feed knows of one symbol."""

    status: str
    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None
    book_age_s: float | None
    trade_age_s: float | None
    resyncs: int | None
    gaps: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The clock of the feed's machine against the exchange's, in seconds."""

    behind_s: float | None  # below zero it is ahead; None: not known
    corrected_s: float | None  # what the feed adds to it
    is_wrong: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How far timestamps lie behind the time of receipt, in milliseconds."""

    newest: float | None
    p50: float | None
    p99: float | None
    is_high: bool | None
    history: list[float | None] | None  # the worst of each stretch, oldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """Attempts to connect, of which the exchange allows only so many."""

    used: int | None
    limit: int
    window_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """The recording of what the feed receives."""

    file: str | None  # None: none is open
    bytes: int
    messages: int
    dropped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEvent:
    """Something that a reader of the feed's figures should know."""

    market: str
    time: datetime
    kind: str
    symbol: str  # empty: the whole feed
    detail: str
    count: int = 1  # how often it happened
    until: datetime | None = None  # the last time; None: it happened once


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """The figures of the feed; counts are since the feed started, and all is None when none runs."""

    connected: bool
    finished: bool | None  # a recording was played to its end
    source: str | None
    market: str | None
    started_at: datetime | None
    uptime_s: float | None
    connected_s: float | None
    connected_share: float | None  # of the uptime, 0 to 1
    connections: Connections
    market_time: datetime | None
    system: str | None  # the exchange's own status
    last_sequence: int | None
    frames: int | None
    messages: int | None
    messages_per_s: float | None
    lag_ms: Lag | None
    heartbeat_age_s: float | None
    channels: dict[str, float | None] | None  # seconds since each last said something
    checksums_verified: int | None
    checksum_failures: int | None
    books_crossed: int | None
    resyncs: int | None
    trades: int | None
    trade_gaps: int | None
    late_trades: int | None
    gaps: int | None
    repairs: int | None
    reconnects: int | None
    refusals: int | None
    bad_frames: int | None
    incidents_left_out: int | None
    without_data: dict[str, str] | None
    event_counts: dict[str, int] | None
    recording: Recording | None
    clock: Clock | None = None
    last_frame_age_s: float | None = None  # this and what follows is not in the stream
    symbols: dict[str, Quote] | None = None
    events: list[FeedEvent] = field(default_factory=list)
