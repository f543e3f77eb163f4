"""Is there anything left after fees?"""

from __future__ import annotations

from typing import Annotated

import msgspec

from trading.signals import NoSignal

from ._keys import Switch, key


class FeeCheck(msgspec.Struct, frozen=True):
    """Enter only when the target pays for both trades, at the account's own rates."""

    is_on: Switch = True
    min_net_pct: Annotated[float, key("what the target must leave after both fees, percent", ge=0, le=50)] = 0.05

    def refusal(self, target_pct: float, round_trip_pct: float) -> NoSignal | None:
        """Return why a trade is not worth it, or None; ``round_trip_pct`` is what both of its fees cost."""
        net_pct = target_pct - round_trip_pct
        if not self.is_on or net_pct >= self.min_net_pct:
            return None
        return NoSignal("fee_unprofitable", f"{net_pct:.2f} % would be left of {target_pct:.2f} %")
