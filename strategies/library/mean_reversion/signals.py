"""When to enter and when to leave."""

from __future__ import annotations

from typing import Any, NamedTuple

from trading.book import Side
from trading.indicators.averages import Bands, adx, bollinger, newest, rsi
from trading.indicators.flow import TradeFlow, vwap_at
from trading.indicators.movement import correlation, slope_pct
from trading.portfolio import Holding
from trading.signals import NoSignal, Signal
from trading.snapshot import DataSnapshot

from .._rules.cooldown import begin_cooldown, is_cooling
from .._rules.holding import enter, is_leaving, leave, side_of
from .._rules.volatility import Regime
from .config import Config, Numbers

NEUTRAL_RSI = (40, 60)


class _Reading(NamedTuple):
    price: float
    deviation_pct: float
    rsi: float
    bands: Bands
    flow: TradeFlow | None

    @property
    def shown(self) -> dict[str, float | None]:
        """What the deployment's page shows of it."""
        return {
            "price": self.price,
            "deviation_pct": self.deviation_pct,
            "rsi": self.rsi,
            "lower_band": self.bands.lower,
            "upper_band": self.bands.upper,
            "flow": self.flow and self.flow.imbalance,
        }


def generate_signal(data: DataSnapshot, config: Config, state: dict[str, Any]) -> Signal | list[NoSignal]:
    """Look at one symbol after the other: leave what is held, or enter; the first signal wins."""
    reasons: list[NoSignal] = []
    for symbol in data.symbols:
        answer = _answer(data, config, state, symbol)
        if isinstance(answer, Signal):
            return answer
        reasons.append(NoSignal(answer.code, answer.detail, symbol))
    return reasons


def _answer(data: DataSnapshot, config: Config, state: dict[str, Any], symbol: str) -> Signal | NoSignal:
    reading = _reading(data, config, symbol)
    if reading is None:
        return NoSignal("warming_up")
    state.setdefault("indicators", {})[symbol] = reading.shown
    own, regime = config.numbers(symbol), config.volatility.at(data.candles(symbol, "1m"))
    stretched = _stretched(reading, config, own, own.deviation_pct * regime.threshold)
    is_trending = _is_trending(data, config, state, symbol)
    holding = data.portfolio.position(symbol)
    if is_leaving(data, symbol):
        return NoSignal("leaving")
    if holding is not None and (exit_signal := _exit(data, config, state, holding, stretched)):
        return exit_signal
    hindrance = _hindrance(data, config, state, symbol, regime) or ("trending_market" if is_trending else "")
    if hindrance:
        return NoSignal(hindrance)
    return _entry(data, config, state, symbol, reading, own, regime, stretched)


def _reading(data: DataSnapshot, config: Config, symbol: str) -> _Reading | None:
    series = data.candles(symbol, "5m")
    bands = bollinger(series, config.average_candles, config.band_deviations)
    strength = newest(rsi(series, config.rsi_candles))
    if bands is None or strength is None:
        return None
    price = data.price(symbol)
    return _Reading(price, (price / bands.middle - 1) * 100, strength, bands, config.flow.at(data, symbol))


def _stretched(reading: _Reading, config: Config, own: Numbers, threshold_pct: float) -> Side | None:
    """Return the side to take against a market that is stretched, None while it is not."""
    near = config.band_tolerance_pct / 100
    is_low = reading.deviation_pct < -threshold_pct and reading.price <= reading.bands.lower * (1 + near)
    if is_low and reading.rsi < own.rsi_oversold:
        return Side.BUY
    is_high = reading.deviation_pct > threshold_pct and reading.price >= reading.bands.upper * (1 - near)
    return Side.SELL if is_high and reading.rsi > own.rsi_overbought else None


def _exit(
    data: DataSnapshot, config: Config, state: dict[str, Any], holding: Holding, stretched: Side | None
) -> Signal | None:
    price, own = data.price(holding.symbol), config.numbers(holding.symbol)
    if config.trailing.is_hit(holding, price, state):
        return leave(holding, reason="fell back from its best", code="trailing_stop_exit")
    if config.decay.is_due(holding, price, own.take_profit_pct, data.time_ns):
        return leave(holding, reason="enough of the target after so long", code="position_decay_exit")
    if stretched is side_of(holding).opposite:
        return leave(holding, reason="stretched beyond the mean on the other side", code="overshoot_exit")
    return None


def _hindrance(data: DataSnapshot, config: Config, state: dict[str, Any], symbol: str, regime: Regime) -> str:
    if config.breaker.is_resting(data.time_ns, state):
        return "circuit_breaker"
    if is_cooling(symbol, config.numbers(symbol).cooldown_s, data.time_ns, state):
        return "time_cooldown"
    if data.portfolio.open_orders(symbol) and data.portfolio.position(symbol) is None:
        return "order_open"
    if regime.is_paused:
        return "regime_pause"
    if config.avoids_strong_trends and (config.adx_everywhere or symbol == "BTC/USD"):
        strength = newest(adx(data.candles(symbol, "5m"), config.adx_candles))
        if strength is not None and strength > config.adx_strong:
            return "strong_trend_adx"
    if config.needs_correlation and symbol == "XRP/BTC" and _is_decoupled(data, config):
        return "low_correlation"
    return ""


def _is_trending(data: DataSnapshot, config: Config, state: dict[str, Any], symbol: str) -> bool:
    """Return whether the slope has been steep for enough candles in a row; each is counted once."""
    series = data.candles(symbol, "5m")
    version, count = state.setdefault("steep", {}).get(symbol, (0, 0))
    if version != series.version:
        slope = slope_pct(series, config.trend_candles)
        count = count + 1 if slope is not None and abs(slope) > config.trend_slope_pct else 0
        state["steep"][symbol] = (series.version, count)
    return config.avoids_trends and count >= config.trend_confirmations


def _is_decoupled(data: DataSnapshot, config: Config) -> bool:
    if not {"XRP/USD", "BTC/USD"} <= set(data.instruments):
        return False
    together = correlation(data.candles("XRP/USD", "5m"), data.candles("BTC/USD", "5m"), config.correlation_candles)
    return together is not None and together < config.correlation_least


def _entry(
    data: DataSnapshot,
    config: Config,
    state: dict[str, Any],
    symbol: str,
    reading: _Reading,
    own: Numbers,
    regime: Regime,
    stretched: Side | None,
) -> Signal | NoSignal:
    side, share, target_pct = stretched, 1.0, own.take_profit_pct
    if side is None:
        average = vwap_at(data, symbol, config.vwap_prints)
        if average is None or not _is_cheap(reading, config, average):
            return NoSignal("no_signal_conditions")
        side, share, target_pct = Side.BUY, config.vwap_size, (average / reading.price - 1) * 100
    if side is Side.SELL and not config.goes_short:
        return NoSignal("no_shorts")
    if not config.flow.agrees(side, reading.flow):
        return NoSignal("trade_flow_not_aligned")
    if refusal := config.fees.refusal(target_pct, 2 * data.portfolio.taker_pct):
        return refusal
    size = config.limits.size(data, symbol, side, own.size_usd * regime.size * share, own.max_position_usd)
    if isinstance(size, NoSignal):
        return size
    begin_cooldown(symbol, data.time_ns, state)
    reason = "stretched below the mean" if side is Side.BUY else "stretched above the mean"
    return enter(
        side,
        symbol,
        size,
        reading.price,
        stop_pct=own.stop_loss_pct,
        target_pct=target_pct,
        reason=reason if stretched else "well below the VWAP",
        code="mean_reversion" if stretched else "vwap_reversion",
    )


def _is_cheap(reading: _Reading, config: Config, average: float) -> bool:
    is_neutral = NEUTRAL_RSI[0] < reading.rsi < NEUTRAL_RSI[1]
    return config.uses_vwap and is_neutral and reading.price < average * (1 - config.vwap_deviation_pct / 100)
