"""WaveTrend on five-minute candles: buys when the oscillator has turned up and left the oversold zone, shorts mirrored.

A crossing inside a zone becomes an entry when the zone is left, and is dropped when the oscillator turns back first;
each counts for one candle and one entry. It exits at the opposite crossing, at the opposite extreme, or at stop or
target.
"""

from .._rules.breaker import note_result as on_fill
from .config import Config
from .signals import generate_signal

STRATEGY_NAME = "wavetrend"
STRATEGY_VERSION = "2.0.0"
SYMBOLS = ["XRP/USD", "BTC/USD", "XRP/BTC"]
TRIGGER = "trade"
WARMUP = {"5m": 80}

__all__ = ["SYMBOLS", "TRIGGER", "WARMUP", "Config", "generate_signal", "on_fill"]
