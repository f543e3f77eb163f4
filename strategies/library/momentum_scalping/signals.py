"""When to enter and when to leave."""

from __future__ import annotations

from typing import Any

from trading.book import Side
from trading.portfolio import Holding
from trading.signals import NoSignal, Signal
from trading.snapshot import DataSnapshot

from .._rules.cooldown import begin_cooldown, is_cooling, is_tape_cooling
from .._rules.holding import MINUTE_NS, age_minutes, enter, gain_pct, is_leaving, leave
from .._rules.volatility import Regime
from .config import Config, Numbers
from .reading import Reading, is_decoupled, is_strong_trend, read


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
    own, regime = config.numbers(symbol), config.volatility.at(data.candles(symbol, "1m"))
    reading = read(data, config, symbol, own, regime.kind)
    if reading is None:
        return NoSignal("warming_up")
    state.setdefault("indicators", {})[symbol] = reading.shown
    holding = data.portfolio.position(symbol)
    if holding is not None:
        if is_leaving(data, symbol):
            return NoSignal("order_open")
        return _exit(data, config, state, holding, reading) or NoSignal("existing_position")
    if hindrance := _hindrance(data, config, state, symbol, own, regime):
        return NoSignal(hindrance)
    if not abs(reading.momentum) >= config.least_momentum:
        return NoSignal("momentum_not_confirmed")
    side = Side.BUY if reading.momentum > 0 else Side.SELL
    if refusal := _doubt(data, config, state, symbol, side, reading, own, regime):
        return refusal
    return _entry(data, config, state, symbol, side, reading, own, regime)


def _exit(
    data: DataSnapshot, config: Config, state: dict[str, Any], holding: Holding, reading: Reading
) -> Signal | None:
    price = reading.price
    if config.trail.is_hit(holding, price, reading.atr, state):
        return leave(holding, reason="fell back from its best", code="trailing_stop")
    if code := config.exhaustion.code(holding, price, reading.rsi):
        return leave(holding, reason="momentum is exhausted", code=code)
    if age_minutes(holding, data.time_ns) * 60 > config.max_hold_s:
        return leave(holding, reason="held for long enough", code="time_exit")
    has_crossed = (price - reading.ema_fast) * holding.qty < 0
    if config.leaves_at_cross and has_crossed and gain_pct(holding, price) > 0:
        return leave(holding, reason="crossed the fast average", code="ema_cross")
    return None


def _hindrance(
    data: DataSnapshot, config: Config, state: dict[str, Any], symbol: str, own: Numbers, regime: Regime
) -> str:
    if config.breaker.is_resting(data.time_ns, state):
        return "circuit_breaker"
    if is_cooling(symbol, own.cooldown_s, data.time_ns, state):
        return "time_cooldown"
    if is_tape_cooling(data, symbol, own.cooldown_prints, state):
        return "trade_cooldown"
    if data.portfolio.open_orders(symbol):
        return "order_open"
    return "regime_pause" if regime.is_paused else ""


def _doubt(
    data: DataSnapshot,
    config: Config,
    state: dict[str, Any],
    symbol: str,
    side: Side,
    reading: Reading,
    own: Numbers,
    regime: Regime,
) -> NoSignal | None:
    """Return why momentum is not followed, None when it is."""
    if _is_spent(data, state, symbol):
        return NoSignal("no_signal_conditions", "the momentum of this candle was followed already")
    if side is Side.SELL and not config.goes_short:
        return NoSignal("no_shorts")
    if is_decoupled(data, config, symbol):
        return NoSignal("correlation_breakdown")
    if is_strong_trend(data, config, symbol):
        return NoSignal("adx_strong_trend")
    if not reading.is_aligned(side, needs_alignment=config.needs_alignment):
        return NoSignal("trend_not_aligned")
    if config.needs_higher_trend and (reading.price > reading.ema_higher) is not (side is Side.BUY):
        return NoSignal("timeframe_misalignment")
    least = own.volume_spike * regime.threshold * config.thresholds.at(data.time)
    if config.needs_volume and (reading.volume_ratio is None or reading.volume_ratio < least):
        return NoSignal("volume_not_confirmed", f"{least:.2f} of the usual volume is asked for")
    if not config.flow.agrees(side, config.flow.at(data, symbol)):
        return NoSignal("trade_flow_misalignment")
    return config.fees.refusal(own.take_profit_pct, 2 * data.portfolio.taker_pct)


def _is_spent(data: DataSnapshot, state: dict[str, Any], symbol: str) -> bool:
    """Return whether the last entry was made on the newest candle: one crossing is one chance."""
    last_ns = state.get("cooldown", {}).get(symbol)
    return last_ns is not None and last_ns // MINUTE_NS >= data.candles(symbol, "1m").version


def _entry(
    data: DataSnapshot,
    config: Config,
    state: dict[str, Any],
    symbol: str,
    side: Side,
    reading: Reading,
    own: Numbers,
    regime: Regime,
) -> Signal | NoSignal:
    wanted = own.size_usd * regime.size * config.sizes.at(data.time)
    size = config.limits.size(data, symbol, side, wanted, config.max_position_usd)
    if isinstance(size, NoSignal):
        return size
    size = config.exposure.size(data, symbol, side, size)
    if size < config.limits.min_trade_usd:
        return NoSignal("correlation_limit", f"{size:.2f} is left of what may be held one way")
    begin_cooldown(symbol, data.time_ns, state)
    return enter(
        side,
        symbol,
        size,
        reading.price,
        stop_pct=own.stop_loss_pct,
        target_pct=own.take_profit_pct,
        reason="momentum with trend and volume",
        code="momentum_long" if side is Side.BUY else "momentum_short",
        metadata={"momentum": reading.momentum},
    )
