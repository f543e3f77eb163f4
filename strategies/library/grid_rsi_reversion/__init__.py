"""RSI grid: bids rest on levels below the price; a filled bid is sold one level higher, and its level is free again.

Bids are larger when RSI is low and smaller when it is high; they are cancelled in a trend and in extreme volatility.
The grid moves after enough cycles. Below the lowest level a stop, kept by the exchange, closes everything.
"""

from .config import Config
from .lifecycle import on_fill
from .signals import generate_signal

STRATEGY_NAME = "grid_rsi_reversion"
STRATEGY_VERSION = "2.1.0"
SYMBOLS = ["XRP/USD", "BTC/USD", "XRP/BTC"]
TRIGGER = "trade"
WARMUP = {"5m": 52}

__all__ = ["SYMBOLS", "TRIGGER", "WARMUP", "Config", "generate_signal", "on_fill"]
