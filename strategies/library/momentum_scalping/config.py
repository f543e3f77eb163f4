"""Every number of the strategy, with its unit and bounds."""

from __future__ import annotations

from typing import Annotated

import msgspec

from .._rules._keys import key
from .._rules.breaker import Breaker
from .._rules.by_symbol import numbers_of
from .._rules.fees import FeeCheck
from .._rules.flow import Flow
from .._rules.limits import Exposure, Limits
from .._rules.sessions import Sessions
from .._rules.volatility import Volatility
from .exits import AtrTrail, Exhaustion

Pct = Annotated[float, msgspec.Meta(gt=0, le=50)]
Rsi = Annotated[float, msgspec.Meta(ge=1, le=99)]
Usd = Annotated[float, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Candles = Annotated[int, msgspec.Meta(ge=2, le=50)]
Prints = Annotated[int, msgspec.Meta(ge=0, le=1_000)]
Multiple = Annotated[float, msgspec.Meta(ge=0, le=100)]


class Numbers(msgspec.Struct, frozen=True):
    """What differs by symbol unless the config says otherwise."""

    rsi_candles: int = 8
    volume_spike: float = 1.5
    size_usd: float = 25
    take_profit_pct: float = 1.6
    stop_loss_pct: float = 0.8
    cooldown_s: float = 30
    cooldown_prints: int = 5


# Targets of 0.6 to 0.8 % cannot pay two taker fees of 0.40 %: all are kept in proportion, twice as wide.
OWN = {
    "BTC/USD": Numbers(9, 1.8, 50, take_profit_pct=1.2, stop_loss_pct=0.6),
    "XRP/BTC": Numbers(9, 2.0, 15, take_profit_pct=2.4, stop_loss_pct=1.2, cooldown_prints=15),
}


class Config(msgspec.Struct, frozen=True):
    """The first keys have a default for each symbol, which holds while they are empty."""

    rsi_candles: Annotated[Candles | None, key("one-minute candles of the RSI")] = None
    volume_spike: Annotated[Multiple | None, key("volume of a candle, of the usual, that confirms an entry")] = None
    size_usd: Annotated[Usd | None, key("size of an entry; account currency")] = None
    take_profit_pct: Annotated[Pct | None, key("target from the entry, percent; must pay two fees")] = None
    stop_loss_pct: Annotated[Pct | None, key("stop from the entry, percent")] = None
    cooldown_s: Annotated[Seconds | None, key("seconds between entries in one symbol")] = None
    cooldown_prints: Annotated[Prints | None, key("public trades between entries in one symbol")] = None
    goes_short: Annotated[bool, key("whether falling momentum is shorted")] = True
    max_position_usd: Annotated[float, key("most held through one symbol; account currency", ge=1)] = 50
    ema_fast: Annotated[int, key("one-minute candles of the fast average", ge=2, le=50)] = 8
    ema_slow: Annotated[int, key("one-minute candles of the slow average", ge=3, le=50)] = 21
    ema_filter: Annotated[int, key("one-minute candles of the average that the price must be beyond", ge=5, le=50)] = 50
    needs_alignment: Annotated[bool, key("whether the fast average must be beyond the slow one")] = True
    rsi_oversold: Annotated[Rsi, key("RSI whose crossing upwards is momentum")] = 30
    rsi_overbought: Annotated[Rsi, key("RSI whose crossing downwards is momentum")] = 70
    wild_rsi_oversold: Annotated[Rsi, key("the same while volatility is high or extreme")] = 25
    wild_rsi_overbought: Annotated[Rsi, key("the same while volatility is high or extreme")] = 75
    uses_macd: Annotated[bool, key("whether crossings of the MACD are momentum, too")] = True
    macd_fast: Annotated[int, key("one-minute candles of the MACD's fast average", ge=2, le=20)] = 6
    macd_slow: Annotated[int, key("one-minute candles of its slow average", ge=3, le=30)] = 13
    macd_signal: Annotated[int, key("candles of its signal line", ge=2, le=15)] = 5
    least_momentum: Annotated[
        float, key("momentum to enter: RSI crossing 0.5, RSI rising 0.25, MACD 0.4 or 0.25 more", gt=0, le=1)
    ] = 0.25
    needs_volume: Annotated[bool, key("whether volume must confirm an entry")] = True
    volume_candles: Annotated[int, key("one-minute candles before the newest that are the usual", ge=5, le=50)] = 20
    needs_higher_trend: Annotated[bool, key("whether the five-minute trend must agree")] = True
    higher_candles: Annotated[int, key("five-minute candles of its average", ge=5, le=50)] = 50
    avoids_strong_trends: Annotated[bool, key("whether it stays out of BTC/USD while ADX is high")] = True
    adx_everywhere: Annotated[bool, key("whether that holds for every symbol")] = False
    adx_candles: Annotated[int, key("one-minute candles of the ADX", ge=5, le=25)] = 14
    adx_strong: Annotated[float, key("ADX that is a strong trend", ge=5, le=90)] = 30
    needs_correlation: Annotated[bool, key("whether XRP/BTC needs XRP and BTC to move together")] = True
    correlation_candles: Annotated[int, key("five-minute returns it is measured on", ge=10, le=500)] = 100
    correlation_least: Annotated[float, key("least correlation, -1 to 1", ge=-1, le=1)] = 0.6
    max_hold_s: Annotated[float, key("seconds after which a position is given up", gt=0, le=86_400)] = 180
    leaves_at_cross: Annotated[bool, key("whether a gain is taken when the price crosses the fast average")] = True
    flow: Flow = Flow()
    volatility: Volatility = Volatility(low_below_pct=0.2, medium_below_pct=0.6, high_below_pct=1.2, high_size=0.75)
    thresholds: Sessions = Sessions(asia=1.2, overlap=0.9, off=1.4)  # of the volume that confirms
    sizes: Sessions = Sessions(asia=0.8, overlap=1.1, off=0.5)
    limits: Limits = Limits(total_usd=75)
    exposure: Exposure = Exposure(max_long_usd=60, max_short_usd=60)  # below the total, or they would never bind
    trail: AtrTrail = AtrTrail()
    exhaustion: Exhaustion = Exhaustion()
    breaker: Breaker = Breaker(minutes=10.0)
    fees: FeeCheck = FeeCheck(min_net_pct=0.1)

    def __post_init__(self) -> None:
        for fast, slow in (("ema_fast", "ema_slow"), ("macd_fast", "macd_slow")):
            if getattr(self, fast) >= getattr(self, slow):
                raise ValueError(f"{fast} is {getattr(self, fast)}; expected below {slow}, {getattr(self, slow)}")

    def numbers(self, symbol: str) -> Numbers:
        """Return the numbers in force for ``symbol``."""
        return numbers_of(symbol, self, OWN, Numbers())
