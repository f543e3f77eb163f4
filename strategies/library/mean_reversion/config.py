"""Every number of the strategy, with its unit and bounds."""

from __future__ import annotations

from typing import Annotated

import msgspec

from .._rules._keys import key
from .._rules.breaker import Breaker
from .._rules.by_symbol import numbers_of
from .._rules.exits import Decay, Trailing
from .._rules.fees import FeeCheck
from .._rules.flow import Flow
from .._rules.limits import Limits
from .._rules.volatility import Volatility

Pct = Annotated[float, msgspec.Meta(gt=0, le=50)]
Rsi = Annotated[float, msgspec.Meta(ge=1, le=99)]
Usd = Annotated[float, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]


class Numbers(msgspec.Struct, frozen=True):
    """What differs by symbol unless the config says otherwise."""

    deviation_pct: float = 0.5
    rsi_oversold: float = 35
    rsi_overbought: float = 65
    size_usd: float = 20
    max_position_usd: float = 50
    take_profit_pct: float = 1.5
    stop_loss_pct: float = 1.5
    cooldown_s: float = 10


# Targets of 0.4 to 0.8 % cannot pay two taker fees of 0.40 %: they are kept in proportion, three times as wide.
OWN = {
    "BTC/USD": Numbers(0.3, 30, 70, 25, 75, 1.2, 1.2, 5),
    "XRP/BTC": Numbers(1.0, 35, 65, 15, 40, 2.4, 2.4, 20),
}


class Config(msgspec.Struct, frozen=True):
    """The first keys have a default for each symbol, which holds while they are empty."""

    deviation_pct: Annotated[Pct | None, key("distance from the average that counts as stretched, percent")] = None
    rsi_oversold: Annotated[Rsi | None, key("RSI below which a market is oversold")] = None
    rsi_overbought: Annotated[Rsi | None, key("RSI above which a market is overbought")] = None
    size_usd: Annotated[Usd | None, key("size of an entry; account currency")] = None
    max_position_usd: Annotated[Usd | None, key("most held through one symbol; account currency")] = None
    take_profit_pct: Annotated[Pct | None, key("target from the entry, percent; must pay two fees")] = None
    stop_loss_pct: Annotated[Pct | None, key("stop from the entry, percent")] = None
    cooldown_s: Annotated[Seconds | None, key("seconds between entries in one symbol")] = None
    goes_short: Annotated[bool, key("whether overbought markets are shorted, or only used to sell what is held")] = True
    average_candles: Annotated[int, key("candles of the average and of the bands", ge=5, le=200)] = 20
    band_deviations: Annotated[float, key("width of the bands in standard deviations", gt=0, le=5)] = 2.0
    band_tolerance_pct: Annotated[float, key("how near to a band is at it, percent of the price", ge=0, le=5)] = 0.5
    rsi_candles: Annotated[int, key("candles of the RSI", ge=2, le=50)] = 14
    uses_vwap: Annotated[bool, key("whether it also buys well below the VWAP while RSI is neutral")] = True
    vwap_prints: Annotated[int, key("newest public trades of the VWAP", ge=5, le=1_000)] = 50
    vwap_deviation_pct: Annotated[float, key("distance below the VWAP, percent", gt=0, le=20)] = 0.3
    vwap_size: Annotated[float, key("share of the normal size", gt=0, le=1)] = 0.5
    avoids_trends: Annotated[bool, key("whether it stays out while the average has a slope")] = True
    trend_candles: Annotated[int, key("candles the slope is measured on", ge=10, le=50)] = 50
    trend_slope_pct: Annotated[float, key("slope that is a trend, percent per candle", gt=0, le=5)] = 0.05
    trend_confirmations: Annotated[int, key("candles in a row that must show it", ge=1, le=20)] = 3
    avoids_strong_trends: Annotated[bool, key("whether it stays out of BTC/USD while ADX is high")] = True
    adx_everywhere: Annotated[bool, key("whether that holds for every symbol")] = False
    adx_candles: Annotated[int, key("candles of the ADX", ge=5, le=25)] = 14
    adx_strong: Annotated[float, key("ADX that is a strong trend", ge=5, le=90)] = 25
    needs_correlation: Annotated[bool, key("whether XRP/BTC needs XRP and BTC to move together")] = True
    correlation_candles: Annotated[int, key("returns the correlation is measured on", ge=10, le=50)] = 50
    correlation_least: Annotated[float, key("least correlation, -1 to 1", ge=-1, le=1)] = 0.5
    flow: Flow = Flow()
    volatility: Volatility = Volatility(low_threshold=0.8)
    limits: Limits = Limits(total_usd=150)
    trailing: Trailing = Trailing(is_on=False)
    decay: Decay = Decay()
    breaker: Breaker = Breaker()
    fees: FeeCheck = FeeCheck()

    def numbers(self, symbol: str) -> Numbers:
        """Return the numbers in force for ``symbol``."""
        return numbers_of(symbol, self, OWN, Numbers())
