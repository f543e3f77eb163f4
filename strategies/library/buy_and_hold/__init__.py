"""Buys each of its symbols once, in equal parts, and never sells: the benchmark that others must beat."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from trading.signals import NoSignal, Signal, SizeUnit
from trading.snapshot import DataSnapshot

STRATEGY_NAME = "buy_and_hold"
STRATEGY_VERSION = "1.0.0"
SYMBOLS = ["BTC/USD"]
CATEGORY = "hold"
IS_BENCHMARK = True


class Config(msgspec.Struct, frozen=True):
    """How much of the stake is put to work."""

    invest_pct: Annotated[
        float, msgspec.Meta(gt=0, le=99, description="percent of the stake to invest; the rest pays the fees")
    ] = 98.0


def generate_signal(data: DataSnapshot, config: Config, state: dict[str, Any]) -> list[Signal] | NoSignal:
    """Buy every symbol that was not bought yet."""
    bought = state.setdefault("bought", [])
    stake = state.setdefault("stake", data.portfolio.equity)
    wanted = [symbol for symbol in data.symbols if symbol not in bought]
    if not wanted or stake is None:
        return NoSignal("holding")
    bought.extend(wanted)
    size = stake * config.invest_pct / 100 / len(data.symbols)
    return [Signal.buy(symbol, size, size_in=SizeUnit.ACCOUNT, reason="buy and hold") for symbol in wanted]
