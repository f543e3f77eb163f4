"""What the tape says: who is in a hurry, and at what price trade goes on."""

from __future__ import annotations

from collections.abc import Sequence

from trading.book import Side
from trading.snapshot import Print


def imbalance(prints: Sequence[Print]) -> float | None:
    """Return (bought - sold) / all, by value of the taker's side, -1 to 1; None without prints."""
    bought = sum(p.value for p in prints if p.side is Side.BUY)
    total = sum(p.value for p in prints)
    return None if total == 0 else (2 * bought - total) / total


def vwap(prints: Sequence[Print]) -> float | None:
    """Return the average price weighted by quantity; None without prints."""
    qty = sum(p.qty for p in prints)
    return None if qty == 0 else sum(p.value for p in prints) / qty
