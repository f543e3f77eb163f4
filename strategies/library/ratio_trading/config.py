"""Every number of the strategy, with its unit and bounds."""

from __future__ import annotations

from typing import Annotated

import msgspec

from .._rules._keys import key
from .._rules.breaker import Breaker
from .._rules.exits import Decay, Trailing
from .._rules.fees import FeeCheck
from .._rules.flow import Flow
from .._rules.limits import Limits
from .._rules.volatility import Volatility


class Config(msgspec.Struct, frozen=True):
    """Distances are in standard deviations of the last closes; the ratio is the price of one coin in the other."""

    size_usd: Annotated[float, key("size of an entry; account currency", ge=1)] = 15
    # A target of 0.6 % cannot pay two taker fees of 0.40 %: it is kept in proportion to the stop, twice as wide.
    take_profit_pct: Annotated[float, key("target from the entry, percent; must pay two fees", gt=0, le=50)] = 1.2
    stop_loss_pct: Annotated[float, key("stop from the entry, percent", gt=0, le=50)] = 1.2
    cooldown_s: Annotated[float, key("seconds between entries", ge=0)] = 30
    average_candles: Annotated[int, key("one-minute candles of mean and deviation", ge=10, le=500)] = 20
    entry_deviations: Annotated[float, key("distance from the mean at which it enters", ge=0.5, le=5)] = 1.5
    exit_deviations: Annotated[float, key("distance within which the mean is reached", ge=0.1, le=2)] = 0.5
    exit_share: Annotated[
        float, key("share of the position sold at the mean and when it decays, once a candle", gt=0, le=1)
    ] = 0.5
    sells_holdings: Annotated[bool, key("whether coins that were paid in are sold while they are dear")] = True
    kept_share: Annotated[float, key("share of what it began with that it keeps, of each coin", ge=0, le=1)] = 0.5
    needs_rsi: Annotated[bool, key("whether the RSI must confirm an entry")] = True
    rsi_candles: Annotated[int, key("one-minute candles of the RSI", ge=2, le=20)] = 14
    rsi_oversold: Annotated[float, key("RSI up to which a buy is confirmed", ge=1, le=99)] = 35
    rsi_overbought: Annotated[float, key("RSI from which a sale is confirmed", ge=1, le=99)] = 65
    avoids_trends: Annotated[bool, key("whether it stays out while most closes go the way of the stretch")] = True
    trend_candles: Annotated[int, key("one-minute candles the trend is judged on", ge=3, le=20)] = 10
    trend_share: Annotated[float, key("share of them that is a trend", gt=0.5, le=1)] = 0.7
    max_spread_pct: Annotated[float, key("widest spread it enters at, percent", gt=0, le=10)] = 0.1
    # The ratio reverts while both coins answer the same news: it is their prices that must go together.
    needs_correlation: Annotated[bool, key("whether both coins must move together in dollars")] = True
    correlation_candles: Annotated[int, key("one-minute returns the correlation is measured on", ge=10, le=500)] = 20
    correlation_least: Annotated[float, key("least correlation, -1 to 1", ge=-1, le=1)] = 0.4
    avoids_decline: Annotated[bool, key("whether it also stays out while a middling correlation declines")] = False
    decline_candles: Annotated[int, key("correlations the decline is measured on", ge=3, le=100)] = 10
    decline_slope: Annotated[float, key("loss of correlation per candle that is a decline", gt=0, le=1)] = 0.02
    decline_below: Annotated[float, key("correlation below which a decline counts, -1 to 1", ge=-1, le=1)] = 0.7
    decay_deviations: Annotated[float, key("distance within which an old position decays", ge=0.1, le=5)] = 0.75
    flow: Flow = Flow(is_on=False)
    volatility: Volatility = Volatility(low_below_pct=0.2, medium_below_pct=0.5, high_below_pct=1.0, low_threshold=0.8)
    limits: Limits = Limits(total_usd=50)
    trailing: Trailing = Trailing(activation_pct=0.6, distance_pct=0.4)
    decay: Decay = Decay(stages=((10.0, 0.5),))
    breaker: Breaker = Breaker()
    fees: FeeCheck = FeeCheck(min_net_pct=0.1)

    def __post_init__(self) -> None:
        if self.exit_deviations >= self.entry_deviations:
            raise ValueError(f"exit_deviations is {self.exit_deviations}; expected below {self.entry_deviations}")
