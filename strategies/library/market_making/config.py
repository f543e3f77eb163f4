"""Every number of the strategy, with its unit and bounds."""

from __future__ import annotations

from typing import Annotated

import msgspec

from .._rules._keys import Switch, key
from .._rules.breaker import Breaker
from .._rules.by_symbol import numbers_of
from .._rules.exits import Trailing
from .._rules.flow import Flow
from .._rules.limits import Limits
from .._rules.sessions import Sessions
from .._rules.volatility import Volatility

Pct = Annotated[float, msgspec.Meta(gt=0, le=50)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Usd = Annotated[float, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]


class Numbers(msgspec.Struct, frozen=True):
    """What differs by symbol unless the config says otherwise."""

    min_spread_pct: float = 0.6
    size_usd: float = 20
    max_inventory_usd: float = 60
    imbalance_threshold: float = 0.1
    take_profit_pct: float = 1.25
    stop_loss_pct: float = 1.25
    cooldown_s: float = 5
    allows_short: bool = False


# A maker's fee of 0.25 % is two and a half times the one that 0.5 % was thought for: target and stop are as much wider.
OWN = {
    "BTC/USD": Numbers(0.55, 25, 60, 0.08, 1.0, 1.0, 3),
    "XRP/BTC": Numbers(0.6, 15, 45, 0.15, 1.0, 1.0, 10),
}


class Patience(msgspec.Struct, frozen=True):
    """What is held is offered for less the longer it is held, but only the stop sells it for less than its fees.

    Five minutes are too short for quotes a quarter of a percent away: it begins after half an hour.
    """

    is_on: Switch = True
    max_position_age_s: Annotated[float, key("seconds after which less of the target is asked", ge=0)] = 1_800.0
    take_profit_share: Annotated[float, key("share of the target that then is asked at most", gt=0, le=1)] = 0.5
    break_even_after_s: Annotated[
        float, key("seconds after which no more than the fees of both trades is asked", gt=0)
    ] = 14_400.0

    def __post_init__(self) -> None:
        if self.break_even_after_s < self.max_position_age_s:
            ages = f"{self.max_position_age_s} and {self.break_even_after_s}"
            raise ValueError(f"max_position_age_s and break_even_after_s are {ages}; expected the second no less")


class Config(msgspec.Struct, frozen=True):
    """The first keys have a default for each symbol, which holds while they are empty.

    A minute's returns deviate by hundredths of a percent: the regimes of volatility are drawn where they tell a
    calm market from a wild one. The units of Avellaneda and Stoikov's model are given in ``quoting``.
    """

    min_spread_pct: Annotated[Pct | None, key("least distance between bid and ask before multipliers, percent")] = None
    size_usd: Annotated[Usd | None, key("size of a quote before multipliers; account currency")] = None
    max_inventory_usd: Annotated[Usd | None, key("most held in one symbol; account currency")] = None
    imbalance_threshold: Annotated[Share | None, key("how far a book leans before a quote steps back, 0 to 1")] = None
    take_profit_pct: Annotated[Pct | None, key("gain on what is held that is asked at most, percent")] = None
    stop_loss_pct: Annotated[Pct | None, key("stop from the average price of what is held, percent")] = None
    cooldown_s: Annotated[Seconds | None, key("seconds between two changes of a symbol's quotes")] = None
    allows_short: Annotated[
        bool | None, key("whether it asks for what it does not hold: a short, on margin, needs a margin account")
    ] = None
    uses_micro_price: Annotated[bool, key("whether the fair price is the micro-price of the book, or its middle")] = (
        True
    )
    tolerance_pct: Annotated[
        float,
        key("how far a quote may lie from where it is wanted, percent of the price; it keeps its queue", ge=0, le=5),
    ] = 0.05
    resize_pct: Annotated[
        float, key("how far the size of a quote that adds may be from what is wanted, percent", gt=0, le=100)
    ] = 25.0
    checks_fees: Annotated[
        bool,
        key("whether the spread never falls below two maker fees and the least profit: at 0.25 % 0.1 % can never pay"),
    ] = True
    min_profit_pct: Annotated[float, key("what the spread must leave after both maker fees, percent", ge=0, le=10)] = (
        0.05
    )
    sells_at_loss: Annotated[
        bool, key("whether what is held may be offered for less than it cost with the fees; the stop always may")
    ] = False
    inventory_skew: Annotated[
        float, key("of half a spread, by which full inventory moves both quotes; and of the size that adds", ge=0, le=1)
    ] = 0.5
    base_volatility_pct: Annotated[
        float, key("deviation of a minute's returns beyond which spread and threshold widen, percent", gt=0, le=10)
    ] = 0.1
    most_widening: Annotated[float, key("multiplier that volatility widens by at most", ge=1, le=10)] = 1.5
    step_back: Annotated[
        float, key("half spreads by which a quote steps back before takers that lean on it", ge=0, le=10)
    ] = 1.0
    uses_reservation_price: Annotated[
        bool, key("whether inventory moves quotes as Avellaneda and Stoikov have it, not by inventory_skew")
    ] = False
    uses_optimal_spread: Annotated[bool, key("whether Avellaneda and Stoikov's spread is the least")] = False
    gamma: Annotated[float, key("aversion to risk, per percent of the price", ge=0.01, le=10)] = 0.5
    kappa: Annotated[
        float, key("how fast fills become rare away from the middle, per percent of the price", gt=0, le=100)
    ] = 4.0
    horizon_minutes: Annotated[float, key("minutes over which what is held is a risk", gt=0, le=1_440)] = 60.0
    avoids_trends: Annotated[bool, key("whether nothing is added against a trend")] = True
    trend_candles: Annotated[int, key("candles of a minute the slope is measured on", ge=5, le=100)] = 20
    trend_slope_pct: Annotated[float, key("slope that is a trend, percent per candle", ge=0.01, le=0.5)] = 0.05
    trend_confirmations: Annotated[int, key("candles in a row that must show it", ge=1, le=20)] = 3
    needs_correlation: Annotated[bool, key("whether XRP/BTC needs XRP and BTC to move together")] = True
    correlation_candles: Annotated[int, key("minutes whose returns are compared", ge=5, le=100)] = 20
    correlation_least: Annotated[float, key("least correlation, -1 to 1", ge=-1, le=1)] = 0.5
    flow: Flow = Flow(threshold=0.15)
    volatility: Volatility = Volatility(
        low_below_pct=0.05, medium_below_pct=0.2, high_below_pct=0.5, high_size=0.7, extreme_threshold=1.5
    )
    spread_sessions: Sessions = Sessions(asia=1.2, overlap=0.85, off=1.3)
    size_sessions: Sessions = Sessions(asia=0.8, overlap=1.1, off=0.6)
    limits: Limits = Limits(total_usd=90)
    patience: Patience = Patience()
    trailing: Trailing = Trailing(is_on=False, activation_pct=0.2, distance_pct=0.15)
    breaker: Breaker = Breaker()

    def numbers(self, symbol: str) -> Numbers:
        """Return the numbers in force for ``symbol``."""
        return numbers_of(symbol, self, OWN, Numbers())
