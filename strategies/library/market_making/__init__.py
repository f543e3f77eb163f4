"""Market making (post-only): a bid and an ask rest around the fair price and follow it, shifted against the inventory.

The larger the inventory, the lower both quotes; a quote moves away when takers push the book towards it. The spread
covers two fees unless the config allows less. A position held too long is offered lower; a stop closes the rest.
"""

from .config import Config
from .lifecycle import on_fill
from .signals import generate_signal

STRATEGY_NAME = "market_making"
STRATEGY_VERSION = "3.0.0"
SYMBOLS = ["XRP/USD", "BTC/USD", "XRP/BTC"]
TRIGGER = "frame"
WARMUP = {"1m": 21}

__all__ = ["SYMBOLS", "TRIGGER", "WARMUP", "Config", "generate_signal", "on_fill"]
