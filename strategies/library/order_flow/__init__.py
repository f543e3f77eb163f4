"""Follows the tape: buys when takers suddenly buy much more than they sell, shorts when they sell more.

It also goes for the average price of the tape where a price has run far from it and takers begin to push it
back. It stays out where the tape looks made up or too well informed, and wants less the longer it has to wait.
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
