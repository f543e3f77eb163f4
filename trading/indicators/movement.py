"""The newest figures of how much prices move, in which direction, and together with what."""

from __future__ import annotations

import numpy as np

from trading.candles import CandleSeries, Floats
from trading.indicators.definition import ROUNDING, indicator


def _returns(closes: Floats) -> Floats:
    return np.diff(closes) / closes[:-1]


@indicator(needs=lambda period: period + 1)
def volatility_pct(series: CandleSeries, period: int = 20) -> float | None:
    """Return the population deviation of the last ``period`` simple returns, in percent; None while too short.

    Known from ``period + 1`` candles on.
    """
    if len(series) < period + 1:
        return None
    return float(_returns(series.close[-period - 1 :]).std() * 100)


@indicator(needs=lambda period: period)
def slope_pct(series: CandleSeries, period: int) -> float | None:
    """Return the least-squares slope of the last closes, percent of their mean per candle; None while too short.

    Known from ``period`` candles on; ``period`` is at least two.
    """
    if len(series) < period:
        return None
    closes = series.close[-period:]
    steps = np.arange(period) - (period - 1) / 2
    return float((steps @ closes) / (steps @ steps) / closes.mean() * 100)


@indicator(needs=lambda period: period + 1)
def correlation(first: CandleSeries, second: CandleSeries, period: int = 20) -> float | None:
    """Return Pearson's correlation of the last returns of candles that began together, -1 to 1.

    None below ``period + 1`` common candles, or when one of the two did not move.
    """
    _, at_first, at_second = np.intersect1d(first.start_ns, second.start_ns, return_indices=True)
    if len(at_first) < period + 1:
        return None
    a = _returns(first.close[at_first][-period - 1 :])
    b = _returns(second.close[at_second][-period - 1 :])
    if np.ptp(a) <= ROUNDING or np.ptp(b) <= ROUNDING:
        return None
    a, b = a - a.mean(), b - b.mean()
    return float(np.clip(a @ b / np.sqrt((a @ a) * (b @ b)), -1, 1))
