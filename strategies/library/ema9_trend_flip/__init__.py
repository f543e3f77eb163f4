"""Trend following on hourly candles: enters when an hour opens on the other side of the EMA-9 after three on one side.

It goes long above the average and short below it, and leaves when an hour opens on the wrong side, or after three days.
It is evaluated once a minute: an hour's opening is known when its first minute has closed.
"""

from .config import Config
from .lifecycle import on_fill
from .signals import generate_signal

STRATEGY_NAME = "ema9_trend_flip"
STRATEGY_VERSION = "2.0.0"
SYMBOLS = ["BTC/USD"]
TRIGGER = "candle:1m"
WARMUP = {"1h": 30, "1m": 1}

__all__ = ["SYMBOLS", "TRIGGER", "WARMUP", "Config", "generate_signal", "on_fill"]
