"""How lively the market is, and what that does to thresholds and sizes."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import msgspec

from trading.candles import CandleSeries
from trading.indicators.movement import volatility_pct
from trading.indicators.volatility import Volatility as Kind
from trading.indicators.volatility import VolatilityBounds, volatility_kind

from ._keys import Switch, key


class Regime(NamedTuple):
    """What holds at the present volatility."""

    kind: Kind
    threshold: float  # multiplies the thresholds of entries
    size: float  # multiplies their sizes
    is_paused: bool = False


class Volatility(msgspec.Struct, frozen=True):
    """Regimes of volatility: the deviation of returns from candle to candle, percent."""

    is_on: Switch = True
    candles: Annotated[int, key("returns it is measured on", ge=5, le=500)] = 20
    low_below_pct: Annotated[float, key("below this volatility is low, percent", gt=0, le=50)] = 0.3
    medium_below_pct: Annotated[float, key("below this it is medium, percent", gt=0, le=50)] = 0.8
    high_below_pct: Annotated[float, key("below this it is high, from here on extreme; percent", gt=0, le=50)] = 1.5
    low_threshold: Annotated[float, key("of thresholds while low: multiplier", ge=0, le=10)] = 0.9
    high_threshold: Annotated[float, key("of thresholds while high: multiplier", ge=0, le=10)] = 1.3
    extreme_threshold: Annotated[float, key("of thresholds while extreme: multiplier", ge=0, le=10)] = 1.5
    high_size: Annotated[float, key("of sizes while high: multiplier", ge=0, le=10)] = 0.8
    extreme_size: Annotated[float, key("of sizes while extreme: multiplier", ge=0, le=10)] = 0.5
    is_paused_when_extreme: Annotated[bool, key("no entries while volatility is extreme")] = True

    def __post_init__(self) -> None:
        if not self.low_below_pct < self.medium_below_pct < self.high_below_pct:
            bounds = f"{self.low_below_pct}, {self.medium_below_pct}, {self.high_below_pct}"
            raise ValueError(f"volatility bounds are {bounds}; expected each above the one before")

    def at(self, series: CandleSeries) -> Regime:
        """Return the regime at the newest candle; medium while the rule is off or nothing can be known yet."""
        measured = volatility_pct(series, self.candles) if self.is_on else None
        if measured is None:
            return Regime(Kind.MEDIUM, 1.0, 1.0)
        bounds = VolatilityBounds(self.low_below_pct, self.medium_below_pct, self.high_below_pct)
        match volatility_kind(measured, bounds):
            case Kind.LOW:
                return Regime(Kind.LOW, self.low_threshold, 1.0)
            case Kind.MEDIUM:
                return Regime(Kind.MEDIUM, 1.0, 1.0)
            case Kind.HIGH:
                return Regime(Kind.HIGH, self.high_threshold, self.high_size)
            case Kind.EXTREME:
                return Regime(Kind.EXTREME, self.extreme_threshold, self.extreme_size, self.is_paused_when_extreme)
