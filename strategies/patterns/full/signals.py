"""When to enter and when to leave."""

from __future__ import annotations

from typing import Any

from trading.indicators.averages import sma
from trading.signals import NoSignal, Signal, SizeUnit
from trading.snapshot import DataSnapshot

from .config import Config
from .lifecycle import rest_left_s


def generate_signal(data: DataSnapshot, config: Config, state: dict[str, Any]) -> list[Signal | NoSignal]:
    """Answer for each symbol by itself: a signal, or why there is none."""
    return [_answer(data, config, state, symbol) for symbol in data.symbols]


def _answer(data: DataSnapshot, config: Config, state: dict[str, Any], symbol: str) -> Signal | NoSignal:
    average = float(sma(data.candles(symbol, "1m"), config.average_candles)[-1])
    price = data.price(symbol)
    distance_pct = (price / average - 1) * 100
    state["indicators"][symbol] = {"price": price, "average": average, "distance_pct": distance_pct}
    if any(order.purpose in ("entry", "exit") for order in data.portfolio.open_orders(symbol)):
        return NoSignal("order_open", symbol=symbol)  # on its way: orders arrive after the latency
    if data.portfolio.position(symbol) is not None:
        if distance_pct >= 0:
            return Signal.sell(symbol, reason="back at the average", code="back")
        return NoSignal("waits_for_average", f"{distance_pct:.2f} % from it", symbol)
    if (left_s := rest_left_s(symbol, config.rest_s, data.time_ns, state)) > 0:
        return NoSignal("resting", f"{left_s:.0f} s left", symbol)
    if distance_pct > -config.dip_pct:
        return NoSignal("no_dip", f"{distance_pct:.2f} % from the average", symbol)
    return Signal.buy(
        symbol,
        config.size_usd,
        size_in=SizeUnit.ACCOUNT,
        stop_loss=price * (1 - config.stop_loss_pct / 100),
        take_profit=price * (1 + config.take_profit_pct / 100),
        reason=f"{-distance_pct:.2f} % below the average",
        code="dip",
    )
