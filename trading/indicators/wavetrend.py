"""WaveTrend: a smoothed channel index, and where it crosses its own average."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import talib

from trading.candles import CandleSeries, Floats
from trading.indicators.definition import ROUNDING, indicator, quotient
from trading.indicators.oscillators import crossings


class WaveTrend(NamedTuple):
    """The oscillator, its average, and where it crosses it: 1 upwards, -1 downwards, else 0."""

    wt1: Floats
    wt2: Floats
    crossing: Floats


@indicator(needs=lambda channel, average, smooth: 2 * channel + average + smooth - 2)
def wavetrend(series: CandleSeries, channel: int = 10, average: int = 21, smooth: int = 4) -> WaveTrend:
    """Return the EMA over ``average`` of the typical price's distance from its EMA over ``channel``, and its crossings.

    The distance is in 0.015 of its own mean size, itself an EMA over ``channel``: about -100 to 100, and 0
    where nothing moved. wt2 is the SMA of wt1 over ``smooth``. wt1 is known from ``2 channel + average - 2``
    candles on, wt2 ``smooth - 1`` later, a crossing one after that. LazyBear, after the CCI of Donald Lambert.
    """
    typical = talib.TYPPRICE(series.high, series.low, series.close)
    middle = talib.EMA(typical, channel)
    usual = talib.EMA(np.abs(typical - middle), channel)
    size = np.where(usual <= ROUNDING * np.abs(middle), 0.0, usual)
    wt1 = talib.EMA(quotient(typical - middle, 0.015 * size, otherwise=0.0), average)
    wt2 = talib.SMA(wt1, smooth)
    return WaveTrend(wt1, wt2, crossings(wt1, wt2, rounding=1e-9))
