"""Earns the spread: a bid and an ask rest around the fair price, as a maker, and move with it and against what is held.

The more it holds the less it bids and the lower it asks; before takers who lean on the book a quote steps back.
Quotes never ask less than the fees unless told to, and what is held too long is offered for less; a stop ends the rest.
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
