"""Amending a live order: what it would become, and why it may not."""

from __future__ import annotations

import msgspec

from trading.orders import AmendRequest, Order, Refusal


def amended(order: Order, request: AmendRequest) -> Order:
    """Return a copy of the order as it would be; its place in the queue is for the exchange to give."""
    return msgspec.structs.replace(
        order,
        lots=order.lots if request.lots is None else request.lots,
        limit_ticks=order.limit_ticks if request.limit_ticks is None else request.limit_ticks,
        trigger_ticks=order.trigger_ticks if request.trigger_ticks is None else request.trigger_ticks,
    )


def amend_refusal(order: Order, request: AmendRequest) -> Refusal | None:
    """Return why an order cannot be changed so, or None."""
    if request.limit_ticks is not None and order.limit_ticks is None:
        return Refusal("amend_refused", f"a {order.type.value} order has no limit price to amend")
    if request.trigger_ticks is not None and (order.trigger_ticks is None or order.is_triggered):
        return Refusal("amend_refused", f"the {order.type.value} order has no trigger to amend")
    if request.trigger_ticks is not None and order.trail is not None:
        return Refusal("amend_refused", "the trigger of a trailing stop follows the price: amend nothing, or cancel it")
    return None


def keeps_its_place(order: Order, request: AmendRequest) -> bool:
    """True when an amendment leaves the order where it stands in the queue: the same price, and no more than before."""
    is_same_price = request.limit_ticks is None or request.limit_ticks == order.limit_ticks
    return is_same_price and (request.lots is None or request.lots <= order.lots)
