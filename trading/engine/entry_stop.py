"""Stop entries: the strategy is evaluated as ever, but nothing may be opened or enlarged, on a person's command.

Exits, stops and whatever reduces a position go on.
"""

from __future__ import annotations

from trading.accounting.positions import Position
from trading.book import Side
from trading.exchange.requests import amended
from trading.orders import AmendRequest, Order, Refusal

CODE = "entries_stopped"


def opens(order: Order, position: Position) -> bool:
    """True when some of the order would open or enlarge a position."""
    return not order.is_reduce_only and position.is_opened_by(order)


def entry_refusal(order: Order, position: Position) -> Refusal | None:
    """Return why the order may not be sent while entries are stopped, or None."""
    if not opens(order, position):
        return None
    return Refusal(CODE, f"entries are stopped: this {order.side.value} would open or enlarge a position")


def is_entry_amended(order: Order, request: AmendRequest, position: Position) -> bool:
    """True when a request would make an order one that opens or enlarges a position."""
    return opens(amended(order, request), position)


def keep_to_the_exit(order: Order) -> None:
    """Let an order that closes a position now close no more than there is of it when it fills."""
    if order.side is Side.BUY or order.leverage is not None:
        order.is_reduce_only, order.bracket = True, None
