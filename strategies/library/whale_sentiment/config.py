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
from .confidence import Confidence
from .zones import Lasting, Swings, ZoneSizes

Fall = Annotated[float, msgspec.Meta(ge=-50, lt=0)]
Pct = Annotated[float, msgspec.Meta(gt=0, le=50)]
Ratio = Annotated[float, msgspec.Meta(gt=1, le=100)]
Usd = Annotated[float, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]


class Numbers(msgspec.Struct, frozen=True):
    """What differs by symbol unless the config says otherwise."""

    spike_ratio: float = 2.0
    fear_pct: float = -5
    greed_pct: float = 5
    extreme_fear_pct: float = -8
    extreme_greed_pct: float = 8
    size_usd: float = 25
    max_position_usd: float = 75
    stop_loss_pct: float = 2.5
    take_profit_pct: float = 5
    cooldown_s: float = 120


OWN = {
    "BTC/USD": Numbers(2.5, -7, 7, -10, 10, 50, 100, 2, 4, 180),
    "XRP/BTC": Numbers(3.0, -8, 8, -12, 12, 15, 40, 3, 6, 240),
}


class Config(msgspec.Struct, frozen=True):
    """The first keys have a default for each symbol, which holds while they are empty."""

    spike_ratio: Annotated[Ratio | None, key("volume that is a spike, as a multiple of the usual")] = None
    fear_pct: Annotated[Fall | None, key("distance from the high that is fear, percent")] = None
    greed_pct: Annotated[Pct | None, key("distance from the low that is greed, percent")] = None
    extreme_fear_pct: Annotated[Fall | None, key("distance from the high that is extreme fear, percent")] = None
    extreme_greed_pct: Annotated[Pct | None, key("distance from the low that is extreme greed, percent")] = None
    size_usd: Annotated[Usd | None, key("size of an entry; account currency")] = None
    max_position_usd: Annotated[Usd | None, key("most held through one symbol; account currency")] = None
    stop_loss_pct: Annotated[Pct | None, key("stop from the entry, percent")] = None
    take_profit_pct: Annotated[Pct | None, key("target from the entry, percent")] = None
    cooldown_s: Annotated[Seconds | None, key("seconds between entries in one symbol")] = None
    is_contrarian: Annotated[bool, key("whether it buys fear and shorts greed; else it goes with them")] = True
    goes_short: Annotated[bool, key("whether it shorts, or only buys and sells what it holds")] = True
    short_size: Annotated[float, key("size of a short: multiplier", gt=0, le=2)] = 0.6
    extreme_candles: Annotated[int, key("candles of which high and low are taken", ge=2, le=310)] = 48
    volume_candles: Annotated[int, key("candles before the newest whose volume is the usual", ge=5, le=309)] = 288
    whale_move_pct: Annotated[float, key("move of a spike's candle that shows a whale, percent", ge=0, le=10)] = 0.1
    empty_spike_ratio: Annotated[float, key("spike above which no such move is a false alarm", gt=1, le=100)] = 3.0
    spike_trades: Annotated[int, key("public trades that a spike's candle must consist of", ge=0, le=10_000)] = 20
    spike_spread_pct: Annotated[float, key("widest spread at which a spike is believed, percent", gt=0, le=10)] = 0.5
    trails: Annotated[bool, key("whether it also leaves when the price falls back from its best")] = False
    trail_from: Annotated[float, key("share of the target that arms this, 0 to 1", gt=0, le=1)] = 0.5
    trail_distance_pct: Annotated[float, key("fall from the best price that sets it off, percent", gt=0, le=50)] = 1.0
    confidence: Confidence = Confidence()
    zone_sizes: ZoneSizes = ZoneSizes()
    lasting: Lasting = Lasting()
    swings: Swings = Swings()
    flow: Flow = Flow()
    sessions: Sessions = Sessions(asia=0.8, overlap=1.1, off=0.5)
    limits: Limits = Limits(total_usd=150)
    exposure: Exposure = Exposure(max_short_usd=75)
    correlated: Correlated = Correlated()
    breaker: Breaker = Breaker(losses=2, minutes=45)
    fees: FeeCheck = FeeCheck(min_net_pct=0.1)

    def numbers(self, symbol: str) -> Numbers:
        """Return the numbers in force for ``symbol``."""
        return numbers_of(symbol, self, OWN, Numbers())
