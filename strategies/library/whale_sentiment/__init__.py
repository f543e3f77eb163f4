"""Contrarian on five-minute candles: buys fear and shorts greed, with candles of great volume as the whales' trace.

Fear is a price far below its high of four hours, greed far above its low. A spike in volume that moves the price our
way makes it bold, one that moves it the other way keeps it out, and an extreme that lasts is taken for a trend.
"""

from .._rules.breaker import note_result as on_fill
from .config import Config
from .signals import generate_signal

STRATEGY_NAME = "whale_sentiment"
STRATEGY_VERSION = "2.0.0"
SYMBOLS = ["XRP/USD", "BTC/USD"]
TRIGGER = "trade"
WARMUP = {"5m": 310}

__all__ = ["SYMBOLS", "TRIGGER", "WARMUP", "Config", "generate_signal", "on_fill"]
