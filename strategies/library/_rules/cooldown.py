"""Time between two entries."""

from __future__ import annotations

from typing import Any

from trading.snapshot import DataSnapshot

NS_PER_S = 1_000_000_000


def is_cooling(symbol: str, seconds: float, now_ns: int, state: dict[str, Any]) -> bool:
    """Return whether the last entry in ``symbol`` is less than ``seconds`` of market time ago."""
    last_ns = state.get("cooldown", {}).get(symbol)
    return last_ns is not None and now_ns - last_ns < seconds * NS_PER_S


def is_tape_cooling(data: DataSnapshot, symbol: str, prints: int, state: dict[str, Any]) -> bool:
    """Return whether fewer than ``prints`` public trades have happened since the last entry in ``symbol``."""
    last_ns = state.get("cooldown", {}).get(symbol)
    if last_ns is None or prints == 0:
        return False
    newest = data.trades(symbol, prints)
    return len(newest) < prints or newest[0].time_ns <= last_ns


def begin_cooldown(symbol: str, now_ns: int, state: dict[str, Any]) -> None:
    """Note an entry."""
    state.setdefault("cooldown", {})[symbol] = now_ns
