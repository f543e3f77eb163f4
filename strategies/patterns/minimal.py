"""Buys when the fast average is above the slow one, sells when it is below."""

from trading.indicators.averages import ema
from trading.signals import NoSignal, Signal

STRATEGY_NAME, STRATEGY_VERSION, SYMBOLS, WARMUP = "minimal", "1.0.0", ["BTC/USD"], {"1m": 21}


def generate_signal(data, config, state):
    symbol, candles = data.symbols[0], data.candles(data.symbols[0])
    is_rising, position = ema(candles, 9)[-1] > ema(candles, 21)[-1], data.portfolio.position(symbol)
    if is_rising and data.portfolio.is_flat(symbol):
        return Signal.buy(symbol, 50, stop_loss=data.price(symbol) * 0.98, reason="fast EMA above slow")
    if not is_rising and position:
        return Signal.sell(symbol, reason="fast EMA below slow")
    return NoSignal("holding" if position else "falling")
