"""Buys when the fast average rises above the slow one, sells when it falls below: the textbook trend follower."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from trading.indicators.averages import ema
from trading.signals import NoSignal, Signal, SizeUnit
from trading.snapshot import DataSnapshot

STRATEGY_NAME = "ema_cross"
STRATEGY_VERSION = "1.0.0"
SYMBOLS = ["BTC/USD"]


class Config(msgspec.Struct, frozen=True):
    """Which averages, on which candles, how big."""

    fast: Annotated[int, msgspec.Meta(ge=2, le=500, description="fast EMA, candles")] = 9
    slow: Annotated[int, msgspec.Meta(ge=3, le=1_000, description="slow EMA, candles; above the fast one")] = 21
    timeframe: Annotated[
        Literal["1m", "5m", "15m", "1h", "4h", "1d"], msgspec.Meta(description="length of a candle")
    ] = "1m"
    size_usd: Annotated[float, msgspec.Meta(ge=1, description="size of an entry; account currency")] = 50.0
    stop_loss_pct: Annotated[float, msgspec.Meta(gt=0, le=50, description="stop-loss below the entry, percent")] = 2.0

    def __post_init__(self) -> None:
        if self.slow <= self.fast:
            raise ValueError(f"slow is {self.slow}; expected more than fast, which is {self.fast}")


def generate_signal(data: DataSnapshot, config: Config, state: dict[str, Any]) -> Signal | NoSignal:
    """Trade the side that the last closed candle put the fast average on."""
    answer = NoSignal("no_cross")
    for symbol in data.symbols:
        series = data.candles(symbol, config.timeframe)
        if len(series) <= config.slow:
            answer = NoSignal("warming_up", f"{len(series)} of {config.slow + 1} candles")
            continue
        spread = ema(series, config.fast)[-2:] - ema(series, config.slow)[-2:]
        if spread[-1] > 0 and spread[-2] <= 0 and data.portfolio.is_flat(symbol):
            stop = data.price(symbol) * (1 - config.stop_loss_pct / 100)
            return Signal.buy(
                symbol,
                config.size_usd,
                size_in=SizeUnit.ACCOUNT,
                stop_loss=stop,
                reason="fast EMA crossed above slow",
            )
        if spread[-1] < 0 and data.portfolio.position(symbol) is not None:
            return Signal.sell(symbol, reason="fast EMA is below slow")
    return answer
