"""Stop entries: the strategy is asked as ever, but nothing may be opened or enlarged, on a person's command.

Exits, stops and whatever reduces a position go on. An entry that rests in the book is
cancelled, after the latency: what fills until then is filled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trading.accounting.positions import Position
from trading.book import Side
from trading.exchange.requests import Wish, amended
from trading.orders import Order, Purpose, Refusal

if TYPE_CHECKING:
    from trading.engine import Engine

CODE = "entries_stopped"


def stop_entries(engine: Engine) -> None:
    """Give the command between two frames; given again it changes nothing."""
    state = engine.state
    if state.are_entries_stopped:
        return
    state.are_entries_stopped = True
    for order in state.exchange.orders.values():
        if order.purpose is Purpose.ENTRY and opens(order, engine.account.position(order.symbol)):
            arrives_ns = state.time_ns + engine.latency_of(f"{order.order_id}:{CODE}")
            engine.exchange.wish(Wish("cancel", order.order_id, arrives_ns))


def allow_entries(engine: Engine) -> None:
    """Take the command back; what was cancelled stays so."""
    engine.state.are_entries_stopped = False


def opens(order: Order, position: Position) -> bool:
    """True when some of the order would open or enlarge a position."""
    return not order.is_reduce_only and position.is_opened_by(order)


def entry_refusal(order: Order, position: Position) -> Refusal | None:
    """Return why the order may not be sent while entries are stopped, or None."""
    if not opens(order, position):
        return None
    return Refusal(CODE, f"entries are stopped: this {order.side.value} would open or enlarge a position")


def is_entry_amended(order: Order, wish: Wish, position: Position) -> bool:
    """True when a wish would make an order one that opens or enlarges a position."""
    return wish.kind == "amend" and opens(amended(order, wish), position)


def keep_to_the_exit(order: Order) -> None:
    """Let an order that closes a position now close no more than there is of it when it fills."""
    if order.side is Side.BUY or order.leverage is not None:
        order.is_reduce_only, order.bracket = True, None
