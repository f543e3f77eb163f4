"""Fill status of an open order, in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from portfolios.models import Order
from trading.exchange.waiting import WaitsFor
from trading.frames import FRAME_DEPTH

Waiting = Mapping[str, Any]  # as the worker keeps it with the account: see `portfolios.rows.valuations`


def waiting_sentence(order: Order, waiting: Waiting | None) -> str:
    """Return why the order is not filled; ``waiting`` None: no worker has processed it yet."""
    if waiting is None:
        return "Not processed by a worker yet."
    sentences = [_SENTENCES[WaitsFor(waiting["waits_for"])](order, waiting)]
    if waiting["is_being_cancelled"]:
        sentences.append("Cancel request in transit.")
    elif waiting["is_post_only"]:
        sentences.append("Post-only.")
    return " ".join(sentences)


def waiting_details(order: Order, waiting: Waiting | None) -> str:
    """Return what has traded at the order's price since it rests there; empty where that means nothing."""
    if waiting is None or waiting["waits_for"] in {WaitsFor.LATENCY, WaitsFor.TRIGGER} or order.limit_price is None:
        return ""
    if waiting["printed_at"] is None:
        return "No trades at this price since it was placed."
    last = datetime.fromisoformat(waiting["printed_at"])
    traded = _qty(waiting["printed"], order)
    return f"{traded} traded at or through this price since it was placed, last at {last:%H:%M:%S} UTC."


def _qty(amount: str, order: Order) -> str:
    return f"{amount} {order.symbol.partition('/')[0]}"


def _best(order: Order) -> str:
    return "best bid" if order.side == "buy" else "best ask"


def _distance(order: Order, waiting: Waiting) -> str:
    """Return how far the order rests from the best price of its side."""
    if waiting["distance_bps"] is None:
        return f"distance to {_best(order)} unknown"
    bps = Decimal(waiting["distance_bps"])
    if bps == 0:
        return f"at {_best(order)}"
    digits = 0 if bps >= 100 else 1
    return f"{round(bps, digits):f} bps {'below' if order.side == 'buy' else 'above'} {_best(order)}"


def _latency(order: Order, waiting: Waiting) -> str:
    return "In transit: reaches the exchange after the latency."


def _market(order: Order, waiting: Waiting) -> str:
    if waiting["status"] == "stale":
        return f"Not filled: the order book of {order.symbol} is unknown; nothing is matched until it is verified."
    return f"Not filled: {order.symbol} is {waiting['status']}, exchange {waiting['system']}; nothing is matched."


def _trigger(order: Order, waiting: Waiting) -> str:
    if waiting["distance_bps"] is None:
        return "Not triggered: no last price."
    return f"Not triggered: last price is {Decimal(waiting['distance_bps']) / 100:.2f} % away."


def _book(order: Order, waiting: Waiting) -> str:
    return "Triggered: fills against the next order book."


def _depth(order: Order, waiting: Waiting) -> str:
    levels = f"outside the {FRAME_DEPTH} visible levels"
    return f"Not filled: {_distance(order, waiting)}, {levels}; fills only on a trade-through."


def _price(order: Order, waiting: Waiting) -> str:
    has_queue = waiting["queue_ahead"] not in {None, "0"}
    ahead = f"; {_qty(waiting['queue_ahead'], order)} ahead at this price" if has_queue else ""
    return f"Not filled: {_distance(order, waiting)}{ahead}."


def _queue(order: Order, waiting: Waiting) -> str:
    return f"Not filled: at {_best(order)}, {_qty(waiting['queue_ahead'], order)} ahead in the queue."


def _print(order: Order, waiting: Waiting) -> str:
    side = "sell" if order.side == "buy" else "buy"
    return f"Not filled: first in the queue at {_best(order)}; fills on the next {side} at this price."


def _trade_through(order: Order, waiting: Waiting) -> str:
    return f"Not filled: {_distance(order, waiting)}; this fill model fills only on a trade-through."


_SENTENCES: Mapping[WaitsFor, Callable[[Order, Waiting], str]] = {
    WaitsFor.LATENCY: _latency,
    WaitsFor.MARKET: _market,
    WaitsFor.TRIGGER: _trigger,
    WaitsFor.BOOK: _book,
    WaitsFor.DEPTH: _depth,
    WaitsFor.PRICE: _price,
    WaitsFor.QUEUE: _queue,
    WaitsFor.PRINT: _print,
    WaitsFor.TRADE_THROUGH: _trade_through,
}
