"""Does the tape agree?"""

from __future__ import annotations

from typing import Annotated

import msgspec

from trading.book import Side
from trading.indicators.flow import FEWEST_PRINTS, TradeFlow, is_confirmed, is_not_opposed, trade_flow_at
from trading.snapshot import DataSnapshot

from ._keys import Switch, key


class Flow(msgspec.Struct, frozen=True):
    """What takers have been doing, weighed by value: from -1, all sold, to 1, all bought."""

    is_on: Switch = True
    prints: Annotated[int, key("newest public trades it is judged on", ge=FEWEST_PRINTS, le=1_000)] = 50
    threshold: Annotated[float, key("how far the tape leans, 0 to 1", ge=0, le=1)] = 0.1

    def at(self, data: DataSnapshot, symbol: str) -> TradeFlow | None:
        """Return what takers have been doing; None while there are too few prints to tell."""
        return trade_flow_at(data, symbol, self.prints)

    def agrees(self, side: Side, flow: TradeFlow | None) -> bool:
        """Return whether the tape leans our way by more than the threshold; no tape agrees with nobody."""
        return not self.is_on or is_confirmed(flow, side, self.threshold)

    def allows(self, side: Side, flow: TradeFlow | None) -> bool:
        """Return whether the tape does not lean against us by more than the threshold; no tape objects to nothing."""
        return not self.is_on or is_not_opposed(flow, side, self.threshold)
