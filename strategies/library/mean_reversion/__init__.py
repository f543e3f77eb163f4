"""Mean reversion on five-minute candles: buys far below the mean, shorts far above it.

It waits until trade flow turns, stays out of trends and of extreme volatility, and lowers its target the longer
a position is held.
"""

from .._rules.breaker import note_result as on_fill
from .config import Config
from .signals import generate_signal

STRATEGY_NAME = "mean_reversion"
STRATEGY_VERSION = "6.0.0"
SYMBOLS = ["XRP/USD", "BTC/USD", "XRP/BTC"]
TRIGGER = "trade"
WARMUP = {"5m": 52, "1m": 21}

__all__ = ["SYMBOLS", "TRIGGER", "WARMUP", "Config", "generate_signal", "on_fill"]
