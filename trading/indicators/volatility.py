"""Volatility: how much prices move, whichever way."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import numpy as np
import talib

from trading.candles import CandleSeries, Floats
from trading.indicators.definition import indicator, quotient


class Volatility(StrEnum):
    """What a market's volatility is called."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    EXTREME = "extreme"


class VolatilityBounds(NamedTuple):
    """Where each kind of volatility begins; by default for percent per minute candle."""

    medium: float = 0.3
    high: float = 0.8
    extreme: float = 1.5


MINUTE_BOUNDS = VolatilityBounds()


@indicator(needs=lambda: 2)
def true_range(series: CandleSeries) -> Floats:
    """Return how far prices went since the close before: from the lowest to the highest, that close included.

    Quote per base, never negative. Known from two candles on. Wilder, 1978.
    """
    return talib.TRANGE(series.high, series.low, series.close)


@indicator(needs=lambda period: period + 1)
def atr(series: CandleSeries, period: int = 14) -> Floats:
    """Return Wilder's average of the true ranges, seeded with the mean of the first ``period``; quote per base.

    Known from ``period + 1`` candles on. Wilder, New Concepts in Technical Trading Systems, 1978.
    """
    return talib.ATR(series.high, series.low, series.close, period)


@indicator(needs=lambda period: period + 1)
def atr_pct(series: CandleSeries, period: int = 14) -> Floats:
    """Return the average true range in percent of the close.

    Known from ``period + 1`` candles on.
    """
    return quotient(100 * atr(series, period), series.close)


@indicator(needs=lambda period: period + 1)
def volatility_series_pct(series: CandleSeries, period: int = 20) -> Floats:
    """Return the population deviation of the last ``period`` simple returns at each candle, in percent.

    Known from ``period + 1`` candles on; ``movement.volatility_pct`` is its newest value.
    """
    return 100 * talib.STDDEV(talib.ROCP(series.close, 1), period)


@indicator(needs=lambda period: period + 1)
def choppiness(series: CandleSeries, period: int = 14) -> Floats:
    """Return how much of its way the market walked in vain, 0 (one straight line) to 100 (on the spot).

    100 log10(sum of true ranges / whole range) / log10(period): above 61.8 choppy, below 38.2 trending; 50
    where the range is empty. ``period`` is at least two. Known from ``period + 1`` candles on. Bill Dreiss, 1993.
    """
    walked = talib.SUM(true_range(series), period)
    whole = talib.MAX(series.high, period) - talib.MIN(series.low, period)
    # At least 1: the ranges cover what they span, and a rolling sum may fall short of it by its rounding.
    in_vain = np.maximum(quotient(walked, whole, otherwise=np.sqrt(period)), 1.0)
    return np.where(np.isnan(walked), np.nan, np.minimum(100 * np.log10(in_vain) / np.log10(period), 100.0))


def volatility_kind(volatility: float, bounds: VolatilityBounds = MINUTE_BOUNDS) -> Volatility:
    """Return what a volatility is called; each bound belongs to the kind above it.

    In the unit of the bounds: percent per candle by default.
    """
    kinds = zip(bounds, Volatility, strict=False)
    return next((kind for bound, kind in kinds if volatility < bound), Volatility.EXTREME)
