"""When to enter and when to leave."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import talib

from trading.book import Side
from trading.candles import CandleSeries, Floats, width_ns
from trading.indicators.volatility import true_range
from trading.portfolio import Holding
from trading.signals import NoSignal, Signal
from trading.snapshot import DataSnapshot

from .._rules.holding import age_minutes, enter, is_leaving, leave
from .._rules.looks import begin_entry, has_entered
from .config import Config
from .lifecycle import has_just_left

FEWEST_CANDLES = 30  # an EMA-9 of fewer still leans on the candle it began with by more than one percent


class _Look(NamedTuple):
    """Where the running candle stands."""

    begin_ns: int  # of the running candle
    closed: int  # candles before it
    side: int  # 1 above the average, -1 below it, 0 within the buffer
    flip: int  # the same when all candles before were on the other side, else 0


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
    look = _look(data.candles(symbol, config.timeframe), data.candles(symbol, "1m"), config, state)
    holding = data.portfolio.position(symbol)
    if holding is not None:
        closing = _exit(data, config, holding, look)
        if closing is None:
            return NoSignal("existing_position")
        return NoSignal("order_open") if is_leaving(data, symbol) else closing
    if isinstance(look, NoSignal):
        return look
    hindrance = _hindrance(data, config, state, symbol)
    if not hindrance and look.side == 0:
        hindrance = "buffer_not_met"
    if not hindrance and (look.flip == 0 or has_entered(symbol, look.begin_ns, state)):
        hindrance = "no_flip_signal"
    return NoSignal(hindrance) if hindrance else _entry(data, config, state, symbol, look)


def _look(series: CandleSeries, minutes: CandleSeries, config: Config, state: dict[str, Any]) -> _Look | NoSignal:
    """Return where the candle stands that the newest minute belongs to; all candles before it are closed."""
    width = width_ns(config.timeframe)
    begin_ns = int(minutes.start_ns[-1]) // width * width
    closed = int(np.searchsorted(series.start_ns, begin_ns))
    needed = config.confirmations + 1
    fewest = max(FEWEST_CANDLES, config.average_candles + needed)
    if closed < fewest:
        return NoSignal("insufficient_candles", f"{closed} of {fewest}")
    if series.start_ns[closed - needed] != begin_ns - needed * width:
        return NoSignal("insufficient_candles", f"one of the last {needed} is missing")
    prices = _prices(series, minutes, config, begin_ns, closed)
    if prices is None:
        return NoSignal("insufficient_candles", "the first minute of the running one is missing")
    averages = talib.EMA(prices, config.average_candles)
    distance = (prices[-needed:] / averages[-needed:] - 1) * 100
    sides = np.where(distance > config.buffer_pct, 1, np.where(distance < -config.buffer_pct, -1, 0))
    side = int(sides[-1])
    flip = side if side and (sides[:-1] == -side).all() else 0
    state.setdefault("indicators", {})[series.symbol] = {
        "price": float(prices[-1]),
        "average": float(averages[-1]),
        "side": float(side),
        "before": float(sides[:-1].mean()),
    }
    return _Look(begin_ns, closed, side, flip)


def _prices(series: CandleSeries, minutes: CandleSeries, config: Config, begin_ns: int, closed: int) -> Floats | None:
    """Return the prices of the average: openings with that of the running candle, or closes; None while unknown."""
    if not config.reads_opens:
        return series.close[:closed]
    first = int(np.searchsorted(minutes.start_ns, begin_ns))
    if minutes.start_ns[first] != begin_ns:
        return None
    return np.append(series.open[:closed], minutes.open[first])


def _exit(data: DataSnapshot, config: Config, holding: Holding, look: _Look | NoSignal) -> Signal | None:
    sign = 1 if holding.qty > 0 else -1
    if config.leaves_on_flip and isinstance(look, _Look) and look.side == -sign:
        return leave(holding, reason="on the wrong side of the average", code="ema_flip")
    if age_minutes(holding, data.time_ns) >= config.max_hold_h * 60:
        return leave(holding, reason="held long enough", code="time_exit")
    return None


def _hindrance(data: DataSnapshot, config: Config, state: dict[str, Any], symbol: str) -> str:
    if config.breaker.is_resting(data.time_ns, state):
        return "circuit_breaker"
    if has_just_left(symbol, config, data.time_ns, state):
        return "time_cooldown"
    return "order_open" if data.portfolio.open_orders(symbol) else ""


def _entry(data: DataSnapshot, config: Config, state: dict[str, Any], symbol: str, look: _Look) -> Signal | NoSignal:
    side = Side.BUY if look.flip > 0 else Side.SELL
    if side is Side.SELL and not config.goes_short:
        return NoSignal("no_shorts")
    size = config.limits.size(data, symbol, side, config.size_usd, config.limits.total_usd)
    if isinstance(size, NoSignal):
        return size
    begin_entry(symbol, look.begin_ns, state)
    price = data.price(symbol)
    stop_pct, target_pct = config.stop_loss_pct, config.take_profit_pct
    if config.uses_ranges:
        ranges = true_range(data.candles(symbol, config.timeframe))[: look.closed][-config.range_candles :]
        range_pct = float(ranges.mean()) / price * 100
        stop_pct, target_pct = config.stop_ranges * range_pct, config.target_ranges * range_pct
    return enter(
        side,
        symbol,
        size,
        price,
        stop_pct=stop_pct,
        target_pct=target_pct,
        reason=f"{'above' if look.flip > 0 else 'below'} the average after {config.confirmations} on the other side",
        code="ema_flip_long" if look.flip > 0 else "ema_flip_short",
    )
