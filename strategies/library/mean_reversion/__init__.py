"""Counter-trend on five-minute candles: buys what is stretched below its mean, shorts what is stretched above it.

It waits until the tape has begun to turn, stays out of trends and out of extreme volatility,
and is content with less of its target the longer it has to wait for it.
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
