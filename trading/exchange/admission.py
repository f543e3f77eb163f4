"""What the exchange lets in: its own state, the instrument's rules, the book as it stands, our other orders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from trading.accounting.account import Account
from trading.accounting.valuation import mid_rate
from trading.book import Level
from trading.exchange.consumed import Takings
from trading.exchange.models import FillModel
from trading.exchange.reserved import reserved
from trading.exchange.rules import MATCHED_STATUSES, is_beyond, sweep
from trading.fills import plain
from trading.instruments import Instrument, InstrumentStatus
from trading.market_snapshot import MarketSnapshot
from trading.orders import TRIGGERED, CancelRequest, Order, OrderRequest, OrderStatus, Refusal
from trading.signals import OrderType, TimeInForce


def order_refusal(
    order: Order,
    account: Account,
    snapshot: MarketSnapshot,
    takings: Takings,
    live: Mapping[str, Order],
    model: FillModel,
) -> Refusal | None:
    """Return the exchange's reason not to take the order, or None; ``live`` are all the account's orders."""
    closing = account.position(order.symbol).closing_lots(order.side, order.open_lots)
    refusal = status_refusal(order, snapshot, closing)
    if refusal is not None:
        return refusal
    if order.is_reduce_only and closing == 0:
        return Refusal("reduce_only", f"no position in {order.symbol} that a {order.side.value} would reduce")
    instrument = snapshot.instrument(order.symbol)
    if mid_rate(snapshot, instrument.quote, account.state.currency) is None:
        worth = f"what a {instrument.quote} is worth in {account.state.currency} is not known yet"
        return Refusal("no_valuation", worth)
    refusal = rule_refusal(order, instrument, snapshot)
    if refusal is not None:
        return refusal
    # An amended order may be filled in part: what follows is about the rest.
    rest = msgspec.structs.replace(order, lots=order.open_lots, filled_lots=0)
    levels = takings.left(rest, snapshot)
    refusal = book_refusal(rest, levels, live.values(), instrument, model)
    if refusal is not None or order.type not in (OrderType.MARKET, OrderType.LIMIT):
        return refusal  # what waits for a trigger is sized, and paid for, when it triggers
    cost = worst_cost(rest, levels, instrument)
    others = [other for other in live.values() if other.order_id != order.order_id]
    bound = {
        currency: reserved(currency, others, account, snapshot) for currency in (instrument.base, instrument.quote)
    }
    return account.funds_refusal(rest, instrument, cost, snapshot, bound)


def status_refusal(order: Order, snapshot: MarketSnapshot, closing_lots: int) -> Refusal | None:
    """Return why the state of the exchange or of the instrument keeps the order out, or None.

    ``closing_lots`` is what of the order would close a position. Kraken's states: kraken.md 1.1, 2.1.
    """
    status, system = snapshot.status(order.symbol), snapshot.system or "unknown"
    top = snapshot.top_or_none(order.symbol)
    if status == "stale" or top is None:
        return Refusal("not_tradable", f"{order.symbol} is stale: its book is not known")
    if not top.bids or not top.asks:
        missing = "bids" if not top.bids else "asks"
        return Refusal("not_tradable", f"the book of {order.symbol} shows no {missing}; expected both sides")
    if "post_only" in (status, system) and not (order.type is OrderType.LIMIT and order.is_post_only):
        return Refusal("post_only_mode", f"{order.symbol} takes post-only limit orders alone now")
    if system not in ("online", "post_only") or status not in (*MATCHED_STATUSES, InstrumentStatus.POST_ONLY):
        return Refusal("not_tradable", f"{order.symbol} is {status}, the exchange {system}; expected both online")
    if status == InstrumentStatus.LIMIT_ONLY and order.limit_ticks is None:
        return Refusal("limit_only_mode", f"{order.symbol} takes limit orders alone now, not {order.type.value}")
    if status == InstrumentStatus.REDUCE_ONLY and closing_lots < order.open_lots:
        return Refusal("reduce_only_mode", f"{order.symbol} may only be reduced now")
    return None


def maintenance_refusal(order: Order, request: OrderRequest, snapshot: MarketSnapshot) -> Refusal | None:
    """Return why nothing can be done about a resting order now, or None: maintenance stops cancellations, too."""
    states = (snapshot.system, snapshot.status(order.symbol))
    if InstrumentStatus.MAINTENANCE not in states:
        return None
    code = "cancel_refused" if isinstance(request, CancelRequest) else "amend_refused"
    return Refusal(code, f"{order.symbol} is {states[1]}, the exchange {states[0]}: ask again later")


def rule_refusal(order: Order, instrument: Instrument, snapshot: MarketSnapshot) -> Refusal | None:
    """Return which of the instrument's rules the order breaks, or None."""
    step = instrument.price_increment_ticks
    for what, ticks in (("limit price", order.limit_ticks), ("trigger price", order.trigger_ticks)):
        if ticks is not None and (ticks <= 0 or ticks % step):
            given, grid = plain(instrument.price(ticks)), plain(instrument.price(step))
            return Refusal("tick_size", f"the {what} is {given}; it must be a multiple of {grid} above zero")
    if order.type in TRIGGERED and order.limit_ticks is None:
        return None  # sized by the position when it triggers
    refusal = least_order_refusal(order, instrument, snapshot)
    if refusal is not None:
        return refusal
    touch = snapshot.top(order.symbol).opposite(order.side)[0].ticks
    if order.is_post_only and order.limit_ticks is not None and not is_beyond(order.side, touch, order.limit_ticks):
        return Refusal("post_only", f"at {plain(instrument.price(order.limit_ticks))} it would take from the book")
    return None


def least_order_refusal(order: Order, instrument: Instrument, snapshot: MarketSnapshot) -> Refusal | None:
    """Return why the order is smaller than any that the exchange takes, or None; the book shows both sides."""
    if order.lots < instrument.qty_min_lots:
        wanted, least = (
            instrument.qty(order.lots).normalize(),
            instrument.qty(instrument.qty_min_lots).normalize(),
        )
        return Refusal("qty_minimum", f"order of {wanted:f} {instrument.base}; the minimum order is {least:f}")
    touch = snapshot.top(order.symbol).opposite(order.side)[0].ticks
    cost = instrument.cost(order.limit_ticks or touch, order.lots)
    if cost < instrument.cost_min:
        least_cost = f"{plain(instrument.cost_min)} {instrument.quote}"
        return Refusal("cost_minimum", f"the order is worth {cost.normalize():f}; the smallest is {least_cost}")
    return None


def book_refusal(
    order: Order, levels: list[Level], others: Iterable[Order], instrument: Instrument, model: FillModel
) -> Refusal | None:
    """Return why the book as it stands keeps the order out, or None; ``levels`` are those that it could take."""
    if order.type not in (OrderType.MARKET, OrderType.LIMIT):
        return None
    walked = list(sweep(levels, order.lots))
    had = sum(level.lots for level in walked)
    if order.time_in_force is TimeInForce.FOK and had < order.lots and not (model.fills_at_touch and levels):
        wanted, there = (instrument.qty(lots).normalize() for lots in (order.lots, had))
        return Refusal("fok", f"fill-or-kill order of {wanted:f} {instrument.base}; {there:f} available")
    worst = order.limit_ticks or (walked[-1].ticks if walked else 0)
    return _self_cross_refusal(order, worst, others, instrument) if worst else None


def worst_cost(order: Order, levels: list[Level], instrument: Instrument) -> Decimal:
    """Return the most that the order may cost, in quote, fees left out."""
    cost = sum((instrument.cost(*level) for level in sweep(levels, order.lots)), Decimal(0))
    return cost if order.limit_ticks is None else max(cost, instrument.cost(order.limit_ticks, order.lots))


def _self_cross_refusal(
    order: Order, worst_ticks: int, others: Iterable[Order], instrument: Instrument
) -> Refusal | None:
    """Return which of our own resting orders the order would trade with, or None."""
    for other in others:
        rests = other.symbol == order.symbol and other.status is OrderStatus.OPEN and other.is_limit
        if not rests or other.side is order.side or other.limit_ticks is None:
            continue
        if not is_beyond(order.side, other.limit_ticks, worst_ticks):
            price = plain(instrument.price(other.limit_ticks))
            return Refusal("self_cross", f"it would trade with our own {other.side.value} at {price}")
    return None
