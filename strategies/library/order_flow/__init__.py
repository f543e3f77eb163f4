"""Order flow: buys when takers suddenly buy much more than they sell, shorts when they sell much more.

It also trades back to the VWAP when the price is far from it and takers begin to push it back. It stays out when trades
look artificial or well informed (VPIN), and lowers its target the longer a position is held.
"""

from .._rules.breaker import note_result as on_fill
from .config import Config
from .signals import generate_signal

STRATEGY_NAME = "order_flow"
STRATEGY_VERSION = "6.0.0"
SYMBOLS = ["XRP/USD", "BTC/USD", "XRP/BTC"]
TRIGGER = "trade"
WARMUP = {"1m": 21}

__all__ = ["SYMBOLS", "TRIGGER", "WARMUP", "Config", "generate_signal", "on_fill"]
