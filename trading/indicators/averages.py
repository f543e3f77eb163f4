"""Moving averages of the closes, and candles that are averages themselves."""

from __future__ import annotations

from collections.abc import Callable
from math import isnan, nan
from typing import NamedTuple

import numpy as np
import talib

from trading.candles import CandleSeries, Floats
from trading.indicators.bands import Bands, bollinger
from trading.indicators.definition import indicator, register
from trading.indicators.oscillators import rsi
from trading.indicators.trend import adx

__all__ = [
    "AveragedCandles",
    "Bands",
    "adx",
    "bollinger",
    "dema",
    "ema",
    "heikin_ashi",
    "hma",
    "newest",
    "remembered",
    "rma",
    "rsi",
    "sma",
    "wma",
]


class AveragedCandles(NamedTuple):
    """Open, high, low and close of averaged candles, quote per base."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats


def remembered(series: CandleSeries, key: tuple[object, ...], compute: Callable[[], Floats]) -> Floats:
    """Return ``compute()``, computed once for this version of the series and shared read-only."""
    values = series.memo.get(key)
    if values is None:
        values = compute()
        values.flags.writeable = False
        series.memo[key] = values
    assert isinstance(values, np.ndarray), "memo keys name their indicator"
    return values


def ema(series: CandleSeries, period: int) -> Floats:
    """Return the exponential average of the closes, seeded with the simple one, factor 2 / (period + 1)."""
    # Read at every frame by nearly every strategy: found before anything is made ready to compute it.
    values: Floats | None = series.memo.get(("ema", period))
    if values is None:
        values = remembered(series, ("ema", period), lambda: talib.EMA(series.close, period))
    return values


register(ema, needs=lambda period: period)


@indicator(needs=lambda period: period)
def sma(series: CandleSeries, period: int) -> Floats:
    """Return the simple average of the last ``period`` closes, quote per base.

    Known from ``period`` candles on.
    """
    return talib.SMA(series.close, period)


@indicator(needs=lambda period: period)
def wma(series: CandleSeries, period: int) -> Floats:
    """Return the average of the last ``period`` closes weighted 1, 2, ... ``period``, the newest most; quote per base.

    Known from ``period`` candles on.
    """
    return talib.WMA(series.close, period)


@indicator(needs=lambda period: period)
def rma(series: CandleSeries, period: int) -> Floats:
    """Return Wilder's average of the closes: seeded with the simple one, factor 1 / ``period``; quote per base.

    Known from ``period`` candles on. Wilder, New Concepts in Technical Trading Systems, 1978.
    """
    return talib.RMA(series.close, period)


@indicator(needs=lambda period: period + int(period**0.5) - 1)
def hma(series: CandleSeries, period: int) -> Floats:
    """Return Hull's average: the WMA over √period of twice the WMA of half the period less that of the whole one.

    Quote per base; half and root are rounded down. Known from ``period + √period - 1`` candles on. Alan Hull, 2005.
    """
    return talib.HMA(series.close, period)


@indicator(needs=lambda period: 2 * period - 1)
def dema(series: CandleSeries, period: int) -> Floats:
    """Return the double exponential average: twice the EMA less the EMA of the EMA; quote per base.

    Known from ``2 period - 1`` candles on. Patrick Mulloy, Technical Analysis of Stocks & Commodities, 1994.
    """
    return talib.DEMA(series.close, period)


@indicator(needs=lambda: 1)
def heikin_ashi(series: CandleSeries) -> AveragedCandles:
    """Return averaged candles: the close is the mean of the four prices, the open the middle of the candle before.

    Quote per base; high and low reach at least as far as open and close. Known from the first candle on, whose
    open is the middle of its own open and close; what that weighs halves with every candle.
    """
    return AveragedCandles(*talib.HA(series.open, series.high, series.low, series.close))


def newest(values: Floats) -> float | None:
    """Return the last value, None when there is none or it is not known yet."""
    value = float(values[-1]) if len(values) else nan
    return None if isnan(value) else value
