"""Live orders and requests when their instrument has other decimals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Protocol

from msgspec.structs import replace

from trading.exchange.rules import is_kept
from trading.exchange.state import ExchangeState
from trading.fills import plain
from trading.market_snapshot import MarketSnapshot
from trading.orders import AmendRequest, Order, OrderRequest, OrderStatus, Refusal
from trading.recount import Recount
from trading.venue import VenueReport

CODE = "decimals_changed"


class Ender(Protocol):
    """The exchange, as far as orders that can go on no longer need it."""

    def end(self, order: Order, report: VenueReport, snapshot: MarketSnapshot, refusal: Refusal) -> None:
        """Cancel a live order for the reason given."""


def recount_orders(
    exchange: Ender, state: ExchangeState, change: Recount, snapshot: MarketSnapshot, report: VenueReport
) -> None:
    """Count an account's orders and requests in new decimals; end, or replace, what they cannot express."""
    for order in [order for order in state.orders.values() if order.symbol == change.symbol]:
        order.decimals = order.decimals or change.old  # in which its row will say what it was
        why, successor = inexpressible(order, change), successor_of(order, change, snapshot)
        if order.recount(change):
            continue
        exchange.end(order, report, snapshot, why)
        if successor is not None:
            state.orders[successor.order_id] = report.orders[successor.order_id] = successor
    state.requests = recounted_requests(state.requests, state.orders, change, report)


def inexpressible(order: Order, change: Recount) -> Refusal:
    """Return why an order ends with its instrument's old decimals."""
    numbers = (
        ("limit price", order.limit_ticks or 0, change.ticks, change.old[0]),
        ("quantity", order.lots, change.lots, change.old[1]),
        ("filled quantity", order.filled_lots, change.lots, change.old[1]),
    )
    said = [
        f"{what} of {plain(Decimal(units).scaleb(-decimals))}"
        for what, units, exact, decimals in numbers
        if exact(units) is None
    ]
    return Refusal(CODE, f"{change.sentence}: a {' and a '.join(said)} can no longer be had")


def successor_of(order: Order, change: Recount, snapshot: MarketSnapshot) -> Order | None:
    """Return what protects a position in the place of an exit whose partial fills the new lots cannot express.

    None where the order needs none: it can be counted, or nothing that an order may close is left.
    """
    if not is_kept(order) or change.lots(order.filled_lots) is not None:
        return None
    successor = replace(
        order,
        order_id=f"{order.order_id}:{snapshot.sequence}",
        lots=order.open_lots,
        filled_lots=0,
        filled_cost=order.filled_cost * 0,
        status=OrderStatus.OPEN,
        created_sequence=snapshot.sequence,
        created_ns=snapshot.time_ns,
        updated_ns=snapshot.time_ns,
    )
    return successor if successor.recount(change) else None


def recounted_requests(
    requests: Iterable[OrderRequest], live: Mapping[str, Order], change: Recount, report: VenueReport
) -> list[OrderRequest]:
    """Return the requests that can still be carried out; an amendment that cannot be expressed changes nothing."""
    kept: list[OrderRequest] = []
    for request in requests:
        order = live.get(request.order_id)
        if order is not None and order.symbol == change.symbol and isinstance(request, AmendRequest):
            recounted = request.recounted(change)
            if recounted is None:
                order.refusal = Refusal("amend_refused", f"{change.sentence}: the amendment has more")
                report.orders[order.order_id] = order
                continue
            kept.append(recounted)
        else:
            kept.append(request)
    return kept
