"""Moving averages, and the momentum and bands that are built on them."""

from __future__ import annotations

from collections.abc import Callable
from math import isnan, nan
from typing import NamedTuple

import numpy as np
import talib

from trading.candles import CandleSeries, Floats


class Bands(NamedTuple):
    """Bollinger bands at the newest candle, quote per base."""

    upper: float
    middle: float
    lower: float


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
    # Asked for at every frame by nearly every strategy: found before anything is made ready to compute it.
    values: Floats | None = series.memo.get(("ema", period))
    if values is None:
        values = remembered(series, ("ema", period), lambda: talib.EMA(series.close, period))
    return values


def sma(series: CandleSeries, period: int) -> Floats:
    """Return the simple average of the last ``period`` closes."""
    return remembered(series, ("sma", period), lambda: talib.SMA(series.close, period))


def rsi(series: CandleSeries, period: int = 14) -> Floats:
    """Return Wilder's relative strength index of the closes, 0 to 100."""
    return remembered(series, ("rsi", period), lambda: talib.RSI(series.close, period))


def adx(series: CandleSeries, period: int = 14) -> Floats:
    """Return Wilder's average directional index, 0 to 100."""
    return remembered(series, ("adx", period), lambda: talib.ADX(series.high, series.low, series.close, period))


def bollinger(series: CandleSeries, period: int = 20, deviations: float = 2.0) -> Bands | None:
    """Return the newest bands: average plus and minus population deviations; None while too short."""
    if len(series) < period:
        return None
    closes = series.close[-period:]
    middle, width = float(closes.mean()), deviations * float(closes.std())
    return Bands(middle + width, middle, middle - width)


def newest(values: Floats) -> float | None:
    """Return the last value, None when there is none or it is not known yet."""
    value = float(values[-1]) if len(values) else nan
    return None if isnan(value) else value
