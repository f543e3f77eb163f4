"""The shortest strategy there is."""

from __future__ import annotations

FIVE_LINES = """
from trading.signals import Signal

STRATEGY_NAME, STRATEGY_VERSION, SYMBOLS = "dip_buyer", "1.0.0", ["BTC/USD"]
def generate_signal(data, config, state):
    if data.portfolio.is_flat("BTC/USD"):
        return Signal.buy("BTC/USD", 20, stop_loss=data.price("BTC/USD") * 0.99)
"""
