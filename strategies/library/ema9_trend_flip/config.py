"""Every number of the strategy, with its unit and bounds."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from .._rules._keys import key
from .._rules.breaker import Breaker
from .._rules.limits import Limits


class Config(msgspec.Struct, frozen=True):
    """Which candles, which average, how much, how long."""

    timeframe: Annotated[Literal["5m", "15m", "1h", "4h", "1d"], key("length of a candle")] = "1h"
    average_candles: Annotated[int, key("candles of the exponential average", ge=2, le=26)] = 9
    confirmations: Annotated[int, key("candles in a row that must have been on the other side", ge=1, le=20)] = 3
    buffer_pct: Annotated[float, key("distance from the average that is a side, percent of it", ge=0, le=5)] = 0.1
    reads_opens: Annotated[
        bool, key("whether average and sides are of opening prices, that of the running candle the newest; else closes")
    ] = True
    size_usd: Annotated[float, key("size of an entry; account currency", ge=1)] = 50.0
    goes_short: Annotated[bool, key("whether it shorts, or only buys and sells what it holds")] = True
    stop_loss_pct: Annotated[float, key("stop from the entry, percent", gt=0, le=50)] = 1.0
    take_profit_pct: Annotated[float, key("target from the entry, percent; at least the stop", gt=0, le=100)] = 2.0
    uses_ranges: Annotated[bool, key("whether stop and target are multiples of the average true range instead")] = False
    range_candles: Annotated[int, key("candles of its simple mean", ge=1, le=28)] = 14
    stop_ranges: Annotated[float, key("stop from the entry, in average true ranges", gt=0, le=20)] = 1.5
    target_ranges: Annotated[float, key("target from the entry, in average true ranges", gt=0, le=40)] = 3.0
    leaves_on_flip: Annotated[bool, key("whether it leaves when a candle is on the wrong side")] = True
    max_hold_h: Annotated[float, key("hours after which it leaves", gt=0, le=8_760)] = 72.0
    cooldown_min: Annotated[float, key("minutes between leaving with a gain and entering", ge=0, le=10_080)] = 30.0
    cooldown_after_loss_min: Annotated[
        float, key("minutes between leaving with a loss and entering", ge=0, le=10_080)
    ] = 60.0
    limits: Limits = Limits(min_trade_usd=10)
    breaker: Breaker = Breaker(minutes=30)

    def __post_init__(self) -> None:
        for stop, target in (("stop_loss_pct", "take_profit_pct"), ("stop_ranges", "target_ranges")):
            if getattr(self, target) < getattr(self, stop):
                least = f"at least {stop}, which is {getattr(self, stop)}"
                raise ValueError(f"{target} is {getattr(self, target)}; expected {least}")
