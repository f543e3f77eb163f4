"""Every number of the strategy, with its unit and bounds."""

from __future__ import annotations

from typing import Annotated

import msgspec

from trading.book import Side

from .._rules._keys import key
from .._rules.breaker import Breaker
from .._rules.by_symbol import numbers_of
from .._rules.exits import Decay, Trailing
from .._rules.fees import FeeCheck
from .._rules.flow import Flow
from .._rules.limits import Exposure, Limits
from .._rules.sessions import Sessions
from .._rules.volatility import Volatility
from .tape import Anomaly, Informed

Pct = Annotated[float, msgspec.Meta(gt=0, le=50)]
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
Multiple = Annotated[float, msgspec.Meta(ge=0, le=5)]
Usd = Annotated[float, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Prints = Annotated[int, msgspec.Meta(ge=0, le=1_000)]


class Numbers(msgspec.Struct, frozen=True):
    """What differs by symbol unless the config says otherwise."""

    buy_imbalance: float = 0.3
    sell_imbalance: float = 0.25
    imbalance: float = 0.3
    volume_spike: float = 2.0
    size_usd: float = 25
    max_position_usd: float = 75
    take_profit_pct: float = 1.0
    stop_loss_pct: float = 0.5
    cooldown_s: float = 5
    cooldown_prints: int = 10


# A target of 0.8 % cannot pay two taker fees of 0.40 %: that of BTC/USD is kept in proportion to its stop, at 1 %.
OWN = {
    "BTC/USD": Numbers(0.25, 0.2, 0.25, 1.8, size_usd=50),
    "XRP/BTC": Numbers(0.35, 0.3, 0.35, 2.2, 15, take_profit_pct=1.5, stop_loss_pct=0.75, cooldown_prints=15),
}


class Config(msgspec.Struct, frozen=True):
    """The first keys have a default for each symbol, which holds while they are empty."""

    buy_imbalance: Annotated[Share | None, key("buy-imbalance threshold, 0 to 1")] = None
    sell_imbalance: Annotated[Share | None, key("sell-imbalance threshold, 0 to 1")] = None
    imbalance: Annotated[Share | None, key("threshold for both sides while is_asymmetric is off, 0 to 1")] = None
    volume_spike: Annotated[Multiple | None, key("volume of the newest five prints, of the average, to follow")] = None
    size_usd: Annotated[Usd | None, key("size of an entry; account currency")] = None
    max_position_usd: Annotated[Usd | None, key("most held through one symbol; account currency")] = None
    take_profit_pct: Annotated[Pct | None, key("target from the entry, percent; must pay two fees")] = None
    stop_loss_pct: Annotated[Pct | None, key("stop from the entry, percent")] = None
    cooldown_s: Annotated[Seconds | None, key("seconds between entries in one symbol")] = None
    cooldown_prints: Annotated[Prints | None, key("public trades between entries in one symbol")] = None
    is_asymmetric: Annotated[bool, key("whether buying and selling have thresholds of their own")] = True
    goes_short: Annotated[bool, key("whether it shorts, or only uses sales to leave what is held")] = True
    lookback_prints: Annotated[
        int, key("newest public trades it reads; a quarter more in calm markets, fewer in wild ones", ge=20, le=500)
    ] = 50
    uses_vwap: Annotated[bool, key("whether it also trades towards the average price of the tape")] = True
    # The way back to the average is all there is to win: it must pay two taker fees of 0.40 %.
    vwap_deviation_pct: Annotated[float, key("distance from the average price to do so, percent", gt=0, le=20)] = 0.9
    vwap_imbalance: Annotated[float, key("share of the usual lean that is enough then", ge=0, le=1)] = 0.7
    vwap_size: Annotated[float, key("share of the usual size", gt=0, le=1)] = 0.75
    decay_after_fees: Annotated[bool, key("whether an old position leaves once it has paid its fees")] = True
    decay_min_net_pct: Annotated[float, key("what must be left after both fees then, percent", ge=0, le=10)] = 0.05
    # Twice the lookback: the prints before the burst must not have gone the other way.
    flow: Flow = Flow(prints=100, threshold=0.15)
    anomaly: Anomaly = Anomaly()
    informed: Informed = Informed()
    informed_sessions: Sessions = Sessions(asia=0.93, overlap=1.07, off=0.86)  # of the VPIN it stays out from
    volatility: Volatility = Volatility(is_paused_when_extreme=False)
    thresholds: Sessions = Sessions(asia=1.2, overlap=0.85, off=1.35)  # of the leans
    sizes: Sessions = Sessions(asia=0.8, overlap=1.1, off=0.6)
    limits: Limits = Limits()
    exposure: Exposure = Exposure(max_long_usd=80, max_short_usd=80)  # below the total, or they would never bind
    trailing: Trailing = Trailing(is_on=False, activation_pct=0.3, distance_pct=0.2)
    decay: Decay = Decay(stages=((5.0, 0.9), (6.0, 0.75), (7.0, 0.5), (8.0, 0.0)))
    breaker: Breaker = Breaker()
    fees: FeeCheck = FeeCheck()

    def numbers(self, symbol: str) -> Numbers:
        """Return the numbers in force for ``symbol``."""
        return numbers_of(symbol, self, OWN, Numbers())

    def lean(self, side: Side, own: Numbers) -> float:
        """Return the imbalance beyond which ``side`` is taken."""
        if not self.is_asymmetric:
            return own.imbalance
        return own.buy_imbalance if side is Side.BUY else own.sell_imbalance
