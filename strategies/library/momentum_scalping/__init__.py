"""Scalps one-minute momentum: buys when RSI or MACD turn up with the trend and with volume, shorts mirrored.

The five-minute trend and the trade flow must agree; it does not trade against a strong Bitcoin trend. A position is
held for three minutes at most, and closed earlier when momentum is exhausted or the fast average is crossed.
"""

from .._rules.breaker import note_result as on_fill
from .config import Config
from .signals import generate_signal

STRATEGY_NAME = "momentum_scalping"
STRATEGY_VERSION = "3.0.0"
SYMBOLS = ["XRP/USD", "BTC/USD", "XRP/BTC"]
TRIGGER = "trade"
WARMUP = {"1m": 52, "5m": 51}

__all__ = ["SYMBOLS", "TRIGGER", "WARMUP", "Config", "generate_signal", "on_fill"]
