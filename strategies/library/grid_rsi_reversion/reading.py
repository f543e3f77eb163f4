"""What the newest candle shows, and what it does to the size of a bid."""

from __future__ import annotations

from typing import Any, NamedTuple

from trading.indicators.averages import newest
from trading.indicators.oscillators import rsi
from trading.indicators.trend import adx
from trading.indicators.volatility import atr_pct
from trading.indicators.volume import volume_ratio
from trading.snapshot import DataSnapshot

from .._rules.looks import look_once
from .config import Config, Numbers

NEAR_RSI = 10  # points from a zone at which half of what it does is done
ZONE_BOUNDS = (15.0, 85.0)  # beyond which no zone is moved


class Reading(NamedTuple):
    """None where too little is known."""

    rsi: float | None
    atr_pct: float | None
    adx: float | None
    volume_ratio: float | None
    spacing: float  # multiplier of the distance between levels
    size: float  # multiplier of a bid
    is_paused: bool


def read(data: DataSnapshot, symbol: str, config: Config, state: dict[str, Any]) -> Reading:
    """Return what the five-minute candles show."""
    series = data.candles(symbol, "5m")

    def look() -> Reading:
        regime = config.volatility.at(series)
        return Reading(
            newest(rsi(series, config.rsi_candles)),
            newest(atr_pct(series, config.atr_candles)),
            newest(adx(series, config.adx_candles)),
            newest(volume_ratio(series, config.volume_candles)),
            regime.threshold,
            regime.size,
            regime.is_paused,
        )

    return look_once(symbol, series.version, state, Reading, look)


def zones(own: Numbers, config: Config, atr: float) -> tuple[float, float]:
    """Return below which RSI a market is oversold and above which overbought: the livelier, the further out."""
    outwards = min(config.rsi_expansion, 2 * atr)
    low, high = own.rsi_oversold - outwards, own.rsi_overbought + outwards
    return min(own.rsi_oversold, max(low, ZONE_BOUNDS[0])), max(own.rsi_overbought, min(high, ZONE_BOUNDS[1]))


def rsi_size(strength: float, oversold: float, overbought: float, extreme: float) -> float:
    """Return the multiplier of a bid: ``extreme`` while oversold, one by it while overbought, half of it nearby."""
    nearby = (1 + extreme) / 2
    if strength < oversold:
        return extreme
    if strength > overbought:
        return 1 / extreme
    if strength < oversold + NEAR_RSI:
        return nearby
    return 1 / nearby if strength > overbought - NEAR_RSI else 1.0
