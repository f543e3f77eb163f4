"""The market's regime: whether bulls or bears lead, how clearly, and how wild it is.

A function of closed candles alone: a replay, a restart and another worker find the same. What
it remembers, so that a state is not left for a whim, it recalls by folding over the last
``memory`` candles each time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
import talib

from trading.candles import TIMEFRAME_MINUTES, CandleSeries, Floats
from trading.indicators.averages import rsi
from trading.indicators.definition import indicator, quotient
from trading.indicators.oscillators import macd
from trading.indicators.trend import AdxStrength, adx_strength, directional_movement, ma_alignment
from trading.indicators.volatility import Volatility, atr, choppiness, volatility_series_pct
from trading.market_snapshot import MarketSnapshot

CHOPPY, TRENDING = 61.8, 38.2  # choppiness above and below which there is no doubt
STRONG_ADX = 40.0  # which counts as the strongest trend
RSI_SWING = 20.0  # points from 50 that count as the strongest momentum

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Candles = Annotated[int, msgspec.Meta(ge=2, le=500)]


class MarketTrend(StrEnum):
    """Who leads, from the most bearish to the most bullish."""

    STRONG_BEAR = "strong bear"
    BEAR = "bear"
    SIDEWAYS = "sideways"
    BULL = "bull"
    STRONG_BULL = "strong bull"


class Components(NamedTuple):
    """What the score is made of, each -1 (bears) to 1 (bulls)."""

    direction: float
    strength: float
    rsi: float
    macd: float
    volume: float


class RegimeRules(msgspec.Struct, frozen=True, kw_only=True):
    """What a regime is made of, and when it changes. Weights are relative: they need not add up to one."""

    direction_weight: Share = 0.35  # order of close and averages (``ma_alignment``)
    strength_weight: Share = 0.2  # ADX, in the direction of the greater DI
    rsi_weight: Share = 0.15  # RSI's distance from 50
    macd_weight: Share = 0.15  # MACD line in average true ranges
    volume_weight: Share = 0.15  # volume of rising candles less that of falling ones
    choppiness_damping: Share = 0.4  # of the score, taken away where the market walks on the spot
    volatility_damping: Share = 0.2  # of the score, taken away where volatility is extreme
    bull: Share = 0.25  # score from which bulls lead; bears below its negative
    strong: Share = 0.6  # score from which they lead strongly
    margin: Share = 0.1  # by which a score must pass a bound to leave a state at once,
    confirmations: Candles = 3  # or that many candles in a row in which it is beyond it
    medium: float = 0.6  # volatility over its own average from which it is medium,
    high: float = 1.5  # high,
    extreme: float = 2.5  # extreme
    short: Candles = 20  # averages whose order counts
    middle: Candles = 50
    long: Candles = 200
    period: Candles = 14  # of RSI, ADX, ATR and choppiness
    window: Candles = 20  # of volatility and volume
    baseline: Candles = 100  # candles of which volatility's own average is made
    memory: Candles = 200  # over which states are folded

    @property
    def weights(self) -> Components:
        """The weight of each component."""
        return Components(
            self.direction_weight, self.strength_weight, self.rsi_weight, self.macd_weight, self.volume_weight
        )

    def __post_init__(self) -> None:
        """Refuse rules that say nothing.

        Raises:
            ValueError: no weight, or bounds that do not rise.
        """
        if not any(self.weights):
            raise ValueError("all five weights of the regime are 0: one at least must be above")
        if not 0 < self.bull < self.strong:
            raise ValueError(f"bull is {self.bull} and strong {self.strong}: they must rise from above 0")
        if not 0 < self.medium < self.high < self.extreme or self.extreme <= 1:
            raise ValueError(
                f"medium, high and extreme are {self.medium}, {self.high} and {self.extreme}: "
                "they must rise from above 0, and extreme be above 1"
            )


@dataclass(frozen=True, slots=True)
class Regime:
    """The state of a market at the newest candle of a timeframe."""

    timeframe: str
    trend: MarketTrend
    trend_strength: AdxStrength
    volatility: Volatility
    score: float  # -1 to 1
    confidence: float  # 0 to 1: the weight that speaks for this trend, less where the market is choppy or wild
    components: Components


class _Course(NamedTuple):
    """Candle by candle, the newest last, as far as all is known."""

    components: Floats  # one a row, in the order of Components
    clarity: Floats  # what choppiness and volatility leave of the score, 0 to 1
    relative_volatility: Floats


DEFAULT_RULES = RegimeRules()


def _needs(rules: RegimeRules) -> int:
    return max(rules.short, rules.middle, rules.long, rules.window + rules.baseline, 2 * rules.period, 26)


@indicator(needs=_needs)
def regime(series: CandleSeries, rules: RegimeRules = DEFAULT_RULES) -> Regime | None:
    """Return the regime at the newest candle; None while any part of it is unknown.

    The score is the weighted mean of direction, strength, momentum and volume, damped where the market is
    choppy or wild. Known from 200 candles on by default: those of the longest average.
    """
    course = _course(series, rules)
    if len(course.clarity) == 0:
        return None
    weights = np.array(rules.weights)
    scores = (weights[:, None] * course.components).sum(axis=0) / weights.sum() * course.clarity
    bounds = (-rules.strong, -rules.bull, rules.bull, rules.strong)
    trend = tuple(MarketTrend)[_held(scores.tolist(), bounds, rules.margin, rules.confirmations)]
    kinds = (rules.medium, rules.high, rules.extreme)
    wildness = _held(course.relative_volatility.tolist(), kinds, rules.margin, rules.confirmations)
    newest = Components(*course.components[:, -1].tolist())
    return Regime(
        series.timeframe,
        trend,
        adx_strength(float(directional_movement(series, rules.period).adx[-1])),
        tuple(Volatility)[wildness],
        float(scores[-1]),
        _agreement(newest, trend, rules) * float(course.clarity[-1]),
        newest,
    )


def regime_at(
    data: MarketSnapshot, symbol: str, timeframes: Iterable[str], rules: RegimeRules = DEFAULT_RULES
) -> Regime | None:
    """Return the symbol's regime at the longest of the timeframes that has the candles for it; None while none has.

    Raises:
        UnknownSymbol: no such symbol, or no such timeframe.
    """
    candles = [data.candles(symbol, timeframe) for timeframe in timeframes]
    for series in sorted(candles, key=lambda series: TIMEFRAME_MINUTES[series.timeframe], reverse=True):
        found = regime(series, rules)
        if found is not None:
            return found
    return None


def _course(series: CandleSeries, rules: RegimeRules) -> _Course:
    moves = directional_movement(series, rules.period)
    adx_share = np.minimum(moves.adx / STRONG_ADX, 1.0)
    in_ranges = quotient(macd(series).line, atr(series, rules.period), otherwise=0.0)
    components = np.vstack(
        [
            ma_alignment(series, rules.short, rules.middle, rules.long),
            np.sign(moves.plus_di - moves.minus_di) * adx_share,
            np.clip((rsi(series, rules.period) - 50) / RSI_SWING, -1.0, 1.0),
            np.clip(in_ranges, -1.0, 1.0),
            _volume_balance(series, rules.window),
        ]
    )
    volatility = volatility_series_pct(series, rules.window)
    relative = quotient(volatility, talib.SMA(volatility, rules.baseline), otherwise=0.0)
    choppy = np.clip((choppiness(series, rules.period) - TRENDING) / (CHOPPY - TRENDING), 0.0, 1.0)
    wild = np.clip((relative - 1) / (rules.extreme - 1), 0.0, 1.0)
    clarity = (1 - rules.choppiness_damping * choppy) * (1 - rules.volatility_damping * wild)
    known = np.flatnonzero(~np.isnan(components.sum(axis=0) + clarity))[-rules.memory :]
    return _Course(components[:, known], clarity[known], relative[known])


def _volume_balance(series: CandleSeries, window: int) -> Floats:
    """Return (volume of candles that closed higher - lower) / all of the last ``window``; 0 without volume."""
    signed = np.sign(np.diff(series.close, prepend=series.close[:1])) * series.volume
    total = talib.SUM(series.volume, window)
    # A rolling sum of nothing keeps the rounding of what has left it.
    total = np.where(talib.MAX(series.volume, window) == 0, 0.0, total)
    return np.clip(quotient(talib.SUM(signed, window), total, otherwise=0.0), -1.0, 1.0)


def _held(scores: Sequence[float], bounds: Sequence[float], margin: float, confirmations: int) -> int:
    """Return between which bounds the last score counts as being, though it may have strayed a little."""
    held = bisect_right(bounds, scores[0])
    strayed = 0
    for score in scores:
        now = bisect_right(bounds, score)
        if now == held:
            strayed = 0
            continue
        strayed += 1
        passed_by = score - bounds[held] if now > held else bounds[held - 1] - score
        if passed_by >= margin or strayed >= confirmations:
            held, strayed = now, 0
    return held


def _agreement(components: Components, trend: MarketTrend, rules: RegimeRules) -> float:
    """Return the share of the weight that would by itself say the same: up, down or neither."""
    side = np.sign(tuple(MarketTrend).index(trend) - tuple(MarketTrend).index(MarketTrend.SIDEWAYS))
    agreeing = sum(
        weight
        for weight, value in zip(rules.weights, components, strict=True)
        if (value >= rules.bull) - (value < -rules.bull) == side
    )
    return agreeing / sum(rules.weights)
