"""Why an open order has not been filled yet: what it waits for, and how far away that is."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum

import msgspec

from trading.book import Side
from trading.exchange.models import FillModel
from trading.exchange.rules import is_matched, is_visible
from trading.market_snapshot import MarketSnapshot
from trading.orders import CancelRequest, Order, OrderRequest, OrderStatus

_BPS_UNIT = Decimal("0.01")


class WaitsFor(StrEnum):
    """The next thing that must happen before a live order can be filled."""

    LATENCY = "latency"  # it is on its way: the exchange has not received it
    MARKET = "market"  # nothing is matched now: not open for trading, or its book is not known
    TRIGGER = "trigger"  # the last trade has not reached its trigger
    BOOK = "book"  # it was set off, and takes what the book shows next
    DEPTH = "depth"  # a price deeper than the visible book: nobody knows the queue, only prints through it fill
    PRICE = "price"  # its side of the book has better prices: those are filled first
    QUEUE = "queue"  # at the best price, behind what stood there before it
    PRINT = "print"  # at the best price with nobody before it: the next who trades there trades with it
    TRADE_THROUGH = "trade_through"  # a print beyond its price: its fill model takes nothing less


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """Where a live order stands; quantities in base units."""

    waits_for: WaitsFor
    distance_bps: Decimal | None  # see `waiting`
    queue_ahead: Decimal | None  # shown before it at its price, not yet traded away; None: does not rest, or unknown
    printed: Decimal  # what others traded at its price or through it since it rests there
    printed_ns: int  # when they last did; zero: never
    since_ns: int  # since when it waits so: rests at its price, or was sent; market time
    until_ns: int  # when it arrives, while it waits for the latency; else when it expires; zero: neither
    status: str  # of the instrument; "stale": its book is not known
    system: str  # the exchange's own status
    is_post_only: bool
    is_being_cancelled: bool  # a cancellation is on its way


def waiting(order: Order, requests: Iterable[OrderRequest], snapshot: MarketSnapshot, model: FillModel) -> Waiting:
    """Return why a live order is not filled, as of ``snapshot``; ``requests`` are those about any order.

    ``distance_bps`` of a resting order is how much worse its price is than the best of its own side, zero when
    there is none better; of one that waits for its trigger, how far the last trade (without one: the
    other side's best price) is from it. None while the book is not known, or it waits for no price.
    """
    instrument = snapshot.instrument(order.symbol)
    waits_for = _waits_for(order, snapshot, model)
    has_queue = order.is_limit and order.status is OrderStatus.OPEN and order.queue_ahead_lots >= 0
    return Waiting(
        waits_for=waits_for,
        distance_bps=_distance_bps(order, snapshot),
        queue_ahead=instrument.qty(order.queue_ahead_lots) if has_queue else None,
        printed=instrument.qty(order.printed_lots),
        printed_ns=order.printed_ns,
        since_ns=order.rests_since_ns or order.created_ns,
        until_ns=order.arrives_ns if waits_for is WaitsFor.LATENCY else order.expires_ns,
        status=snapshot.status(order.symbol),
        system=snapshot.system,
        is_post_only=order.is_post_only,
        is_being_cancelled=any(isinstance(r, CancelRequest) and r.order_id == order.order_id for r in requests),
    )


def _waits_for(order: Order, snapshot: MarketSnapshot, model: FillModel) -> WaitsFor:
    if order.status is OrderStatus.SENT:
        return WaitsFor.LATENCY
    if not is_matched(order.symbol, snapshot):
        return WaitsFor.MARKET
    if not order.is_limit:
        return WaitsFor.BOOK if order.is_triggered else WaitsFor.TRIGGER
    if model.needs_trade_through:
        return WaitsFor.TRADE_THROUGH
    if not is_visible(order, snapshot):
        return WaitsFor.DEPTH
    if _worse_ticks(order, snapshot):
        return WaitsFor.PRICE
    is_behind = order.queue_ahead_lots > 0 and not model.fills_at_touch
    return WaitsFor.QUEUE if is_behind else WaitsFor.PRINT


def _worse_ticks(order: Order, snapshot: MarketSnapshot) -> int:
    """Return how much worse a resting order's price is than the best of its own side, never below zero."""
    assert order.limit_ticks is not None, "only limit orders rest in the book"
    own = snapshot.top(order.symbol).own(order.side)
    if not own:
        return 0
    away = own[0].ticks - order.limit_ticks
    return max(away if order.side is Side.BUY else -away, 0)


def _distance_bps(order: Order, snapshot: MarketSnapshot) -> Decimal | None:
    top = snapshot.top_or_none(order.symbol)
    if top is None or not top.bids or not top.asks:
        return None
    if order.limit_ticks is not None and (order.is_limit or order.trigger_ticks is None):
        return _bps(_worse_ticks(order, snapshot), top.own(order.side)[0].ticks)
    if order.trigger_ticks is None or order.is_triggered:
        return None
    last = snapshot.last_ticks(order.symbol) or top.opposite(order.side)[0].ticks
    return _bps(abs(order.trigger_ticks - last), last)


def _bps(ticks: int, of: int) -> Decimal:
    return (Decimal(ticks * 10_000) / of).quantize(_BPS_UNIT)
