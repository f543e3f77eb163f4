"""An account and all that became of it. Quantities are in base units, prices in quote per base."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One execution of an order, whole or partial."""

    id: int
    fill_id: str
    order_id: str
    symbol: str
    side: str  # buy or sell
    qty: Decimal
    price: Decimal
    cost: Decimal  # quote
    fee: Decimal  # quote, never negative
    leverage: Decimal | None  # of its order; None: spot
    margin_fee: Decimal  # quote, beside the fee: for opening on margin, for being liquidated
    quote: str
    liquidity: str  # maker or taker
    result: Decimal | None  # account currency, fees included; None when it opens
    reason: str  # in the strategy's words
    signal_code: str  # the strategy's, else stop_loss, take_profit, liquidation or flatten
    sequence: int  # of the frame
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill(Execution):
    """An execution, and what it was decided on."""

    evidence: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketFill(Execution):
    """An execution, and whose it was."""

    deployment: str  # its slug
    currency: str  # of the result


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Why a live order is not filled yet, at most a second ago."""

    waits_for: str
    distance_bps: Decimal | None  # of its price from the best, or of the last trade from its trigger
    queue_ahead: Decimal | None  # shown before it at its price; None: not known
    printed: Decimal  # traded by others at its price or through it since it rests there
    printed_at: datetime | None  # the last time
    since: datetime | None  # rests at its price since; before that: sent at
    until: datetime | None  # arrives, while it waits for latency; else expires
    status: str  # of the instrument
    system: str  # of the exchange
    is_post_only: bool
    is_being_cancelled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order: what a strategy requested, and its state."""

    order_id: str
    symbol: str
    side: str
    type: str
    time_in_force: str
    status: str
    qty: Decimal
    filled_qty: Decimal
    limit_price: Decimal | None
    trigger_price: Decimal | None
    average_price: Decimal | None
    is_post_only: bool
    is_reduce_only: bool
    leverage: Decimal | None  # None: spot, from the account's own balances
    trail: Decimal | None  # a trailing stop's distance
    trail_pct: Decimal | None  # the same in percent of the price that is followed
    expires_at: datetime | None
    stop_loss_price: Decimal | None  # of the exits that its first fill would bring
    take_profit_price: Decimal | None
    parent_id: str  # the entry that brought this exit
    sibling_id: str  # one of the two cancels the other
    is_triggered: bool
    is_after_gap: bool  # the market was not watched since it was checked last
    queue_ahead_qty: Decimal | None  # shown before it at its price; None: not known
    fill_model: str  # with its version
    purpose: str  # entry, exit, stop_loss, take_profit or liquidation
    reason: str  # in the strategy's words
    signal_code: str  # the strategy's, else stop_loss, take_profit, liquidation or flatten
    code: str  # why it was refused or ended
    sentence: str  # the same in words
    sequence: int  # of the frame
    created_at: datetime
    updated_at: datetime
    waiting: Waiting | None = None  # None: it is not open, or was not checked; not in the stream


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTrip:
    """A position from flat to flat."""

    trip_id: str
    symbol: str
    side: str  # of the entry: buy is a long, sell a short
    qty: Decimal  # all that was entered
    entry_price: Decimal  # average
    exit_price: Decimal  # average
    fees: Decimal  # quote
    result: Decimal  # account currency, fees included
    mae: Decimal | None  # quote that it had lost at its worst; None: not watched
    mfe: Decimal | None  # quote that it had gained at its best
    mae_pct: Decimal | None  # in percent of all that was entered
    mfe_pct: Decimal | None
    exit_code: str  # of what closed the last of it
    held_s: float  # the market's clock
    opened_at: datetime
    closed_at: datetime
    sequence: int  # of the frame


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitFigures:
    """The round trips that one rule ended."""

    exit_code: str  # empty: the strategy gave none
    count: int
    wins: int
    win_rate: Decimal  # percent of the count
    result: Decimal  # account currency, fees included
    average: Decimal  # of one round trip
    held_s: float  # mean, the market's clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """What is held of one instrument."""

    symbol: str
    qty: Decimal  # signed; zero when flat
    average_price: Decimal  # fees left out; zero when flat
    fees: Decimal  # quote, of the open round trip
    leverage: Decimal | None  # of what is borrowed for it; None: nothing is
    margin: Decimal  # quote, the collateral that its loans bind
    borrowed: Decimal  # of the quote when long, of the base when short
    mae: Decimal | None  # quote that the open round trip had lost at its worst
    mfe: Decimal | None  # quote that it had gained at its best
    mark_price: Decimal | None  # mid; None when flat or unknown
    unrealised: Decimal | None  # account currency, at mid, fees of what is open included
    liquidation_price: Decimal | None  # at which the lender closes, all else as it is; None: at none
    as_of: datetime | None  # of the figures at mid
    opened_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What is held of one currency."""

    currency: str
    amount: Decimal  # never below zero
    owed: Decimal  # of all loans, never below zero


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One posting; those of one fact sum to zero per currency."""

    entry_id: str
    party: str  # account, exchange, fees, lender or owner
    currency: str
    amount: Decimal  # what the party gains (+) or gives (-)
    kind: str  # deposit, withdrawal, trade, fee, loan, …
    fill_id: str
    sequence: int  # of the frame
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EquityPoint:
    """What an account was worth at a moment."""

    time: datetime
    equity: Decimal
    mid_equity: Decimal
    return_pct: Decimal  # gain in percent of all that had been paid in by then
    drawdown_pct: Decimal  # below the highest point before it


@dataclass(frozen=True, slots=True, kw_only=True)
class EquityCurve:
    """An account's worth over time, oldest first."""

    slug: str
    currency: str
    stake: Decimal  # all that was paid in, less what was taken out
    points: list[EquityPoint]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What a person requested of a deployment, and how far it has come."""

    id: int
    key: str  # the name by which ledger entries know it
    kind: str  # flatten, stop_entries, allow_entries, pay, close or cancel
    arguments: dict[str, Any]  # of the kind; decimals as text
    requested_by: str
    requested_at: datetime  # wall clock
    state: str  # requested, running, done, rejected or withdrawn
    message: str  # what it waits for, what was left, or why it was rejected or withdrawn
    result: dict[str, Any]  # of the kind, once it has ended; decimals as text
    began_sequence: int | None  # the frame after which it was applied
    began_at: datetime | None  # the market's clock
    ended_sequence: int | None  # the frame with which it ended
    ended_at: datetime | None  # the market's clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Flattening:
    """A command to cancel all orders and close every position, and how far it has come."""

    id: int
    by: str
    asked_at: datetime  # wall clock
    state: str
    sentence: str  # what it waits for, what was left as dust, or why it was withdrawn
    orders: int  # market orders that it took
    sequence: int | None  # the frame after which it was given
    begun_at: datetime | None  # the market's clock
    done_sequence: int | None
    done_at: datetime | None
