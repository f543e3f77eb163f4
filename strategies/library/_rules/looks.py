"""What the newest candle shows: looked at once, when it has closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

_Look = TypeVar("_Look", bound=tuple[Any, ...])


def look_once(
    symbol: str, version: int, state: dict[str, Any], kind: Callable[..., _Look], look: Callable[[], _Look]
) -> _Look:
    """Return ``look()``, called once for each ``version`` of a symbol's candles, whoever was restarted since.

    ``kind`` makes a look of its parts: what a checkpoint gives back is a plain tuple.
    """
    known = state.setdefault("looks", {}).get(symbol)
    if known is None or known[0] != version:
        known = state["looks"][symbol] = (version, tuple(look()))
    return kind(*known[1])


def begin_entry(symbol: str, version: int, state: dict[str, Any]) -> None:
    """Note that what the candles showed at this version has been acted on."""
    state.setdefault("entered", {})[symbol] = version


def has_entered(symbol: str, version: int, state: dict[str, Any]) -> bool:
    """Return whether what the candles show at this version has been acted on."""
    return state.get("entered", {}).get(symbol) == version
