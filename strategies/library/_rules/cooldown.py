"""Time between two entries."""

from __future__ import annotations

from typing import Any

NS_PER_S = 1_000_000_000


def is_cooling(symbol: str, seconds: float, now_ns: int, state: dict[str, Any]) -> bool:
    """Return whether the last entry in ``symbol`` is less than ``seconds`` of market time ago."""
    last_ns = state.get("cooldown", {}).get(symbol)
    return last_ns is not None and now_ns - last_ns < seconds * NS_PER_S


def begin_cooldown(symbol: str, now_ns: int, state: dict[str, Any]) -> None:
    """Note an entry."""
    state.setdefault("cooldown", {})[symbol] = now_ns
