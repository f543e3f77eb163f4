"""Does the tape agree?"""

from __future__ import annotations

from typing import Annotated

import msgspec

from trading.book import Side
from trading.indicators.flow import imbalance
from trading.snapshot import DataSnapshot

from ._keys import Switch, key

LEAST_PRINTS = 5  # fewer say nothing


class Flow(msgspec.Struct, frozen=True):
    """What takers have been doing, weighed by value: from -1, all sold, to 1, all bought."""

    is_on: Switch = True
    prints: Annotated[int, key("newest public trades it is judged on", ge=LEAST_PRINTS, le=1_000)] = 50
    threshold: Annotated[float, key("how far the tape leans, 0 to 1", ge=0, le=1)] = 0.1

    def lean(self, data: DataSnapshot, symbol: str) -> float | None:
        """Return which way the tape leans; None while there are too few prints to tell."""
        prints = data.trades(symbol, self.prints)
        return imbalance(prints) if len(prints) >= LEAST_PRINTS else None

    def agrees(self, side: Side, lean: float | None) -> bool:
        """Return whether the tape leans our way by more than the threshold; no tape agrees with nobody."""
        return not self.is_on or (lean is not None and _toward(side, lean) > self.threshold)

    def allows(self, side: Side, lean: float | None) -> bool:
        """Return whether the tape does not lean against us by more than the threshold; no tape objects to nothing."""
        return not self.is_on or lean is None or _toward(side, lean) >= -self.threshold


def _toward(side: Side, lean: float) -> float:
    return lean if side is Side.BUY else -lean
