"""What fills teach it: losses in a row, and that its quotes are no longer what they were."""

from __future__ import annotations

from typing import Any

from trading.fills import Fill

from .._rules.breaker import note_result


def on_fill(fill: Fill, state: dict[str, Any]) -> None:
    """Count the result, and let the next frame look at the symbol at once."""
    note_result(fill, state)
    pace = state.get("pace", {}).get(fill.symbol)
    if pace is not None:
        pace["look_ns"] = 0
