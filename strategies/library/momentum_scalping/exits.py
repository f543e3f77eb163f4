"""Leaving before stop or target: behind a trail, exhausted, or too old."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from trading.portfolio import Holding

from .._rules._keys import Switch, key
from .._rules.exits import best_price
from .._rules.holding import gain_pct


class AtrTrail(msgspec.Struct, frozen=True):
    """A stop that follows the best price at a distance of true ranges, once there is something to protect."""

    is_on: Switch = True
    candles: Annotated[int, key("one-minute candles of the average true range", ge=2, le=50)] = 14
    ranges: Annotated[float, key("distance behind the best price, average true ranges", gt=0, le=20)] = 1.5
    # Half of the target, as wide in proportion: armed earlier it would protect what two fees take.
    activation_pct: Annotated[float, key("best gain that arms it, percent", ge=0, le=50)] = 0.8

    def is_hit(self, holding: Holding, price: float, atr: float | None, state: dict[str, Any]) -> bool:
        """Follow the price; return whether it is behind the trail. A trail on the wrong side of the entry is none."""
        best = best_price(holding, price, state)
        if not self.is_on or atr is None or gain_pct(holding, best) < self.activation_pct:
            return False
        sign = 1 if holding.qty > 0 else -1
        stop = best - sign * self.ranges * atr
        return gain_pct(holding, stop) > 0 and (price - stop) * sign <= 0


class Exhaustion(msgspec.Struct, frozen=True):
    """Take what has been gained when the RSI says that a move has run its course."""

    is_on: Switch = True
    overbought: Annotated[float, key("RSI above which a rise is exhausted", ge=1, le=99)] = 70
    oversold: Annotated[float, key("RSI below which a fall is exhausted", ge=1, le=99)] = 30
    at_breakeven: Annotated[bool, key("whether it also leaves about where it entered")] = False
    tolerance_pct: Annotated[float, key("loss before fees that still is about there, percent", ge=0, le=10)] = 0.1

    def code(self, holding: Holding, price: float, strength: float) -> str:
        """Return the code of the exit that is due, empty when none is."""
        is_exhausted = strength > self.overbought if holding.qty > 0 else strength < self.oversold
        if not self.is_on or not is_exhausted:
            return ""
        gain = gain_pct(holding, price)
        if gain > 0:
            return "momentum_exhaustion"
        return "momentum_breakeven" if self.at_breakeven and gain >= -self.tolerance_pct else ""
