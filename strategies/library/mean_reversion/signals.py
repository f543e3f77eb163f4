"""When to enter and when to leave."""

from __future__ import annotations

from typing import Any, NamedTuple

from trading.indicators.averages import Bands, adx, bollinger, newest, rsi
from trading.indicators.flow import imbalance, vwap
from trading.indicators.movement import correlation, slope_pct, volatility_pct
from trading.portfolio import Holding
from trading.signals import NoSignal, Signal, SizeUnit
from trading.snapshot import DataSnapshot

from .config import Config, SymbolDefaults

MINUTE_NS = 60_000_000_000
BAND_TOLERANCE = 0.005  # the reference enters within half a percent of a band
NEUTRAL_RSI = (40, 60)


class _Regime(NamedTuple):
    threshold: float
    size: float
    is_paused: bool = False


class _Reading(NamedTuple):
    price: float
    deviation_pct: float
    rsi: float
    bands: Bands
    flow: float
    vwap: float | None


def generate_signal(data: DataSnapshot, config: Config, state: dict[str, Any]) -> Signal | NoSignal:
    """Look after what is held first, then look for an entry; the first signal wins."""
    reasons: list[NoSignal] = []
    for symbol in data.symbols:
        holding = data.portfolio.position(symbol)
        leave = _exit(data, config, state, holding) if holding is not None else None
        answer = leave or _entry(data, config, state, symbol)
        if isinstance(answer, Signal):
            return answer
        reasons.append(answer)
    return reasons[0]


def _exit(data: DataSnapshot, config: Config, state: dict[str, Any], holding: Holding) -> Signal | None:
    symbol, price = holding.symbol, data.price(holding.symbol)
    own = config.resolved(symbol)
    best = state["best_price"][symbol] = max(price, state["best_price"].get(symbol, price))
    entry = holding.average_price
    is_armed = config.use_trailing_stop and best >= entry * (1 + config.trailing_activation_pct / 100)
    if is_armed and price <= best * (1 - config.trailing_distance_pct / 100):
        return Signal.sell(symbol, reason="fell back from its best", code="trailing_stop_exit")
    share = _target_share(config, (data.time_ns - holding.opened_ns) / MINUTE_NS)
    if share < 1 and price >= entry * (1 + own.take_profit_pct / 100 * share):
        return Signal.sell(symbol, reason=f"{share:.0%} of the target after a while", code="position_decay_exit")
    reading = _reading(data, config, symbol)
    threshold = own.deviation_pct * _regime(data, config, symbol).threshold
    if reading is not None and _is_overbought(reading, own, threshold, config):
        return Signal.sell(symbol, reason="stretched above the mean", code="overbought_exit")
    return None


def _target_share(config: Config, age_minutes: float) -> float:
    if not config.use_decay or age_minutes < config.decay_start_minutes:
        return 1.0
    stage = int((age_minutes - config.decay_start_minutes) / config.decay_interval_minutes)
    return config.decay_multipliers[min(stage, len(config.decay_multipliers) - 1)]


def _entry(data: DataSnapshot, config: Config, state: dict[str, Any], symbol: str) -> Signal | NoSignal:
    own, regime = config.resolved(symbol), _regime(data, config, symbol)
    hindrance = _hindrance(data, config, state, symbol, own, regime)
    if hindrance:
        return NoSignal(hindrance)
    size = _size(data, config, symbol, own, regime)
    if size < config.min_trade_usd:
        return NoSignal("max_position" if data.portfolio.position(symbol) is not None else "insufficient_size")
    reading = _reading(data, config, symbol)
    if reading is None:
        return NoSignal("warming_up")
    if _is_oversold(reading, own, own.deviation_pct * regime.threshold):
        if config.use_flow and reading.flow <= config.flow_threshold:
            return NoSignal("trade_flow_not_aligned")
        target = reading.price * (1 + own.take_profit_pct / 100)
        return _buy(data, config, state, symbol, size, target, "stretched below the mean")
    is_neutral = NEUTRAL_RSI[0] < reading.rsi < NEUTRAL_RSI[1]
    is_below = reading.vwap is not None and reading.price < reading.vwap * (1 - config.vwap_deviation_pct / 100)
    half = size * config.vwap_size_multiplier
    if config.use_vwap and is_neutral and is_below and half >= config.min_trade_usd:
        assert reading.vwap is not None, "is_below says so"
        return _buy(data, config, state, symbol, half, reading.vwap, "well below the VWAP")
    return NoSignal("no_signal_conditions")


def _hindrance(
    data: DataSnapshot,
    config: Config,
    state: dict[str, Any],
    symbol: str,
    own: SymbolDefaults,
    regime: _Regime,
) -> str:
    if config.use_breaker and state["losses"] >= config.breaker_losses:
        if data.time_ns - state["resting_since_ns"] < config.breaker_minutes * MINUTE_NS:
            return "circuit_breaker"
        state["losses"] = 0
    if data.time_ns - state["last_entry_ns"].get(symbol, 0) < own.cooldown_s * 1e9:
        return "time_cooldown"
    if data.portfolio.open_orders(symbol) and data.portfolio.position(symbol) is None:
        return "order_open"
    if regime.is_paused:
        return "regime_pause"
    if config.use_trend_filter and _is_trending(data, config, state, symbol):
        return "trending_market"
    if config.use_adx_filter and symbol == "BTC/USD":
        strength = newest(adx(data.candles(symbol, "5m"), config.adx_candles))
        if strength is not None and strength > config.adx_strong:
            return "strong_trend_adx"
    if config.use_correlation and symbol == "XRP/BTC" and _is_decoupled(data, config):
        return "low_correlation"
    return ""


def _is_trending(data: DataSnapshot, config: Config, state: dict[str, Any], symbol: str) -> bool:
    """Return whether the slope has been steep for enough candles in a row, counted once a candle."""
    series = data.candles(symbol, "5m")
    known = state["trend"].get(symbol, [0, 0])
    if known[0] != series.version:
        slope = slope_pct(series, config.trend_candles)
        is_steep = slope is not None and abs(slope) > config.trend_slope_pct
        known = state["trend"][symbol] = [series.version, known[1] + 1 if is_steep else 0]
    return bool(known[1] >= config.trend_confirmations)


def _is_decoupled(data: DataSnapshot, config: Config) -> bool:
    if not {"XRP/USD", "BTC/USD"} <= set(data.instruments):
        return False
    together = correlation(data.candles("XRP/USD", "5m"), data.candles("BTC/USD", "5m"), config.correlation_candles)
    return together is not None and together < config.correlation_least


def _regime(data: DataSnapshot, config: Config, symbol: str) -> _Regime:
    """Return the multipliers of the volatility regime: low, medium, high or extreme."""
    measured = volatility_pct(data.candles(symbol, "1m"), config.volatility_candles)
    if not config.use_regimes or measured is None:
        return _Regime(1, 1)
    if measured < config.regime_low_pct:
        return _Regime(0.8, 1)
    if measured < config.regime_medium_pct:
        return _Regime(1, 1)
    return _Regime(1.3, 0.8) if measured < config.regime_high_pct else _Regime(1.5, 0.5, is_paused=True)


def _reading(data: DataSnapshot, config: Config, symbol: str) -> _Reading | None:
    series = data.candles(symbol, "5m")
    bands = bollinger(series, config.average_candles, config.band_deviations)
    strength = newest(rsi(series, config.rsi_candles))
    prints = data.trades(symbol, config.flow_trades)
    flow = imbalance(prints)
    if bands is None or strength is None or flow is None:
        return None
    price = data.price(symbol)
    return _Reading(price, (price / bands.middle - 1) * 100, strength, bands, flow, vwap(prints))


def _is_oversold(reading: _Reading, own: SymbolDefaults, threshold: float) -> bool:
    return (
        reading.deviation_pct < -threshold
        and reading.rsi < own.rsi_oversold
        and reading.price <= reading.bands.lower * (1 + BAND_TOLERANCE)
    )


def _is_overbought(reading: _Reading, own: SymbolDefaults, threshold: float, config: Config) -> bool:
    return (
        reading.deviation_pct > threshold
        and reading.rsi > own.rsi_overbought
        and reading.price >= reading.bands.upper * (1 - BAND_TOLERANCE)
        and (not config.use_flow or reading.flow < -config.flow_threshold)
    )


def _size(data: DataSnapshot, config: Config, symbol: str, own: SymbolDefaults, regime: _Regime) -> float:
    held = data.portfolio.value(symbol)
    return min(own.size_usd * regime.size, own.max_position_usd - held)


def _buy(
    data: DataSnapshot,
    config: Config,
    state: dict[str, Any],
    symbol: str,
    size: float,
    target: float,
    reason: str,
) -> Signal | NoSignal:
    price, own = data.price(symbol), config.resolved(symbol)
    net_pct = (target / price - 1) * 100 - 2 * data.portfolio.taker_pct
    if config.check_fees and net_pct < config.min_net_profit_pct:
        return NoSignal("fee_unprofitable", f"{net_pct:.2f} % would be left")
    state["last_entry_ns"][symbol] = data.time_ns
    return Signal.buy(
        symbol,
        size,
        size_in=SizeUnit.ACCOUNT,
        stop_loss=price * (1 - own.stop_loss_pct / 100),
        take_profit=target,
        reason=reason,
        code="mean_reversion_entry",
    )
