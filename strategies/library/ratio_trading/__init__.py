"""Trades one coin against another: buys XRP while it is cheap in bitcoin, sells it while it is dear.

It takes what lies beyond the usual swing of the last minutes, waits for the mean, and sells no more than it
holds: over time it means to own more of both coins. It needs bitcoin to buy with and sells XRP that was paid
in, so an account that begins with both suits it best; it keeps a share of each and never borrows.
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
