"""Why an open order has not been filled yet, in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from portfolios.models import Order
from trading.exchange.waiting import WaitsFor

Told = Mapping[str, Any]  # as the worker keeps it with the account: see `portfolios.rows.valuations`


def waiting_sentence(order: Order, told: Told | None) -> str:
    """Return what the order waits for, in a sentence; ``told`` None: no worker has looked at it yet."""
    if told is None:
        return "No worker has looked at it yet."
    words = [_WORDS[WaitsFor(told["waits_for"])](order, told)]
    if told["is_being_cancelled"]:
        words.append("A cancellation is on its way.")
    elif told["is_post_only"]:
        words.append("It is post-only: it takes nothing, others must come to it.")
    return " ".join(words)


def waiting_details(order: Order, told: Told | None) -> str:
    """Return what has been traded at its price since it rests there; empty where that says nothing."""
    if told is None or told["waits_for"] in {WaitsFor.LATENCY, WaitsFor.TRIGGER} or order.limit_price is None:
        return ""
    if told["printed_at"] is None:
        return "Nobody has traded at its price since it rests there."
    last = datetime.fromisoformat(told["printed_at"])
    return f"{_qty(told['printed'], order)} were traded at its price or through it, last at {last:%H:%M:%S} UTC."


def _qty(amount: str, order: Order) -> str:
    return f"{amount} {order.symbol.partition('/')[0]}"


def _away(told: Told) -> str:
    return "an unknown distance" if told["distance_bps"] is None else f"{Decimal(told['distance_bps']):f} bps"


def _latency(order: Order, told: Told) -> str:
    return "On its way: the exchange hears of it after the latency."


def _market(order: Order, told: Told) -> str:
    if told["status"] == "stale":
        return f"The book of {order.symbol} is not known: nothing is filled until it is."
    return f"{order.symbol} is {told['status']}, the exchange {told['system']}: nothing is matched now."


def _trigger(order: Order, told: Told) -> str:
    return f"Its trigger has not been reached: the last trade is {_away(told)} from it."


def _book(order: Order, told: Told) -> str:
    return "It was set off, and takes what the book shows next."


def _depth(order: Order, told: Told) -> str:
    return f"Its price is deeper than the visible book, {_away(told)} from the best: only trades through it fill it."


def _price(order: Order, told: Told) -> str:
    ahead = "" if told["queue_ahead"] in {None, "0"} else f", and {_qty(told['queue_ahead'], order)} before it there"
    return f"Better prices are filled first: the best is {_away(told)} away{ahead}."


def _queue(order: Order, told: Told) -> str:
    return f"At the best price, {_qty(told['queue_ahead'], order)} stand before it."


def _print(order: Order, told: Told) -> str:
    side = "sells" if order.side == "buy" else "buys"
    return f"First in line at the best price: the next who {side} there trades with it."


def _trade_through(order: Order, told: Told) -> str:
    return f"Its fill model waits for a trade beyond its price, {_away(told)} from the best."


_WORDS: Mapping[WaitsFor, Callable[[Order, Told], str]] = {
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
