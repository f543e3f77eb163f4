"""Trends: whether there is one, which way it goes, how strong it is and where it would end."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import numpy as np
import talib

from trading.candles import CandleSeries, Floats
from trading.indicators.definition import indicator, quotient


class AdxStrength(StrEnum):
    """What an ADX is called."""

    ABSENT = "absent"  # below 15
    WEAK = "weak"  # below 20
    EMERGING = "emerging"  # below 25
    STRONG = "strong"  # below 40
    VERY_STRONG = "very strong"


class DirectionalMovement(NamedTuple):
    """Strength of the trend and the movements up and down that it is made of, each 0 to 100."""

    adx: Floats
    plus_di: Floats
    minus_di: Floats


class Supertrend(NamedTuple):
    """The line that a close must pass to end the trend, quote per base, and the trend: 1 up, -1 down."""

    line: Floats
    direction: Floats


class Aroon(NamedTuple):
    """How recent the highest high and the lowest low are, 100 is now, and the first less the second."""

    up: Floats
    down: Floats
    oscillator: Floats


class OneWay(NamedTuple):
    """The share of the last moves that went the way most of them went, 0 to 1; direction 1 up, -1 down, 0 neither."""

    share: float
    direction: int
    is_strong: bool


@indicator(needs=lambda period: 2 * period)
def directional_movement(series: CandleSeries, period: int = 14) -> DirectionalMovement:
    """Return ADX, +DI and -DI: each movement beyond the last candle as percent of the true range.

    Movements and ranges are Wilder's averages, each seeded with the mean of its first ``period``; the ADX is
    Wilder's average of the DIs' distance as percent of their sum. 0 to 100; all 0 while nothing moves. The DIs
    are known from ``period + 1`` candles on, the ADX from ``2 period``. Wilder, New Concepts in Technical
    Trading Systems, 1978.
    """
    # TA-Lib's own ADX seeds its sums with one movement too few; the difference outlasts the warm-up.
    up, down = np.diff(series.high, prepend=np.nan), -np.diff(series.low, prepend=np.nan)
    rises = np.where((up > down) & (up > 0), up, 0.0)
    falls = np.where((down > up) & (down > 0), down, 0.0)
    rises[:1] = falls[:1] = np.nan
    span = talib.ATR(series.high, series.low, series.close, period)
    plus = quotient(100 * talib.RMA(rises, period), span, otherwise=0.0)
    minus = quotient(100 * talib.RMA(falls, period), span, otherwise=0.0)
    one_sided = quotient(100 * np.abs(plus - minus), plus + minus, otherwise=0.0)
    return DirectionalMovement(talib.RMA(one_sided, period), plus, minus)


@indicator(needs=lambda period: 2 * period)
def adx(series: CandleSeries, period: int = 14) -> Floats:
    """Return Wilder's average directional index, 0 to 100: the strength of a trend, whichever way it goes.

    Known from ``2 period`` candles on; defined with ``directional_movement``.
    """
    return directional_movement(series, period).adx


def adx_strength(adx_value: float) -> AdxStrength:
    """Return what an ADX is called: below 15 absent, 20 weak, 25 emerging, 40 strong."""
    bounds = zip((15, 20, 25, 40), AdxStrength, strict=False)
    return next((label for bound, label in bounds if adx_value < bound), AdxStrength.VERY_STRONG)


@indicator(needs=lambda short, middle, long: max((short, middle, long)))
def ma_alignment(series: CandleSeries, short: int = 20, middle: int = 50, long: int = 200) -> Floats:
    """Return in which order close and simple averages stand, -1 (perfect bear) to 1 (perfect bull).

    1 where close > short > middle > long. Else, where middle > long: 0.7 with the close above the middle one, 0.4
    above the long one, 0.1 below both. Mirrored for bears; 0 where middle and long are equal. Known from as many
    candles on as the longest of them averages.
    """
    close = series.close
    fast, half, slow = (talib.SMA(close, period) for period in (short, middle, long))
    bull = np.select([(close > fast) & (fast > half), close > half, close > slow], [1.0, 0.7, 0.4], 0.1)
    bear = np.select([(close < fast) & (fast < half), close < half, close < slow], [-1.0, -0.7, -0.4], -0.1)
    rounding = 1e-12 * np.abs(slow)
    score = np.where(half - slow > rounding, bull, np.where(slow - half > rounding, bear, 0.0))
    return np.where(np.isnan(slow + half + fast), np.nan, score)


@indicator(needs=lambda period: period + 1)
def supertrend(series: CandleSeries, period: int = 10, multiplier: float = 3.0) -> Supertrend:
    """Return the stop line that follows the trend ``multiplier`` ATRs behind the middle of the candles.

    The line never moves back while the trend lasts; a close beyond it reverses the trend. Known from
    ``period + 1`` candles on, where the trend is taken to go up: only after the first reversal is the
    direction a finding. Olivier Seban.
    """
    line, direction = talib.SUPERTREND(series.high, series.low, series.close, period, multiplier)
    return Supertrend(line, np.where(np.isnan(line), np.nan, direction))


@indicator(needs=lambda: 2)
def parabolic_sar(series: CandleSeries, acceleration: float = 0.02, maximum: float = 0.2) -> Floats:
    """Return the stop and reverse price of each candle: below it in a rising trend, above it in a falling one.

    Quote per base. It approaches the trend's extreme by ``acceleration`` for each new one, at most by
    ``maximum``. Known from two candles on. Wilder, New Concepts in Technical Trading Systems, 1978.
    """
    return talib.SAR(series.high, series.low, acceleration, maximum)


@indicator(needs=lambda period: period + 1)
def aroon(series: CandleSeries, period: int = 14) -> Aroon:
    """Return 100 (period - age) / period of highest high and lowest low among the last ``period + 1`` candles.

    0 to 100; of equal extremes the newest counts. Known from ``period + 1`` candles on. Tushar Chande, 1995.
    """
    down, up = talib.AROON(series.high, series.low, period)
    return Aroon(up, down, up - down)


@indicator(needs=lambda period: period + 1)
def trend_strength(series: CandleSeries, period: int = 10, threshold: float = 0.7) -> OneWay | None:
    """Return which way most of the last ``period`` closes went, and whether ``threshold`` of them did.

    A close that equals the one before went neither way. None below ``period + 1`` candles.
    """
    if len(series) <= period:
        return None
    moves = np.sign(np.diff(series.close[-period - 1 :]))
    ups, downs = int((moves > 0).sum()), int((moves < 0).sum())
    share = max(ups, downs) / period
    return OneWay(share, (ups > downs) - (ups < downs), ups != downs and share >= threshold)
