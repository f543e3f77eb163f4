"""What the strategy remembers, and how fills change it."""

from __future__ import annotations

from typing import Any

from trading.book import Side
from trading.fills import Fill


def on_start(config: Any, state: dict[str, Any]) -> None:
    """Begin with an empty memory."""
    state.update(last_entry_ns={}, best_price={}, trend={}, losses=0, resting_since_ns=0)


def on_fill(fill: Fill, state: dict[str, Any]) -> None:
    """Count losses in a row for the breaker; forget the best price of a position that was reduced."""
    if fill.side is Side.BUY or fill.result is None:
        return
    state["best_price"].pop(fill.symbol, None)
    state["losses"] = state["losses"] + 1 if fill.result < 0 else 0
    state["resting_since_ns"] = fill.time_ns
