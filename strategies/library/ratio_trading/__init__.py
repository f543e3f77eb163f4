"""XRP/BTC ratio: buys XRP when it is cheap in bitcoin, sells it when it is expensive.

It trades deviations beyond the usual range of the last minutes back to the mean and sells no more than it holds: the
aim is to own more of both coins. An account that starts with both suits it best; it keeps a share of each and never
borrows.
"""

from .config import Config
from .lifecycle import on_fill
from .signals import generate_signal

STRATEGY_NAME = "ratio_trading"
STRATEGY_VERSION = "5.0.0"
SYMBOLS = ["XRP/BTC"]
TRIGGER = "trade"
WARMUP = {"1m": 21}

__all__ = ["SYMBOLS", "TRIGGER", "WARMUP", "Config", "generate_signal", "on_fill"]
