"""Flatten: cancel all open orders and close every position at market, on a person's command.

By the normal order path: cancellations and orders take the latency, orders walk the book,
pay fees and leave evidence. Begun between two frames, carried on by each frame until nothing
is left but dust; meanwhile the strategy is not evaluated. What it needs to remember is part of
the engine's state, so that it survives with the account.
"""

from __future__ import annotations

from trading.accounting.positions import Position
from trading.accounting.valuation import mid_rate
from trading.engine.desk import Desk
from trading.engine.order_entry import closing_order
from trading.engine.outcome import Outcome
from trading.engine.state import Flattened, Flattening
from trading.exchange.admission import least_order_refusal, status_refusal
from trading.frames import NS_PER_S
from trading.market_snapshot import MarketSnapshot
from trading.orders import Order, Refusal

CODE = "flatten"
TRY_AGAIN_NS = NS_PER_S  # after a refusal: what the exchange does not take now it is not sent in every frame


def carry_on(desk: Desk, snapshot: MarketSnapshot, outcome: Outcome) -> None:
    """Do what can be done in this frame; once nothing is left to do, say so in the outcome."""
    flattening = desk.state.flattening
    assert flattening is not None, "carried on only while there is one"
    obstacles: list[str] = []
    _cancel_all(desk, snapshot, obstacles)
    positions = _open(desk, snapshot)
    dust = [
        left for position in positions if (left := _close(desk, flattening, position, snapshot, outcome, obstacles))
    ]
    flattening.waits_for = "; ".join(obstacles)
    if desk.venue.open_orders or obstacles or len(dust) < len(positions):
        return
    desk.state.flattening = None
    outcome.flattened = Flattened(
        command_id=flattening.command_id, by=flattening.by, orders=flattening.orders, dust="; ".join(dust)
    )


def _cancel_all(desk: Desk, snapshot: MarketSnapshot, obstacles: list[str]) -> None:
    """Request that every order that is not ours be cancelled; again later for one that maintenance keeps."""
    for order in desk.venue.open_orders.values():
        if order.code == CODE:
            continue
        if order.refusal is not None and order.refusal.code == "cancel_refused":
            obstacles.append(order.refusal.sentence)
            if snapshot.time_ns - order.updated_ns < TRY_AGAIN_NS:
                continue
        if not desk.is_being_cancelled(order.order_id):
            desk.request_cancel(order.order_id, snapshot.time_ns, CODE)


def _open(desk: Desk, snapshot: MarketSnapshot) -> list[Position]:
    positions = desk.account.state.positions.values()
    return [p for p in positions if p.lots and desk.account.buying_power.closable_lots(p, snapshot)]


def _close(
    desk: Desk,
    flattening: Flattening,
    position: Position,
    snapshot: MarketSnapshot,
    outcome: Outcome,
    obstacles: list[str],
) -> str:
    """Send a market order for all of the position if none is on its way; return a sentence if it is dust."""
    symbol = position.symbol
    if any(order.symbol == symbol and order.code == CODE for order in desk.venue.open_orders.values()):
        return ""
    order = _closing(desk, flattening, position, snapshot)
    obstacle = _obstacle(desk, order, snapshot)
    if obstacle is not None:
        obstacles.append(obstacle.sentence)
        return ""
    dust = least_order_refusal(order, snapshot.instrument(symbol), snapshot)
    if dust is not None:
        return f"{symbol} stays open: {dust.sentence}"
    if snapshot.time_ns - flattening.tried_ns.get(symbol, -TRY_AGAIN_NS) < TRY_AGAIN_NS:
        obstacles.append(f"the rest of {symbol} is ordered again within a second")
        return ""
    flattening.tried_ns[symbol] = snapshot.time_ns
    flattening.orders += 1
    desk.send(order, outcome)
    return ""


def _obstacle(desk: Desk, order: Order, snapshot: MarketSnapshot) -> Refusal | None:
    """Return why the order cannot be executed now, or None."""
    refusal = status_refusal(order, snapshot, order.lots)
    if refusal is not None:
        return refusal
    quote, currency = snapshot.instrument(order.symbol).quote, desk.terms.currency
    if mid_rate(snapshot, quote, currency) is None:
        return Refusal("no_valuation", f"what a {quote} is worth in {currency} is not known yet")
    return None


def _closing(desk: Desk, flattening: Flattening, position: Position, snapshot: MarketSnapshot) -> Order:
    order_id = f"{desk.terms.slug}:{snapshot.sequence}:{CODE}-{position.symbol}"
    return closing_order(
        position,
        desk.account.buying_power.closable_lots(position, snapshot),
        snapshot,
        order_id=order_id,
        latency_ns=desk.latency_of(order_id),
        code=CODE,
        reason=f"flatten by {flattening.by}",
    )
