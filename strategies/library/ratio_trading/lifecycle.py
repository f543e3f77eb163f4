"""What the fills teach: losses in a row, and how many of each coin trading has brought."""

from __future__ import annotations

from typing import Any

from trading.book import Side
from trading.fills import Fill

from .._rules.breaker import note_result

SOLD_HOLDINGS = "dear: coins that were paid in are sold"


def on_fill(fill: Fill, state: dict[str, Any]) -> None:
    """Count what was gained and given of each coin, and the result of what closed a position."""
    base, quote = fill.symbol.split("/")
    gained = state.setdefault("gained", {})
    sign = 1 if fill.side is Side.BUY else -1
    gained[base] = gained.get(base, 0.0) + sign * float(fill.qty)
    gained[quote] = gained.get(quote, 0.0) - sign * float(fill.cost) - float(fill.fee)
    # Coins that were paid in have no cost of ours: their sale realises its fee, which is no lost trade.
    if fill.reason != SOLD_HOLDINGS:
        note_result(fill, state)
