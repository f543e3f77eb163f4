"""What it remembers: made ready at the start, changed by every fill."""

from __future__ import annotations

from typing import Any

from trading.fills import Fill

from .config import Config

NS_PER_S = 1_000_000_000


def on_start(_config: Config, state: dict[str, Any]) -> None:
    """Make the memory ready, once in the life of an account."""
    state.update(indicators={}, last_fill_ns={}, gains=0, losses=0)


def on_fill(fill: Fill, state: dict[str, Any]) -> None:
    """Take note of an execution, those of stops and targets included."""
    state["last_fill_ns"][fill.symbol] = fill.time_ns
    if fill.result is not None:  # it closed something
        state["gains" if fill.result > 0 else "losses"] += 1


def rest_left_s(symbol: str, rest_s: float, now_ns: int, state: dict[str, Any]) -> float:
    """Return how long it still rests after the last fill, in seconds of market time."""
    last_ns = state["last_fill_ns"].get(symbol)
    return 0.0 if last_ns is None else rest_s - (now_ns - last_ns) / NS_PER_S
