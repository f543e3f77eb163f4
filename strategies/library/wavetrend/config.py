"""Every number of the strategy, with its unit and bounds."""

from __future__ import annotations

from typing import Annotated

import msgspec

from .._rules._keys import key
from .._rules.breaker import Breaker
from .._rules.by_symbol import numbers_of
from .._rules.fees import FeeCheck
from .._rules.flow import Flow
from .._rules.limits import Correlated, Exposure, Limits
from .._rules.sessions import Sessions

High = Annotated[float, msgspec.Meta(gt=0, le=200)]
Low = Annotated[float, msgspec.Meta(ge=-200, lt=0)]
Pct = Annotated[float, msgspec.Meta(gt=0, le=50)]
Usd = Annotated[float, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]


class Numbers(msgspec.Struct, frozen=True):
    """What differs by symbol unless the config says otherwise."""

    overbought: float = 60
    oversold: float = -60
    extreme_overbought: float = 80
    extreme_oversold: float = -80
    size_usd: float = 25
    stop_loss_pct: float = 1.5
    take_profit_pct: float = 3.0
    cooldown_s: float = 60


OWN = {
    "XRP/USD": Numbers(60, -60, 75, -75, 25, 1.5, 3.0, 60),
    "BTC/USD": Numbers(65, -65, 80, -80, 50, 1.0, 2.0, 60),
    "XRP/BTC": Numbers(55, -55, 70, -70, 15, 2.0, 4.0, 120),
}


class Config(msgspec.Struct, frozen=True):
    """The first keys have a default for each symbol, which holds while they are empty."""

    overbought: Annotated[High | None, key("oscillator from which a market is overbought")] = None
    oversold: Annotated[Low | None, key("oscillator down to which it is oversold")] = None
    extreme_overbought: Annotated[High | None, key("oscillator from which it is extremely overbought")] = None
    extreme_oversold: Annotated[Low | None, key("oscillator down to which it is extremely oversold")] = None
    size_usd: Annotated[Usd | None, key("size of an entry; account currency")] = None
    stop_loss_pct: Annotated[Pct | None, key("stop from the entry, percent")] = None
    take_profit_pct: Annotated[Pct | None, key("target from the entry, percent; at least the stop")] = None
    cooldown_s: Annotated[Seconds | None, key("seconds between entries in one symbol")] = None
    channel_candles: Annotated[int, key("candles of the averages of price and distance", ge=2, le=100)] = 10
    average_candles: Annotated[int, key("candles of the oscillator's average", ge=2, le=100)] = 21
    signal_candles: Annotated[int, key("candles of the line that it crosses", ge=1, le=50)] = 4
    needs_zone_exit: Annotated[
        bool, key("whether a crossing must come out of a zone, and waits until it has; else it is judged at once")
    ] = True
    uses_divergence: Annotated[bool, key("whether a divergence of price and oscillator adds confidence")] = True
    divergence_candles: Annotated[int, key("candles of each of the two stretches compared", ge=3, le=50)] = 14
    least_confidence: Annotated[
        float,
        key(
            "confidence an entry needs: 0.75 out of a zone (short 0.70), 0.70 within one (0.65), 0.55 elsewhere;"
            " a divergence adds 0.10, an extreme zone 0.05. At 0.60 a crossing elsewhere needs a divergence",
            ge=0,
            le=1,
        ),
    ] = 0.6
    goes_short: Annotated[bool, key("whether it shorts, or only buys and sells what it holds")] = True
    short_size: Annotated[float, key("size of a short: multiplier", gt=0, le=2)] = 0.8
    max_per_symbol_usd: Annotated[float, key("most held through one symbol; account currency", gt=0)] = 50.0
    flow: Flow = Flow()
    sessions: Sessions = Sessions(asia=0.8, overlap=1.1, off=0.5)
    limits: Limits = Limits(total_usd=75)
    exposure: Exposure = Exposure()
    correlated: Correlated = Correlated()
    breaker: Breaker = Breaker(minutes=30)
    fees: FeeCheck = FeeCheck(min_net_pct=0.1)

    def __post_init__(self) -> None:
        stop, target = self.stop_loss_pct, self.take_profit_pct
        if stop is not None and target is not None and target < stop:
            raise ValueError(f"take_profit_pct is {target}; expected at least stop_loss_pct, which is {stop}")

    def numbers(self, symbol: str) -> Numbers:
        """Return the numbers in force for ``symbol``."""
        return numbers_of(symbol, self, OWN, Numbers())
