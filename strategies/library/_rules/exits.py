"""Leaving before stop or target: because the price falls back, or because time goes by."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from trading.portfolio import Holding

from ._keys import Switch, key
from .holding import age_minutes, gain_pct


class Trailing(msgspec.Struct, frozen=True):
    """Leave when the price falls back from its best since the position was opened."""

    is_on: Switch = True
    activation_pct: Annotated[float, key("gain that arms it, percent", ge=0, le=50)] = 0.4
    distance_pct: Annotated[float, key("fall from the best price that sets it off, percent", gt=0, le=50)] = 0.3

    def is_hit(self, holding: Holding, price: float, state: dict[str, Any]) -> bool:
        """Follow the price; return whether it is time to leave. A price that is not shown is not followed."""
        best = best_price(holding, price, state)
        if not self.is_on or gain_pct(holding, best) < self.activation_pct:
            return False
        fall = (price / best - 1) * 100
        return -fall >= self.distance_pct if holding.qty > 0 else fall >= self.distance_pct


def best_price(holding: Holding, price: float, state: dict[str, Any]) -> float:
    """Return the best price seen since the position was opened, this one included."""
    seen = state.setdefault("best", {})
    opened_ns, best = seen.get(holding.symbol, (0, price))
    if opened_ns != holding.opened_ns:
        best = price
    best = max(best, price) if holding.qty > 0 else min(best, price)
    seen[holding.symbol] = (holding.opened_ns, best)
    return float(best)


class Decay(msgspec.Struct, frozen=True):
    """Be content with less the longer a position is held."""

    is_on: Switch = True
    stages: Annotated[
        tuple[tuple[float, float], ...],
        key("pairs of an age in minutes and the share of the target that then is enough"),
    ] = ((20.0, 0.85), (25.0, 0.7), (30.0, 0.5))

    def __post_init__(self) -> None:
        ages = [age for age, _ in self.stages]
        if ages != sorted(set(ages)) or any(age < 0 or not 0 <= share <= 1 for age, share in self.stages):
            raise ValueError(f"stages are {self.stages}; expected rising ages in minutes with shares from 0 to 1")

    def share(self, age: float) -> float:
        """Return the share of the target that is enough at an age in minutes; 1 before the first stage."""
        reached = [share for start, share in self.stages if age >= start] if self.is_on else []
        return reached[-1] if reached else 1.0

    def is_due(self, holding: Holding, price: float, target_pct: float, now_ns: int) -> bool:
        """Return whether what has been gained is enough for the age of the position."""
        share = self.share(age_minutes(holding, now_ns))
        return share < 1 and gain_pct(holding, price) >= target_pct * share
