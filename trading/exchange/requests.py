"""Cancelling and amending: wishes about live orders, which take the latency to arrive, too."""

from __future__ import annotations

from typing import Literal

import msgspec

from trading.orders import Order, Refusal


class Wish(msgspec.Struct):
    """What is to become of a live order once the exchange hears of it; None leaves as it is."""

    kind: Literal["cancel", "amend"]
    order_id: str
    arrives_ns: int
    lots: int | None = None
    limit_ticks: int | None = None
    trigger_ticks: int | None = None


def amended(order: Order, wish: Wish) -> Order:
    """Return a copy of the order as it would be; its place in the queue is for the exchange to give."""
    return msgspec.structs.replace(
        order,
        lots=order.lots if wish.lots is None else wish.lots,
        limit_ticks=order.limit_ticks if wish.limit_ticks is None else wish.limit_ticks,
        trigger_ticks=order.trigger_ticks if wish.trigger_ticks is None else wish.trigger_ticks,
    )


def amend_refusal(order: Order, wish: Wish) -> Refusal | None:
    """Return why an order cannot be changed so, or None."""
    if wish.limit_ticks is not None and order.limit_ticks is None:
        return Refusal("amend_refused", f"a {order.type.value} order has no limit price to amend")
    if wish.trigger_ticks is not None and (order.trigger_ticks is None or order.is_triggered):
        return Refusal("amend_refused", f"the {order.type.value} order has no trigger to amend")
    if wish.trigger_ticks is not None and order.trail is not None:
        return Refusal("amend_refused", "the trigger of a trailing stop follows the price: amend nothing, or cancel it")
    return None


def keeps_its_place(order: Order, wish: Wish) -> bool:
    """True when an amendment leaves the order where it stands in the queue: the same price, and no more than before."""
    is_same_price = wish.limit_ticks is None or wish.limit_ticks == order.limit_ticks
    return is_same_price and (wish.lots is None or wish.lots <= order.lots)
