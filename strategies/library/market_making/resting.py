"""From the quotes that are wanted to orders: what rests where it should keeps its place in the queue."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TypedDict

from trading.book import Side
from trading.orders import Purpose
from trading.portfolio import Holding, OpenOrder
from trading.signals import Action, Amend, Cancel, OrderType, Signal, SizeUnit

from .._rules.holding import side_of
from .quotes import Quote, Turn


class Pace(TypedDict):
    """What is remembered of a symbol's quotes between two frames."""

    look_ns: int  # when they are looked at next, whatever happens
    rest_ns: int  # until when those that rest are not moved
    fair: float  # at the last look
    version: int  # of the candles then
    placed: dict[str, float]  # price at which the order on each side was placed, and its stop reckoned
    leaving: str  # why all is being sold, empty while it is not


def quote_orders(turn: Turn, side: Side) -> list[OpenOrder]:
    """Return our limit orders on one side; more than one is one too many."""
    return [order for order in turn.orders if order.limit_price is not None and order.side is side]


def tend(turn: Turn, side: Side, quote: Quote | None, pace: Pace) -> Sequence[Signal | Cancel | Amend]:
    """Return what turns the orders of one side into the quote; None takes them out of the book.

    While the quotes rest only ways out are placed and enlarged; taking out is never put off.
    """
    purpose = Purpose.EXIT if turn.reduces(side) else Purpose.ENTRY
    orders = quote_orders(turn, side)
    kept = [order for order in orders if quote is not None and order.purpose == purpose][:1]
    if len(kept) < len(orders):
        return [Cancel(order.order_id) for order in orders if order not in kept]
    rests = turn.data.time_ns < pace["rest_ns"]
    if quote is None or (rests and purpose == Purpose.ENTRY):
        return []
    if not kept:
        pace["placed"][side.value] = quote.price
        return [_order(turn, side, quote)]
    return _moved(turn, kept[0], quote, pace, rests=rests)


def _moved(turn: Turn, order: OpenOrder, quote: Quote, pace: Pace, *, rests: bool) -> Sequence[Cancel | Amend]:
    """Return how a resting order becomes the quote: not at all while it is near enough."""
    resting = order.limit_price or 0.0
    is_off = abs(quote.price / resting - 1) * 100 > turn.config.tolerance_pct and not rests
    if order.purpose == Purpose.EXIT:
        is_resized = order.qty != quote.qty
    else:
        is_resized = abs(quote.qty / order.qty - 1) * 100 > turn.config.resize_pct
    if not (is_off or is_resized):
        return []
    price = quote.price if is_off else resting
    placed = pace["placed"].get(order.side.value, resting)
    if order.purpose == Purpose.ENTRY and abs(price / placed - 1) * 100 > turn.own.stop_loss_pct / 2:
        return [Cancel(order.order_id)]  # its stop cannot be amended and would be too near, or too far
    return [Amend(order.order_id, qty=_whole(order, quote.qty), limit_price=price)]


def _whole(order: OpenOrder, still_open: float) -> Decimal:
    """Return the quantity of a whole order of which so much should be open."""
    return Decimal(str(order.filled_qty)) + Decimal(str(still_open))


def _order(turn: Turn, side: Side, quote: Quote) -> Signal:
    is_way_out, is_buy = turn.reduces(side), side is Side.BUY
    if is_way_out:
        action, stop = Action.COVER if is_buy else Action.SELL, None
    else:
        action, stop = Action.BUY if is_buy else Action.SHORT, _stop_after(turn, side, quote)
    return Signal(
        action=action,
        symbol=turn.symbol,
        size=quote.qty,
        size_in=SizeUnit.BASE,
        order_type=OrderType.LIMIT,
        limit_price=quote.price,
        post_only=True,
        reduce_only=is_way_out,
        stop_loss=stop,
        reason="the way out of what is held" if is_way_out else "a quote for the spread",
        code="bid" if is_buy else "ask",
    )


def _stop_after(turn: Turn, side: Side, quote: Quote) -> float:
    """Return the stop from the average price that a whole fill would lead to."""
    cost, qty = quote.price * quote.qty, quote.qty
    if turn.holding is not None:
        cost += turn.holding.average_price * abs(turn.holding.qty)
        qty += abs(turn.holding.qty)
    return _stop_price(turn, side, cost / qty)


def _stop_price(turn: Turn, side: Side, average: float) -> float:
    away = turn.own.stop_loss_pct / 100
    return average * (1 - away if side is Side.BUY else 1 + away)


def tend_stop(turn: Turn) -> Sequence[Signal | Cancel | Amend]:
    """Return what gives what is held its stop, and one alone: it came with the first fill and follows the average.

    An order whose first part was sold again before the rest was filled has used its stop up: another is placed.
    """
    stops, holding = [order for order in turn.orders if order.trigger_price is not None], turn.holding
    if holding is None:
        return [Cancel(order.order_id) for order in stops if order.purpose == Purpose.EXIT]
    price, held = _stop_price(turn, side_of(holding), holding.average_price), abs(holding.qty)
    fitting = [order for order in stops if turn.reduces(order.side)]
    fitting.sort(key=lambda order: order.purpose != Purpose.STOP_LOSS)
    others = [Cancel(order.order_id) for order in stops if order not in fitting[:1]]
    if not fitting:
        return [*others, _stop(turn, holding, price)]
    kept = fitting[0]
    is_off = abs((kept.trigger_price or 0.0) / price - 1) * 100 > turn.config.tolerance_pct
    if kept.purpose == Purpose.EXIT and (is_off or kept.qty != held):
        return [*others, Amend(kept.order_id, qty=_whole(kept, held), trigger_price=price)]
    return [*others, Amend(kept.order_id, trigger_price=price)] if is_off else others


def _stop(turn: Turn, holding: Holding, price: float) -> Signal:
    leave = Signal.sell if holding.qty > 0 else Signal.cover
    return leave(
        turn.symbol,
        abs(holding.qty),
        size_in=SizeUnit.BASE,
        order_type=OrderType.STOP,
        trigger_price=price,
        reduce_only=True,
        reason="too far from the average price",
        code="stop_loss",
    )
