"""Bands and channels: how far from its middle a price usually goes, and the cloud of an Ichimoku chart."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import talib

from trading.candles import CandleSeries, Floats
from trading.indicators.definition import indicator


class Bands(NamedTuple):
    """Bollinger bands at the newest candle, quote per base."""

    upper: float
    middle: float
    lower: float


class Channel(NamedTuple):
    """A line and what lies above and below it, quote per base."""

    upper: Floats
    middle: Floats
    lower: Floats


class Ichimoku(NamedTuple):
    """The five lines as they stand at each candle, quote per base: none knows of a later one."""

    conversion: Floats
    base: Floats
    leading_a: Floats  # the cloud's edges at this candle, drawn ``displacement`` candles ago
    leading_b: Floats
    lagging: Floats  # the close of ``displacement`` candles ago, which the newest is compared with


@indicator(needs=lambda period: period)
def bollinger(series: CandleSeries, period: int = 20, deviations: float = 2.0) -> Bands | None:
    """Return the newest bands: average plus and minus population deviations; None below ``period`` candles.

    Quote per base. John Bollinger, 1980s.
    """
    if len(series) < period:
        return None
    closes = series.close[-period:]
    middle, width = float(closes.mean()), deviations * float(closes.std())
    return Bands(middle + width, middle, middle - width)


@indicator(needs=lambda period: period)
def bollinger_series(series: CandleSeries, period: int = 20, deviations: float = 2.0) -> Channel:
    """Return the bands at each candle: average of the closes plus and minus population deviations.

    Quote per base. Known from ``period`` candles on.
    """
    return Channel(*talib.BBANDS(series.close, period, deviations, deviations))


@indicator(needs=lambda period, atr_period: max(period, atr_period + 1))
def keltner(series: CandleSeries, period: int = 20, atr_period: int = 10, multiplier: float = 2.0) -> Channel:
    """Return the EMA of the closes plus and minus ``multiplier`` average true ranges.

    Quote per base. The middle is known from ``period`` candles on, the edges from ``atr_period + 1`` too.
    Linda Raschke's form of Chester Keltner's channel of 1960.
    """
    middle = talib.EMA(series.close, period)
    width = multiplier * talib.ATR(series.high, series.low, series.close, atr_period)
    return Channel(middle + width, middle, middle - width)


@indicator(needs=lambda period: period)
def donchian(series: CandleSeries, period: int = 20) -> Channel:
    """Return highest high, lowest low and their middle of the last ``period`` candles, the newest included.

    Quote per base; a breakout is a price beyond the channel of the candle before. Known from ``period``
    candles on. Richard Donchian, 1960s.
    """
    return Channel(*talib.DONCHIAN(series.high, series.low, period))


@indicator(needs=lambda slow, displacement: slow + displacement)
def ichimoku(series: CandleSeries, fast: int = 9, middle: int = 26, slow: int = 52, displacement: int = 26) -> Ichimoku:
    """Return the lines of an Ichimoku chart: middles of the high-low ranges of three periods.

    Quote per base. Charts draw the leading lines ahead and the lagging one back; here each candle holds what
    stands over it: the leading lines of ``displacement`` candles ago, and the close of then. All lines are
    known from ``slow + displacement`` candles on. Goichi Hosoda, 1969.
    """
    conversion, base, widest = (talib.MIDPRICE(series.high, series.low, period) for period in (fast, middle, slow))
    return Ichimoku(
        conversion,
        base,
        _later((conversion + base) / 2, displacement),
        _later(widest, displacement),
        _later(series.close, displacement),
    )


def _later(values: Floats, by: int) -> Floats:
    shifted = np.full(len(values), np.nan)
    shifted[by:] = values[: max(0, len(values) - by)]
    return shifted
