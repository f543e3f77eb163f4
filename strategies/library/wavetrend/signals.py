"""When to enter and when to leave."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from trading.book import Side
from trading.candles import CandleSeries, Floats
from trading.indicators.oscillators import divergence
from trading.indicators.wavetrend import wavetrend
from trading.portfolio import Holding
from trading.signals import NoSignal, Signal
from trading.snapshot import DataSnapshot

from .._rules.cooldown import begin_cooldown, is_cooling
from .._rules.holding import enter, is_leaving, leave
from .._rules.looks import begin_entry, has_entered, look_once
from .._rules.sizing import size_within
from .config import Config, Numbers

FROM_ZONE = {Side.BUY: 0.75, Side.SELL: 0.70}
IN_ZONE = {Side.BUY: 0.70, Side.SELL: 0.65}
ELSEWHERE = 0.55
WITH_DIVERGENCE, FROM_EXTREME = 0.10, 0.05


class _Look(NamedTuple):
    """What the newest candle shows."""

    wt1: float
    wt2: float
    zone: int
    crossing: int  # 1 upwards, -1 downwards, 0 none: at this very candle
    side: str  # of the entry that it asks for; empty when none
    confidence: float
    code: str  # why it asks for none


UNKNOWN = _Look(0.0, 0.0, 0, 0, "", 0.0, "warming_up")


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
    series = data.candles(symbol, "5m")
    look = look_once(symbol, series.version, state, _Look, lambda: _look(series, config, state))
    holding = data.portfolio.position(symbol)
    if holding is not None:
        closing = _exit(holding, look)
        if closing is None:
            return NoSignal("existing_position")
        return NoSignal("order_open") if is_leaving(data, symbol) else closing
    hindrance = _hindrance(data, config, state, symbol) or look.code
    if not hindrance and has_entered(symbol, series.version, state):
        hindrance = "no_crossover"  # this one has had its entry
    return NoSignal(hindrance) if hindrance else _entry(data, config, state, symbol, look)


def _look(series: CandleSeries, config: Config, state: dict[str, Any]) -> _Look:
    own = config.numbers(series.symbol)
    wt1, wt2, crossings = wavetrend(series, config.channel_candles, config.average_candles, config.signal_candles)
    if np.isnan(crossings[-1]):
        return UNKNOWN
    side, confidence, code = _setup(series, config, own, wt1, crossings)
    zone = _zone(wt1[-1], own)
    look = _Look(float(wt1[-1]), float(wt2[-1]), zone, int(crossings[-1]), side, confidence, code)
    state.setdefault("indicators", {})[series.symbol] = {
        "wt1": look.wt1,
        "wt2": look.wt2,
        "zone": float(zone),
        "crossing": float(look.crossing),
        "confidence": confidence or None,
    }
    return look


def _zone(value: float, own: Numbers) -> int:
    """Return 1 when overbought, -1 when oversold, 2 and -2 when extremely so, else 0."""
    if value >= own.overbought:
        return 2 if value >= own.extreme_overbought else 1
    if value <= own.oversold:
        return -2 if value <= own.extreme_oversold else -1
    return 0


def _setup(
    series: CandleSeries, config: Config, own: Numbers, wt1: Floats, crossings: Floats
) -> tuple[str, float, str]:
    """Return the side to enter on at this candle with how confident that is, or why there is none.

    Only the last crossing counts, and only at one candle: its own, or the one at which the zone was left.
    """
    crossed = np.flatnonzero(np.abs(crossings) == 1)
    if not len(crossed):
        return "", 0.0, "no_crossover"
    at = int(crossed[-1])
    sign = int(crossings[at])
    zones = [_zone(value, own) * -sign for value in wt1[at - 1 :]]  # above zero: the zone that it comes out of
    before, now = zones[0], zones[1]
    if not config.needs_zone_exit:
        if len(zones) > 2:
            return "", 0.0, "no_crossover"
    elif before <= 0 and now <= 0:
        return "", 0.0, "zone_not_confirmed" if len(zones) == 2 else "no_crossover"
    elif zones[-1] > 0:
        return "", 0.0, "waiting_zone_exit"
    elif any(zone <= 0 for zone in zones[1:-1]):
        return "", 0.0, "no_crossover"  # the zone was left at an earlier candle
    side = Side.BUY if sign > 0 else Side.SELL
    return side.value, _confidence(series, config, side, wt1, at, (before, now, zones[-1])), ""


def _confidence(
    series: CandleSeries, config: Config, side: Side, wt1: Floats, at: int, zones: tuple[int, int, int]
) -> float:
    """Return how much speaks for a crossing at the candle ``at``; its zones: before, at it, and now."""
    before, crossing, now = zones
    if now > 0:
        confidence = IN_ZONE[side]
    else:
        confidence = FROM_ZONE[side] if max(before, crossing) > 0 else ELSEWHERE
    confidence += FROM_EXTREME * (max(before, crossing) == 2)
    if config.uses_divergence:
        until = slice(None, at + 1)
        wanted = 1 if side is Side.BUY else -1
        diverged = divergence(series.low[until], series.high[until], wt1[until], config.divergence_candles)
        confidence += WITH_DIVERGENCE * (diverged == wanted)
    return round(confidence, 2)


def _exit(holding: Holding, look: _Look) -> Signal | None:
    sign = 1 if holding.qty > 0 else -1
    if look.crossing == -sign:
        return leave(holding, reason="the oscillator crossed back", code="crossover_reversal")
    if look.zone * sign == 2:
        return leave(holding, reason="the far extreme is reached", code="extreme_zone_profit_take")
    return None


def _hindrance(data: DataSnapshot, config: Config, state: dict[str, Any], symbol: str) -> str:
    if config.breaker.is_resting(data.time_ns, state):
        return "circuit_breaker"
    if is_cooling(symbol, config.numbers(symbol).cooldown_s, data.time_ns, state):
        return "time_cooldown"
    return "order_open" if data.portfolio.open_orders(symbol) else ""


def _entry(data: DataSnapshot, config: Config, state: dict[str, Any], symbol: str, look: _Look) -> Signal | NoSignal:
    own, side = config.numbers(symbol), Side(look.side)
    if side is Side.SELL and not config.goes_short:
        return NoSignal("no_shorts")
    if look.confidence < config.least_confidence:
        return NoSignal("no_signal_conditions", f"{look.confidence:.2f} of confidence")
    if not config.flow.allows(side, config.flow.at(data, symbol)):
        return NoSignal("trade_flow_against")
    if refusal := config.fees.refusal(own.take_profit_pct, 2 * data.portfolio.taker_pct):
        return refusal
    size = size_within(
        data,
        symbol,
        side,
        own.size_usd * config.sessions.at(data.time) * (config.short_size if side is Side.SELL else 1.0),
        per_symbol_usd=config.max_per_symbol_usd,
        limits=config.limits,
        exposure=config.exposure,
        correlated=config.correlated,
    )
    if isinstance(size, NoSignal):
        return size
    begin_cooldown(symbol, data.time_ns, state)
    begin_entry(symbol, data.candles(symbol, "5m").version, state)
    is_long = side is Side.BUY
    return enter(
        side,
        symbol,
        size,
        data.price(symbol),
        stop_pct=own.stop_loss_pct,
        target_pct=own.take_profit_pct,
        reason="turned up out of the oversold zone" if is_long else "turned down out of the overbought zone",
        code="wavetrend_long" if is_long else "wavetrend_short",
    )
