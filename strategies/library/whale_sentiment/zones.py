"""How afraid or greedy a market is, for how long, and how wildly it swings."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, NamedTuple

import msgspec

from trading.indicators.volatility import Volatility as Kind
from trading.indicators.volatility import VolatilityBounds, volatility_kind

from .._rules._keys import Switch, key

Share = Annotated[float, msgspec.Meta(gt=0, le=2)]


class Zone(StrEnum):
    """What moves a market."""

    EXTREME_FEAR = "extreme_fear"
    FEAR = "fear"
    NEUTRAL = "neutral"
    GREED = "greed"
    EXTREME_GREED = "extreme_greed"

    @property
    def is_extreme(self) -> bool:
        """True at either end."""
        return self in (Zone.EXTREME_FEAR, Zone.EXTREME_GREED)


class ZoneSizes(msgspec.Struct, frozen=True):
    """Multipliers of an entry's size."""

    extreme_fear: Annotated[Share, key("in extreme fear: multiplier")] = 0.95
    fear: Annotated[Share, key("in fear: multiplier")] = 1.0
    greed: Annotated[Share, key("in greed: multiplier")] = 0.9
    extreme_greed: Annotated[Share, key("in extreme greed: multiplier")] = 0.8

    def at(self, zone: Zone) -> float:
        """Return the multiplier in a zone that is not neutral."""
        multiplier: float = getattr(self, zone.value)
        return multiplier


class Lasting(msgspec.Struct, frozen=True):
    """An extreme that lasts is a trend: enter with less, then not at all."""

    is_on: Switch = True
    reduced_after_h: Annotated[
        float,
        key("hours in one extreme zone after which entries are smaller; with a high of four hours few last two", gt=0),
    ] = 2.0
    paused_after_h: Annotated[float, key("hours after which there are none", gt=0)] = 6.0
    size: Annotated[float, key("size of the smaller entries: multiplier", gt=0, le=1)] = 0.7

    def __post_init__(self) -> None:
        if self.paused_after_h <= self.reduced_after_h:
            after = f"{self.paused_after_h}; expected more than reduced_after_h, which is {self.reduced_after_h}"
            raise ValueError(f"paused_after_h is {after}")

    def multiplier(self, lasted_minutes: int) -> float:
        """Return the multiplier of a size in a zone that has lasted so long; zero: no entries."""
        if not self.is_on or lasted_minutes < self.reduced_after_h * 60:
            return 1.0
        return self.size if lasted_minutes < self.paused_after_h * 60 else 0.0


def lasted_minutes(symbol: str, zone: Zone, minute: int, state: dict[str, Any]) -> int:
    """Follow a symbol's zone; return how long it has been in this extreme, in minutes of the market; else zero."""
    begun = state.setdefault("extreme_since", {})
    if not zone.is_extreme:
        begun.pop(symbol, None)
        return 0
    known, since = begun.get(symbol, ("", minute))
    if known != zone:
        since = minute
    begun[symbol] = (zone.value, since)
    return int(minute - since)


class Swing(NamedTuple):
    """What holds at the present width of the swings: multipliers."""

    kind: Kind
    size: float = 1.0
    stop: float = 1.0
    cooldown: float = 1.0


class Swings(msgspec.Struct, frozen=True):
    """The average true range of five-minute candles, percent of the price; no entries while it is extreme."""

    is_on: Switch = True
    candles: Annotated[int, key("candles it is measured on", ge=2, le=200)] = 14
    low_below_pct: Annotated[float, key("below this swings are small, percent of a five-minute candle", gt=0)] = 0.3
    high_from_pct: Annotated[float, key("from this on they are great, percent", gt=0)] = 0.7
    extreme_from_pct: Annotated[float, key("from this on extreme, percent", gt=0)] = 1.2
    low_size: Annotated[Share, key("of sizes while small: multiplier")] = 1.1
    low_stop: Annotated[Share, key("of stops while small: multiplier")] = 0.8
    low_cooldown: Annotated[float, key("of cooldowns while small: multiplier", ge=0, le=100)] = 0.8
    high_size: Annotated[Share, key("of sizes while great: multiplier")] = 0.75
    high_stop: Annotated[Share, key("of stops while great: multiplier")] = 1.5
    high_cooldown: Annotated[float, key("of cooldowns while great: multiplier", ge=0, le=100)] = 1.5

    def __post_init__(self) -> None:
        if not self.low_below_pct < self.high_from_pct < self.extreme_from_pct:
            bounds = f"{self.low_below_pct}, {self.high_from_pct}, {self.extreme_from_pct}"
            raise ValueError(f"swing bounds are {bounds}; expected each above the one before")

    def at(self, range_pct: float) -> Swing:
        """Return what holds at an average true range."""
        bounds = VolatilityBounds(self.low_below_pct, self.high_from_pct, self.extreme_from_pct)
        kind = volatility_kind(range_pct, bounds) if self.is_on else Kind.MEDIUM
        match kind:
            case Kind.LOW:
                return Swing(kind, self.low_size, self.low_stop, self.low_cooldown)
            case Kind.HIGH:
                return Swing(kind, self.high_size, self.high_stop, self.high_cooldown)
            case _:
                return Swing(kind)
