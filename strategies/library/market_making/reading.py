"""What the newest candle of a minute shows."""

from __future__ import annotations

from typing import Any, NamedTuple

from trading.indicators.movement import correlation, slope_pct, volatility_pct
from trading.snapshot import DataSnapshot

from .._rules.looks import look_once
from .config import Config


class Reading(NamedTuple):
    """None where too little is known."""

    volatility_pct: float | None  # deviation of a minute's returns
    slope_pct: float | None  # per candle
    steep_candles: int  # in a row, up to the newest: below zero while they fall
    threshold: float  # multiplier of spread and threshold
    size: float  # multiplier of a quote
    is_paused: bool
    is_decoupled: bool


def read(data: DataSnapshot, symbol: str, config: Config, state: dict[str, Any]) -> Reading:
    """Return what the candles show, each counted once."""
    series = data.candles(symbol, "1m")

    def look() -> Reading:
        regime, slope = config.volatility.at(series), slope_pct(series, config.trend_candles)
        steep = state.setdefault("steep", {})
        steep[symbol] = _steep_candles(steep.get(symbol, 0), slope, config.trend_slope_pct)
        return Reading(
            volatility_pct(series, config.volatility.candles),
            slope,
            steep[symbol],
            regime.threshold,
            regime.size,
            regime.is_paused,
            _is_decoupled(data, symbol, config),
        )

    return look_once(symbol, series.version, state, Reading, look)


def _steep_candles(before: int, slope: float | None, threshold_pct: float) -> int:
    if slope is None or abs(slope) <= threshold_pct:
        return 0
    way = 1 if slope > 0 else -1
    return before + way if before * way > 0 else way


def _is_decoupled(data: DataSnapshot, symbol: str, config: Config) -> bool:
    legs = [f"{coin}/USD" for coin in symbol.split("/")]
    if not config.needs_correlation or symbol != "XRP/BTC" or not set(legs) <= set(data.instruments):
        return False
    first, second = (data.candles(leg, "1m") for leg in legs)
    together = correlation(first, second, config.correlation_candles)
    return together is not None and together < config.correlation_least
