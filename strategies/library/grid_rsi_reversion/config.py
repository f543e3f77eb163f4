"""Every number of the strategy, with its unit and bounds."""

from __future__ import annotations

from typing import Annotated

import msgspec

from .._rules._keys import key
from .._rules.breaker import Breaker
from .._rules.by_symbol import numbers_of
from .._rules.fees import FeeCheck
from .._rules.flow import Flow
from .._rules.limits import Correlated, Limits
from .._rules.sessions import Sessions
from .._rules.volatility import Volatility

Pct = Annotated[float, msgspec.Meta(gt=0, le=50)]
Rsi = Annotated[float, msgspec.Meta(ge=1, le=99)]
Usd = Annotated[float, msgspec.Meta(ge=1)]
Count = Annotated[int, msgspec.Meta(ge=1, le=20)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]


class Numbers(msgspec.Struct, frozen=True):
    """What differs by symbol unless the config says otherwise."""

    is_geometric: bool = True
    levels: int = 5
    spacing_pct: float = 1.5
    range_pct: float = 7.5
    rsi_oversold: float = 30
    rsi_overbought: float = 70
    size_usd: float = 25
    max_position_usd: float = 100
    max_held_levels: int = 5
    stop_loss_pct: float = 5
    cooldown_s: float = 60


# As many levels as the range holds: fifteen at 1.5 % would never fit into 7.5 %.
OWN = {
    "BTC/USD": Numbers(False, 6, 1.5, 10, 35, 65, 50, 150, 4, 10, 60),
    "XRP/BTC": Numbers(True, 4, 2.5, 10, 25, 75, 10, 60, 2, 8, 180),
}


class Config(msgspec.Struct, frozen=True):
    """The first keys have a default for each symbol, which holds while they are empty.

    An ATR of five minutes is a tenth of a level: it widens the levels from three times its value on, not from 0.3.
    A price that moves a level a day needs longer than two hours for a cycle: what is held is stale after a day.
    """

    is_geometric: Annotated[bool | None, key("whether levels are equal steps in percent, or in price")] = None
    levels: Annotated[Count | None, key("most levels below the centre")] = None
    spacing_pct: Annotated[
        Pct | None, key("least distance between levels, percent; must pay a maker's and a taker's fee")
    ] = None
    range_pct: Annotated[Pct | None, key("distance of the lowest level from the centre at most, percent")] = None
    rsi_oversold: Annotated[Rsi | None, key("RSI below which bids are largest")] = None
    rsi_overbought: Annotated[Rsi | None, key("RSI above which bids are smallest")] = None
    size_usd: Annotated[Usd | None, key("size of a bid before multipliers; account currency")] = None
    max_position_usd: Annotated[Usd | None, key("most held and bid for in one symbol; account currency")] = None
    max_held_levels: Annotated[Count | None, key("most levels that are held or bid for at once")] = None
    stop_loss_pct: Annotated[Pct | None, key("stop below the lowest level, percent of it")] = None
    cooldown_s: Annotated[Seconds | None, key("seconds after a purchase in which no further bid is placed")] = None
    live_bids: Annotated[int, key("bids in the book at once: those nearest to the price", ge=1, le=5)] = 3
    atr_candles: Annotated[int, key("candles of the average true range", ge=2, le=50)] = 14
    atr_spacing: Annotated[float, key("least distance between levels in average true ranges", ge=0, le=50)] = 3.0
    rsi_candles: Annotated[int, key("candles of the RSI", ge=2, le=50)] = 14
    rsi_expansion: Annotated[
        float, key("RSI points by which twice the ATR in percent moves both zones outwards at most", ge=0, le=20)
    ] = 5.0
    rsi_extreme_size: Annotated[
        float, key("multiplier of a bid while oversold, divisor while overbought; half of it nearby", ge=1, le=5)
    ] = 1.3
    avoids_trends: Annotated[bool, key("whether bids are taken back while ADX is high")] = True
    adx_candles: Annotated[int, key("candles of the ADX", ge=5, le=25)] = 14
    adx_trend: Annotated[float, key("ADX above which there is a trend to stay out of", ge=5, le=90)] = 30
    adx_recentre: Annotated[float, key("ADX above which the grid stays where it is", ge=5, le=90)] = 30
    recentre_cycles: Annotated[int, key("cycles after which the grid is centred anew", ge=1, le=100)] = 5
    recentre_min_s: Annotated[float, key("seconds that a grid lasts at least", ge=0)] = 3_600.0
    stale_after_s: Annotated[float, key("seconds without a cycle after which all is sold", gt=0)] = 86_400.0
    max_drawdown_pct: Annotated[
        float, key("loss on the average purchase at which all is sold, percent", gt=0, le=90)
    ] = 10
    volume_candles: Annotated[int, key("candles whose mean volume is usual", ge=5, le=50)] = 20
    min_volume_ratio: Annotated[float, key("least volume of the last candle, in usual ones", ge=0, le=10)] = 0.8
    beside_others_size: Annotated[float, key("multiplier of a bid for each other symbol held", gt=0, le=1)] = 0.75
    flow: Flow = Flow(threshold=0.2)
    volatility: Volatility = Volatility(low_threshold=1.0)
    sessions: Sessions = Sessions(asia=0.8, america=1.1, off=0.5)
    limits: Limits = Limits(total_usd=150)
    correlated: Correlated = Correlated()
    breaker: Breaker = Breaker()
    fees: FeeCheck = FeeCheck()

    def numbers(self, symbol: str) -> Numbers:
        """Return the numbers in force for ``symbol``."""
        return numbers_of(symbol, self, OWN, Numbers())
