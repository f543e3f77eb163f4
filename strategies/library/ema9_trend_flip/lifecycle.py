"""What fills teach it: when it left a symbol last, and with what result."""

from __future__ import annotations

from typing import Any

from trading.fills import Fill

from .._rules.breaker import note_result
from .config import Config

MINUTE_NS = 60_000_000_000


def on_fill(fill: Fill, state: dict[str, Any]) -> None:
    """Note what closed something; the fills of one order are one result."""
    note_result(fill, state)
    if fill.result is None:
        return
    known = state.setdefault("left", {}).get(fill.symbol)
    before = known["result"] if known is not None and known["order"] == fill.order_id else 0.0
    state["left"][fill.symbol] = {
        "order": fill.order_id,
        "result": before + float(fill.result),
        "time_ns": fill.time_ns,
    }


def has_just_left(symbol: str, config: Config, now_ns: int, state: dict[str, Any]) -> bool:
    """Return whether it must wait before it enters again: longer after a loss."""
    known = state.get("left", {}).get(symbol)
    if known is None:
        return False
    minutes = config.cooldown_after_loss_min if known["result"] < 0 else config.cooldown_min
    return bool(now_ns - known["time_ns"] < minutes * MINUTE_NS)
