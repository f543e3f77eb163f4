"""What fills teach it: what each level holds, and when a cycle is complete."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from trading.book import Side
from trading.fills import Fill

from .._rules.breaker import note_result
from .._rules.cooldown import begin_cooldown
from .grid import note_bought, note_sold
from .slip import ticket_of


def on_fill(fill: Fill, state: dict[str, Any]) -> None:
    """Book a fill, whole or partial, to its level.

    A cycle's result counts from the level's own purchase: the account's average also knows the levels above.
    """
    grid = state.get("grids", {}).get(fill.symbol)
    ticket = ticket_of(fill.order_id)
    if fill.side is Side.BUY:
        begin_cooldown(fill.symbol, fill.time_ns, state)
        if grid is not None:
            note_bought(grid, ticket, fill.qty)
        return
    cell = None if grid is None else note_sold(grid, ticket, fill.qty, fill.time_ns)
    if cell is None:
        note_result(fill, state)
        return
    gain = fill.cost - fill.qty * Decimal(str(cell["buy"])) - 2 * fill.fee
    note_result(msgspec.structs.replace(fill, result=gain), state)
    if not cell["held"]:
        cycles = state.setdefault("cycles", {})
        cycles[fill.symbol] = cycles.get(fill.symbol, 0) + 1
