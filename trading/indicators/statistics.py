"""Statistics of closes: lines fitted to them, how unusual they are, and what they do together with others."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading.candles import CandleSeries, Floats
from trading.indicators.definition import ROUNDING, aligned, indicator, quotient, windows

SHORTEST_LAG, LONGEST_LAG = 2, 20  # candles over which Hurst's exponent compares how far prices got


class Regression(NamedTuple):
    """The line that fits the last closes best, and how well: 1 is exactly, 0 no better than their mean."""

    slope: Floats  # quote per base and candle
    intercept: Floats  # quote per base, at the oldest of the closes
    r2: Floats


class Drift(StrEnum):
    """Where a correlation is going."""

    IMPROVING = "improving"
    STABLE = "stable"
    DECLINING = "declining"


class CorrelationTrend(NamedTuple):
    """How fast a correlation changes, per candle, and what that is called."""

    slope: float
    drift: Drift


@indicator(needs=lambda period: period)
def linear_regression(series: CandleSeries, period: int = 20) -> Regression:
    """Return the least-squares line through the last ``period`` closes (at least two), as of each candle.

    r2 is NaN where the closes did not move. Known from ``period`` candles on.
    """
    closes = windows(series.close, period)
    steps = np.arange(period) - (period - 1) / 2
    square = float(steps @ steps)
    # Not a matrix product: BLAS adds up one row in another order than many, and a value would change with what follows.
    slope, mean = (closes * steps).sum(axis=1) / square, closes.mean(axis=1)
    whole = np.where(_moved(closes), ((closes - mean[:, None]) ** 2).sum(axis=1), 0.0)
    r2 = np.minimum(quotient(slope**2 * square, whole), 1.0)
    length = len(series)
    return Regression(aligned(slope, length), aligned(mean - slope * (period - 1) / 2, length), aligned(r2, length))


@indicator(needs=lambda period: period)
def z_score(series: CandleSeries, period: int = 20) -> Floats:
    """Return how many population deviations the close is above the mean of the last ``period``, itself included.

    0 where nothing moved. Known from ``period`` candles on.
    """
    closes = windows(series.close, period)
    deviation = np.where(_moved(closes), closes.std(axis=1), 0.0)
    return aligned(quotient(closes[:, -1] - closes.mean(axis=1), deviation, otherwise=0.0), len(series))


def standard_score(value: float, mean: float, deviation: float) -> float:
    """Return how many deviations a value is above a mean; 0 where nothing deviates."""
    return (value - mean) / deviation if deviation else 0.0


@indicator(needs=lambda period: period)
def hurst_exponent(series: CandleSeries, period: int = 128) -> float | None:
    """Return how the last ``period`` prices spread with time: 0.5 as a random walk, more trending, less reverting.

    The slope of log(deviation of the log price's change over a lag) on log(lag), for the lags of 2 to 20
    candles. ``period`` is above 40. None below ``period`` candles, and when some lag never saw a change.
    H. E. Hurst, Transactions of the American Society of Civil Engineers, 1951; by the structure function of
    order two (Di Matteo, Quantitative Finance, 2007).
    """
    if len(series) < period:
        return None
    prices = np.log(series.close[-period:])
    lags = np.arange(SHORTEST_LAG, LONGEST_LAG + 1)
    spread = np.array([(prices[lag:] - prices[:-lag]).std() for lag in lags])
    if spread.min() < ROUNDING:
        return None
    return float(np.polyfit(np.log(lags), np.log(spread), 1)[0])


@indicator(needs=lambda period: period + 1)
def rolling_correlation(first: CandleSeries, second: CandleSeries, period: int = 20) -> Floats:
    """Return Pearson's correlation of the last ``period`` simple returns at each candle of ``first``, -1 to 1.

    Over candles that began together: NaN at those of ``first`` that ``second`` lacks, and where one of the two
    did not move. Known from ``period + 1`` common candles on; ``movement.correlation`` is its newest value.
    """
    result = np.full(len(first), np.nan)
    _, at_first, at_second = np.intersect1d(first.start_ns, second.start_ns, return_indices=True)
    if len(at_first) > period:
        a = windows(_returns(first.close[at_first]), period)
        b = windows(_returns(second.close[at_second]), period)
        result[at_first[period:]] = _pearson(a, b)
    return result


@indicator(needs=lambda period, over: period + over)
def correlation_trend(
    first: CandleSeries, second: CandleSeries, period: int = 20, over: int = 10, threshold: float = 0.01
) -> CorrelationTrend | None:
    """Return the least-squares slope of the last ``over`` correlations, and which way that is beyond ``threshold``.

    Per candle. None unless all ``over`` of them are known, which takes ``period + over`` common candles.
    """
    recent = rolling_correlation(first, second, period)[-over:]
    if len(recent) < over or np.isnan(recent).any():
        return None
    steps = np.arange(over) - (over - 1) / 2
    slope = float(steps @ recent / (steps @ steps))
    if abs(slope) <= threshold:
        return CorrelationTrend(slope, Drift.STABLE)
    return CorrelationTrend(slope, Drift.IMPROVING if slope > 0 else Drift.DECLINING)


def _returns(closes: Floats) -> Floats:
    return np.diff(closes) / closes[:-1]


def _moved(rows: Floats) -> NDArray[np.bool_]:
    return np.asarray(np.ptp(rows, axis=1) > ROUNDING * np.abs(rows).max(axis=1))


def _pearson(a: Floats, b: Floats) -> Floats:
    has_moved = (np.ptp(a, axis=1) > ROUNDING) & (np.ptp(b, axis=1) > ROUNDING)
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    scale = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.clip(quotient((a * b).sum(axis=1), np.where(has_moved, scale, 0.0)), -1.0, 1.0)
