"""Momentum: how fast prices go, and where in their recent range they stand.

What lies between two bounds is at its middle while nothing moves: neither side has anything for it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import talib

from trading.candles import CandleSeries, Floats
from trading.indicators.definition import ROUNDING, aligned, indicator, quotient


class Stochastic(NamedTuple):
    """Where the close stands in the recent range, 0 to 100, and the average of that."""

    k: Floats
    d: Floats


class Macd(NamedTuple):
    """The distance of two averages, its own average, and the distance of those two; quote per base."""

    line: Floats
    signal: Floats
    histogram: Floats
    crossing: Floats  # 1 where the histogram has come to zero or above, -1 where to zero or below, else 0


@indicator(needs=lambda period: period + 1)
def rsi(series: CandleSeries, period: int = 14) -> Floats:
    """Return the relative strength index: rises as percent of all moves, both as Wilder's averages; 0 to 100.

    50 as long as nothing has moved. Known from ``period + 1`` candles on. Wilder, New Concepts in Technical
    Trading Systems, 1978.
    """
    return _strength(series.close, period)


@indicator(needs=lambda period, smooth, signal: period + smooth + signal - 2)
def stochastic(series: CandleSeries, period: int = 14, smooth: int = 3, signal: int = 3) -> Stochastic:
    """Return %K, the close's place between lowest low and highest high, averaged, and %D, the average of %K.

    0 to 100, 50 where the range is empty. %K is known from ``period + smooth - 1`` candles on, %D
    ``signal - 1`` later; ``smooth=1`` is the fast form. George Lane, 1950s.
    """
    k = _averaged(_place(series.close, series.high, series.low, period), smooth)
    return Stochastic(k, _averaged(k, signal))


@indicator(needs=lambda period, within, smooth, signal: period + within + smooth + signal - 2)
def stochastic_rsi(
    series: CandleSeries, period: int = 14, within: int = 14, smooth: int = 3, signal: int = 3
) -> Stochastic:
    """Return the place of the RSI between its lowest and highest of ``within`` candles, averaged, and its average.

    0 to 100, 50 where the RSI did not move. Both are known from ``period + within + smooth + signal - 2``
    candles on. Chande and Kroll, The New Technical Trader, 1994.
    """
    strength = _strength(series.close, period)
    k = _averaged(_place(strength, strength, strength, within), smooth)
    return Stochastic(k, _averaged(k, signal))


@indicator(needs=lambda slow, signal: slow + signal)
def macd(series: CandleSeries, fast: int = 12, slow: int = 26, signal: int = 9) -> Macd:
    """Return the EMA of ``fast`` closes less that of ``slow`` ones, with its own EMA and where it crosses it.

    Quote per base. Each EMA is seeded with its own simple average. The line is known from ``slow`` candles
    on, signal and histogram ``signal - 1`` later, a crossing one after that. Gerald Appel, 1970s.
    """
    line = talib.EMA(series.close, fast) - talib.EMA(series.close, slow)
    average = talib.EMA(line, signal)
    histogram = line - average
    side = _side(histogram, ROUNDING * series.close)
    before, now = side[:-1], side[1:]
    crossing = np.where((before < 0) & (now >= 0), 1.0, np.where((before > 0) & (now <= 0), -1.0, 0.0))
    return Macd(line, average, histogram, aligned(np.where(np.isnan(before), np.nan, crossing), len(line)))


@indicator(needs=lambda period: period + 1)
def momentum(series: CandleSeries, period: int = 10) -> Floats:
    """Return by how much the close is above that of ``period`` candles ago, quote per base.

    Known from ``period + 1`` candles on.
    """
    return talib.MOM(series.close, period)


@indicator(needs=lambda period: period + 1)
def rate_of_change_pct(series: CandleSeries, period: int = 10) -> Floats:
    """Return by how much the close is above that of ``period`` candles ago, in percent of it.

    Known from ``period + 1`` candles on.
    """
    return talib.ROC(series.close, period)


@indicator(needs=lambda period: period)
def cci(series: CandleSeries, period: int = 20) -> Floats:
    """Return the commodity channel index: the typical price's distance from its mean in 0.015 mean deviations.

    About -100 to 100 in three candles of four; 0 where nothing moved. Known from ``period`` candles on.
    Donald Lambert, Commodities, 1980.
    """
    typical = talib.TYPPRICE(series.high, series.low, series.close)
    is_flat = talib.MAX(typical, period) == talib.MIN(typical, period)
    return np.where(is_flat, 0.0, talib.CCI(series.high, series.low, series.close, period))


@indicator(needs=lambda period: period)
def williams_r(series: CandleSeries, period: int = 14) -> Floats:
    """Return how far the close is below the highest high, in percent of the range; -100 (lowest) to 0 (highest).

    -50 where the range is empty. Known from ``period`` candles on. Larry Williams, 1973.
    """
    return _place(series.close, series.high, series.low, period) - 100


def crossings(first: Floats, second: Floats, rounding: float = 0.0) -> Floats:
    """Return 1 where ``first`` has come above ``second`` since the candle before, -1 where below, else 0.

    A distance of at most ``rounding`` is none. NaN where either of the two is not known at both candles.
    """
    side = _side(first - second, rounding)
    before, now = side[:-1], side[1:]
    crossing = np.where((before <= 0) & (now > 0), 1.0, np.where((before >= 0) & (now < 0), -1.0, 0.0))
    return aligned(np.where(np.isnan(before + now), np.nan, crossing), len(first))


def divergence(low: Floats, high: Floats, oscillator: Floats, period: int = 14) -> int | None:
    """Return 1 where prices made a lower low and the oscillator a higher one (bullish), -1 mirrored, else 0.

    The lows (and highs) of the last ``period`` candles are compared with those of the ``period`` before; where
    both happen, 0. None where any of these ``2 period`` values is unknown.
    """
    if len(oscillator) < 2 * period or np.isnan(oscillator[-2 * period :]).any():
        return None
    then, now = slice(-2 * period, -period), slice(-period, None)
    is_bullish = low[now].min() < low[then].min() and oscillator[now].min() > oscillator[then].min()
    is_bearish = high[now].max() > high[then].max() and oscillator[now].max() < oscillator[then].max()
    return int(is_bullish) - int(is_bearish)


def _side(distance: Floats, rounding: Floats | float) -> Floats:
    return np.where(np.abs(distance) <= rounding, 0.0, np.sign(distance))


def _strength(closes: Floats, period: int) -> Floats:
    strength = talib.RSI(closes, period)
    # TA-Lib says 0, as if all had fallen, until something moves.
    has_moved = np.maximum.accumulate(closes) != np.minimum.accumulate(closes)
    return np.where(has_moved | np.isnan(strength), strength, 50.0)


def _place(values: Floats, highs: Floats, lows: Floats, period: int) -> Floats:
    lowest, highest = talib.MIN(lows, period), talib.MAX(highs, period)
    span = highest - lowest
    # An RSI at rest keeps trembling in its last digit.
    span[span <= ROUNDING * np.abs(highest)] = 0.0
    return quotient(100 * (values - lowest), span, otherwise=50.0)


def _averaged(place: Floats, period: int) -> Floats:
    # A rolling sum may end a rounding beyond what it is made of.
    return np.clip(talib.SMA(place, period), 0.0, 100.0)
