"""A ladder of bids below the price: each that is filled is sold one level higher, and its level is free again.

It bids more when RSI is low and less when it is high, takes its bids back in a trend or in extreme volatility, and
moves the ladder after enough cycles. Below the lowest level a stop, kept by the exchange, ends it all.
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
