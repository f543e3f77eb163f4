"""Where quotes lie and how large they are: arithmetic, in percent of the price and shares of the inventory.

Avellaneda and Stoikov (High-frequency trading in a limit order book, Quantitative Finance, 2008) reckon in money
and shares. Here a price is a deviation from the fair one in percent, the deviation of a minute's returns is in
percent per root of a minute, and inventory q is a share of the most that may be held, -1 to 1. So gamma and kappa
are per percent, the horizon T is minutes, and both of their formulas give percent: an inventory of q moves the
reservation price by -q gamma sigma^2 T, and the spread around it is gamma sigma^2 T + (2 / gamma) ln(1 + gamma /
kappa). With the defaults, at a deviation of 0.1 %: 0.3 % at full inventory, and 0.3 % + 0.47 %.
"""

from __future__ import annotations

from math import ceil, floor, inf, log1p

from trading.book import Side
from trading.instruments import Instrument

from .config import Config, Numbers

LEAST_SHARE = 0.1  # of a quote's size, however much is held
ROUNDING = 1e-6  # ticks


def widening(volatility_pct: float | None, config: Config) -> float:
    """Return what volatility multiplies spread and threshold by, from 1 on."""
    return min(max((volatility_pct or 0.0) / config.base_volatility_pct, 1.0), config.most_widening)


def risk_pct(volatility_pct: float, config: Config) -> float:
    """Return gamma sigma^2 T: what full inventory moves the reservation price by, percent."""
    return config.gamma * volatility_pct**2 * config.horizon_minutes


def optimal_spread_pct(volatility_pct: float, config: Config) -> float:
    """Return the spread of Avellaneda and Stoikov, percent."""
    return risk_pct(volatility_pct, config) + 2 / config.gamma * log1p(config.gamma / config.kappa)


def half_spread_pct(
    config: Config, own: Numbers, volatility_pct: float | None, multiplier: float, maker_pct: float
) -> float:
    """Return how far a quote lies from the reservation price, percent; ``multiplier`` is regime's and session's."""
    spread = own.min_spread_pct * widening(volatility_pct, config) * multiplier
    if config.uses_optimal_spread:
        spread = max(spread, optimal_spread_pct(volatility_pct or 0.0, config))
    if config.checks_fees:
        spread = max(spread, 2 * maker_pct + config.min_profit_pct)
    return spread / 2


def reservation_price(
    fair: float, inventory: float, half_pct: float, volatility_pct: float | None, config: Config
) -> float:
    """Return the price around which to quote: below the fair one while something is held."""
    if config.uses_reservation_price:
        moved_pct = risk_pct(volatility_pct or 0.0, config)
    else:
        moved_pct = config.inventory_skew * half_pct
    return fair * (1 - inventory * moved_pct / 100)


def adding_share(inventory: float, config: Config) -> float:
    """Return the share of its size that is left of a quote which would add to what is held."""
    return max(LEAST_SHARE, 1 - abs(inventory) * config.inventory_skew)


def gain_bounds_pct(config: Config, own: Numbers, age_s: float, maker_pct: float) -> tuple[float, float]:
    """Return the least and the most gain on its average price at which what is held is offered, percent."""
    patience, break_even = config.patience, 2 * maker_pct
    most, least = own.take_profit_pct, break_even + (config.min_profit_pct if config.checks_fees else 0.0)
    if patience.is_on and age_s >= patience.break_even_after_s:
        most = least = break_even
    elif patience.is_on and age_s >= patience.max_position_age_s:
        most *= patience.take_profit_share
    if config.sells_at_loss:
        return -inf, most
    return least, max(least, most)


def passive_price(instrument: Instrument, side: Side, price: float, best_bid: int, best_ask: int) -> float:
    """Return the price on the tick grid, rounded away from the market, that takes nothing from the book as it stands.

    ``best_bid`` and ``best_ask`` are ticks.
    """
    step = instrument.price_increment_ticks
    steps = price * 10**instrument.price_decimals / step
    if side is Side.BUY:
        return instrument.price_float(min(floor(steps + ROUNDING) * step, best_ask - step))
    return instrument.price_float(max(ceil(steps - ROUNDING) * step, best_bid + step))
