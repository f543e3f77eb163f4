"""Rest after losses in a row."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from trading.fills import Fill

from ._keys import Switch, key

MINUTE_NS = 60_000_000_000


class Breaker(msgspec.Struct, frozen=True):
    """A circuit breaker: it stops entries, never exits."""

    is_on: Switch = True
    losses: Annotated[int, key("orders in a row that closed at a loss", ge=1, le=50)] = 3
    minutes: Annotated[float, key("minutes of rest after the last of them", gt=0, le=10_080)] = 15.0

    def is_resting(self, now_ns: int, state: dict[str, Any]) -> bool:
        """Return whether entries must wait; a rest that is over forgets the losses that led to it."""
        known = state.get("breaker")
        if not self.is_on or known is None or known["losses"] < self.losses:
            return False
        if now_ns - known["since_ns"] < self.minutes * MINUTE_NS:
            return True
        known.update(before=0, result=0.0, losses=0)
        return False


def note_result(fill: Fill, state: dict[str, Any]) -> None:
    """Count a fill that closed something, whatever the breaker's numbers; the fills of one order are one result."""
    if fill.result is None:
        return
    known = state.setdefault("breaker", {"order": "", "before": 0, "result": 0.0, "losses": 0, "since_ns": 0})
    if fill.order_id != known["order"]:
        known.update(order=fill.order_id, before=known["losses"], result=0.0)
    known["result"] += float(fill.result)
    known["losses"] = known["before"] + 1 if known["result"] < 0 else 0
    known["since_ns"] = fill.time_ns
