"""Counter-trend on five-minute candles: buys what has been pushed below its mean once the flow begins to turn.

Sells when the price is stretched above the mean; spot accounts cannot go short, so an
overbought market is only used to close what is held.
"""

from .config import Config
from .lifecycle import on_fill, on_start
from .signals import generate_signal

STRATEGY_NAME = "mean_reversion"
STRATEGY_VERSION = "5.0.0"
SYMBOLS = ["XRP/USD", "BTC/USD", "XRP/BTC"]
TRIGGER = "trade"
WARMUP = {"5m": 51, "1m": 21}

__all__ = ["SYMBOLS", "TRIGGER", "WARMUP", "Config", "generate_signal", "on_fill", "on_start"]
