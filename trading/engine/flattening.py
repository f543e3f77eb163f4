"""Flatten: cancel all open orders and close every position at market, on a person's command.

By the normal order path: cancellations and orders take the latency, orders walk the book,
pay fees and leave evidence. Begun between two frames, carried on by each frame until nothing
is left but dust; meanwhile the strategy is not asked. What it needs to remember is part of the
engine's state, so that it survives with the account.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from trading.accounting.positions import Position
from trading.accounting.valuation import mid_rate
from trading.book import Side
from trading.exchange.admission import least_order_refusal, status_refusal
from trading.exchange.requests import Wish
from trading.frames import NS_PER_S
from trading.market_snapshot import MarketSnapshot
from trading.orders import Order, OrderStatus, Purpose, Refusal
from trading.signals import OrderType

if TYPE_CHECKING:
    from trading.engine import Engine
    from trading.engine.outcome import Outcome

CODE = "flatten"
ASK_AGAIN_NS = NS_PER_S  # after a refusal: whoever waits for an exchange does not ask it in every frame


class Flattening(msgspec.Struct, kw_only=True):
    """A command to flatten that is being carried out."""

    command_id: str  # no other command of the account has it
    by: str
    begun_sequence: int  # the frame after which it was given
    orders: int = 0  # market orders sent so far
    asked_ns: dict[str, int] = {}  # symbol -> when it was last tried to close it
    waits_for: str = ""  # a sentence; empty while nothing stands in its way


class Flattened(msgspec.Struct, frozen=True, kw_only=True):
    """A command to flatten that has been carried out."""

    command_id: str
    by: str
    orders: int  # market orders that it took
    dust: str  # what could not be closed because it is below the smallest order, in a sentence; empty: nothing


def begin_flattening(engine: Engine, command_id: str, by: str) -> None:
    """Give the command between two frames; the next one begins to carry it out.

    Given again meanwhile it changes nothing.

    Raises:
        ValueError: the account has not been funded.
    """
    if not engine.account.is_funded:
        raise ValueError(f"{engine.terms.slug} has not begun: nothing is open")
    if engine.state.flattening is None:
        engine.state.flattening = Flattening(command_id=command_id, by=by, begun_sequence=engine.state.sequence)


def carry_on(engine: Engine, snapshot: MarketSnapshot, outcome: Outcome) -> None:
    """Do what can be done in this frame; once nothing is left to do, say so in the outcome."""
    flattening = engine.state.flattening
    assert flattening is not None, "asked only while there is one"
    obstacles: list[str] = []
    _cancel_all(engine, snapshot, obstacles)
    positions = _open(engine, snapshot)
    dust = [left for position in positions if (left := _close(engine, position, snapshot, outcome, obstacles))]
    flattening.waits_for = "; ".join(obstacles)
    if engine.exchange.state.orders or obstacles or len(dust) < len(positions):
        return
    engine.state.flattening = None
    outcome.flattened = Flattened(
        command_id=flattening.command_id, by=flattening.by, orders=flattening.orders, dust="; ".join(dust)
    )


def _cancel_all(engine: Engine, snapshot: MarketSnapshot, obstacles: list[str]) -> None:
    """Wish every order away that is not one of ours; one that maintenance keeps is wished away again later."""
    exchange = engine.exchange
    wished = {wish.order_id for wish in exchange.state.wishes if wish.kind == "cancel"}
    for order in exchange.state.orders.values():
        if order.code == CODE:
            continue
        if order.refusal is not None and order.refusal.code == "cancel_refused":
            obstacles.append(order.refusal.sentence)
            if snapshot.time_ns - order.updated_ns < ASK_AGAIN_NS:
                continue
        if order.order_id not in wished:
            arrives_ns = snapshot.time_ns + engine.latency_of(f"{order.order_id}:{CODE}")
            exchange.wish(Wish("cancel", order.order_id, arrives_ns))


def _open(engine: Engine, snapshot: MarketSnapshot) -> list[Position]:
    positions = engine.state.account.positions.values()
    return [p for p in positions if p.lots and engine.account.means.closable_lots(p, snapshot)]


def _close(engine: Engine, position: Position, snapshot: MarketSnapshot, outcome: Outcome, obstacles: list[str]) -> str:
    """Send a market order for all of the position if none is on its way; return a sentence if it is dust."""
    flattening = engine.state.flattening
    assert flattening is not None, "asked only while there is one"
    if any(order.symbol == position.symbol and order.code == CODE for order in engine.exchange.state.orders.values()):
        return ""
    order = _closing(engine, flattening, position, snapshot)
    obstacle = _obstacle(engine, order, snapshot)
    if obstacle is not None:
        obstacles.append(obstacle.sentence)
        return ""
    dust = least_order_refusal(order, snapshot.instrument(order.symbol), snapshot)
    if dust is not None:
        return f"{position.symbol} stays open: {dust.sentence}"
    if snapshot.time_ns - flattening.asked_ns.get(position.symbol, -ASK_AGAIN_NS) < ASK_AGAIN_NS:
        obstacles.append(f"what is left of {position.symbol} is asked for again within a second")
        return ""
    flattening.asked_ns[position.symbol] = snapshot.time_ns
    flattening.orders += 1
    engine.exchange.send(order)
    outcome.orders = {**outcome.orders, order.order_id: order}
    return ""


def _obstacle(engine: Engine, order: Order, snapshot: MarketSnapshot) -> Refusal | None:
    """Return why the order cannot be executed now, or None."""
    refusal = status_refusal(order, snapshot, order.lots)
    if refusal is not None:
        return refusal
    quote, currency = snapshot.instrument(order.symbol).quote, engine.terms.currency
    if mid_rate(snapshot, quote, currency) is None:
        return Refusal("no_valuation", f"what a {quote} is worth in {currency} is not known yet")
    return None


def _closing(engine: Engine, flattening: Flattening, position: Position, snapshot: MarketSnapshot) -> Order:
    order_id = f"{engine.terms.slug}:{snapshot.sequence}:{CODE}-{position.symbol}"
    latency_ns = engine.latency_of(order_id)
    return Order(
        order_id=order_id,
        symbol=position.symbol,
        side=Side.SELL if position.lots > 0 else Side.BUY,
        type=OrderType.MARKET,
        purpose=Purpose.EXIT,
        lots=engine.account.means.closable_lots(position, snapshot),
        created_sequence=snapshot.sequence,
        created_ns=snapshot.time_ns,
        arrives_ns=snapshot.time_ns + latency_ns,
        is_reduce_only=True,
        status=OrderStatus.SENT,
        updated_ns=snapshot.time_ns,
        reason=f"flatten by {flattening.by}",
        code=CODE,
        latency_ns=latency_ns,
    )
