"""Contrarian on five-minute candles: buys fear and shorts greed, with high-volume candles as trace of large traders.

Fear is a price far below its four-hour high, greed far above its four-hour low. A volume spike in the direction of the
trade raises the size, one against it blocks the entry, and an extreme that lasts counts as a trend.
"""

from .._rules.breaker import note_result as on_fill
from .config import Config
from .signals import generate_signal

STRATEGY_NAME = "whale_sentiment"
STRATEGY_VERSION = "2.0.0"
SYMBOLS = ["XRP/USD", "BTC/USD"]
TRIGGER = "trade"
WARMUP = {"5m": 310}

__all__ = ["SYMBOLS", "TRIGGER", "WARMUP", "Config", "generate_signal", "on_fill"]
