"""Enters and leaves at random: the control group. A strategy that cannot beat it has shown nothing.

Seeded by deployment and frame, so that a replay draws the same numbers.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from trading.signals import NoSignal, Signal, SizeUnit
from trading.snapshot import DataSnapshot

STRATEGY_NAME = "random_trader"
STRATEGY_VERSION = "1.0.0"
SYMBOLS = ["BTC/USD"]
CATEGORY = "random"
IS_BENCHMARK = True

FRAMES_PER_MINUTE = 600


class Config(msgspec.Struct, frozen=True):
    """How often and how big."""

    trades_per_minute: Annotated[
        float,
        msgspec.Meta(gt=0, le=60, description="entries and exits a minute, on average, over all symbols"),
    ] = 2.0
    size_usd: Annotated[float, msgspec.Meta(ge=1, description="size of an entry; account currency")] = 20.0
    stop_loss_pct: Annotated[
        float, msgspec.Meta(ge=0, le=50, description="stop-loss below the entry, percent; 0 = none")
    ] = 0.0
    take_profit_pct: Annotated[
        float, msgspec.Meta(ge=0, le=100, description="take-profit above the entry, percent; 0 = none")
    ] = 0.0


def generate_signal(data: DataSnapshot, config: Config, state: dict[str, Any]) -> Signal | NoSignal:
    """Draw a random number; on a hit buy a flat symbol, or sell a held one."""
    if data.rng.random() >= config.trades_per_minute / FRAMES_PER_MINUTE:
        return NoSignal("coin")
    symbol = data.symbols[int(data.rng.integers(len(data.symbols)))]
    if data.portfolio.position(symbol) is not None:
        return Signal.sell(symbol, reason="random exit")
    if not data.portfolio.is_flat(symbol):
        return NoSignal("order_open")
    price = data.price(symbol)
    return Signal.buy(
        symbol,
        config.size_usd,
        size_in=SizeUnit.ACCOUNT,
        stop_loss=price * (1 - config.stop_loss_pct / 100) if config.stop_loss_pct else None,
        take_profit=price * (1 + config.take_profit_pct / 100) if config.take_profit_pct else None,
        reason="random entry",
    )
