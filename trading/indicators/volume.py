"""Volume: how much was traded, on which side of the close, and at what average price."""

from __future__ import annotations

import numpy as np
import talib
from numpy.typing import NDArray

from trading.candles import CandleSeries, Floats
from trading.indicators.bands import Channel
from trading.indicators.definition import aligned, indicator, quotient, windows
from trading.minutes import DAY_NS


@indicator(needs=lambda period: period + 1)
def volume_ratio(series: CandleSeries, period: int = 20) -> Floats:
    """Return the volume of each candle over the mean of the ``period`` before it.

    1 is as usual; NaN where nothing was traded before. Known from ``period + 1`` candles on.
    """
    volume = series.volume
    usual = windows(volume[:-1], period).mean(axis=1)
    return aligned(quotient(volume[period:], usual), len(series))


@indicator(needs=lambda period, recent: period + recent)
def volume_spike(series: CandleSeries, period: int = 20, recent: int = 3) -> Floats:
    """Return the mean volume of the last ``recent`` candles over the mean of the ``period`` before them.

    1 is as usual; NaN where nothing was traded before. Known from ``period + recent`` candles on.
    """
    volume = series.volume
    usual = windows(volume[:-recent], period).mean(axis=1)
    return aligned(quotient(windows(volume[period:], recent).mean(axis=1), usual), len(series))


@indicator(needs=lambda: 1)
def obv(series: CandleSeries) -> Floats:
    """Return the on-balance volume: what was traded at higher closes less what was at lower ones, base units.

    Counted from the first candle that is held: only its differences mean anything, and they do not depend on
    where the series begins. Joseph Granville, 1963.
    """
    return talib.OBV(series.close, series.volume)


@indicator(needs=lambda period: period + 1)
def mfi(series: CandleSeries, period: int = 14) -> Floats:
    """Return the money flow index: value traded at rising typical prices as percent of that at rising and falling ones.

    0 to 100, 50 where nothing flowed. Known from ``period + 1`` candles on. Quong and Soudack, 1989.
    """
    typical = talib.TYPPRICE(series.high, series.low, series.close)
    move, value = np.diff(typical), (typical * series.volume)[1:]
    # Summed window by window: a rolling sum would leave its rounding behind where nothing is traded.
    rising = windows(np.where(move > 0, value, 0.0), period).sum(axis=1)
    falling = windows(np.where(move < 0, value, 0.0), period).sum(axis=1)
    return aligned(quotient(100 * rising, rising + falling, otherwise=50.0), len(series))


@indicator(needs=lambda period: period)
def rolling_vwap(series: CandleSeries, period: int = 20) -> Floats:
    """Return the average typical price of the last ``period`` candles, weighted by volume; quote per base.

    Known from ``period`` candles on, NaN where none of them traded.
    """
    return rolling_vwap_bands(series, period, 0.0).middle


@indicator(needs=lambda period: period)
def rolling_vwap_bands(series: CandleSeries, period: int = 20, deviations: float = 2.0) -> Channel:
    """Return the rolling VWAP plus and minus deviations, both weighted by volume; quote per base.

    Known from ``period`` candles on, NaN where none of them traded.
    """
    typical = talib.TYPPRICE(series.high, series.low, series.close)
    prices, weights = windows(typical, period), windows(series.volume, period)
    traded = weights.sum(axis=1)
    middle = quotient((prices * weights).sum(axis=1), traded)
    spread = np.sqrt(quotient((weights * (prices - middle[:, None]) ** 2).sum(axis=1), traded))
    return _around(aligned(middle, len(series)), deviations * aligned(spread, len(series)))


@indicator(needs=lambda: 1)
def session_vwap(series: CandleSeries) -> Floats:
    """Return the average typical price since midnight UTC, weighted by volume; quote per base.

    Known from the first candle of a day on that has traded; NaN on a day whose first candle is not held, so
    that no price drifts as a series forgets its oldest candles.
    """
    return session_vwap_bands(series, 0.0).middle


@indicator(needs=lambda: 1)
def session_vwap_bands(series: CandleSeries, deviations: float = 2.0) -> Channel:
    """Return the session's VWAP plus and minus deviations since midnight UTC, both weighted by volume.

    Quote per base; known from where ``session_vwap`` is.
    """
    if len(series) == 0:
        return Channel(*(np.empty(0) for _ in range(3)))
    days = series.start_ns // DAY_NS
    firsts = np.flatnonzero(np.diff(days, prepend=days[0] - 1))
    session = np.repeat(np.arange(len(firsts)), np.diff(firsts, append=len(days)))
    typical = talib.TYPPRICE(series.high, series.low, series.close)
    # Counted from the session's first price, because squares of whole prices would drown their differences.
    anchor = typical[firsts][session]
    move, weight = typical - anchor, series.volume
    traded = _since(firsts, session, weight)
    mean = quotient(_since(firsts, session, weight * move), traded)
    variance = quotient(_since(firsts, session, weight * move**2), traded) - mean**2
    is_held = (session > 0) | (series.start_ns[0] % DAY_NS == 0)
    middle = np.where(is_held, anchor + mean, np.nan)
    return _around(middle, deviations * np.sqrt(np.maximum(variance, 0.0)))


def _since(firsts: NDArray[np.intp], session: NDArray[np.intp], values: Floats) -> Floats:
    """Return the running sums of ``values``, begun anew at each session."""
    total = np.cumsum(values)
    before = np.concatenate(([0.0], total))[firsts]
    return np.asarray(total - before[session])


def _around(middle: Floats, width: Floats) -> Channel:
    return Channel(middle + width, middle, middle - width)
