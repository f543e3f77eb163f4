"""How much of an entry is left after all that limits it."""

from __future__ import annotations

from trading.book import Side
from trading.signals import NoSignal
from trading.snapshot import DataSnapshot

from .limits import Correlated, Exposure, Limits


def size_within(
    data: DataSnapshot,
    symbol: str,
    side: Side,
    wanted: float,
    *,
    per_symbol_usd: float,
    limits: Limits,
    exposure: Exposure,
    correlated: Correlated,
) -> float | NoSignal:
    """Return how much of ``wanted`` may be entered, account currency, or why nothing may."""
    together = correlated.multiplier(data, symbol, side)
    if together == 0:
        return NoSignal("correlation_limit", "it moves with what is held the same way")
    size = limits.size(data, symbol, side, wanted, per_symbol_usd)
    if isinstance(size, NoSignal):
        return size
    size = exposure.size(data, symbol, side, size * together)
    if size < limits.min_trade_usd:
        return NoSignal("correlation_limit", f"{size:.2f} is left beside what is held the same way")
    return size
