"""What the tests of the grid share: distances and paired orders."""

from __future__ import annotations

from typing import Any

from tests.stage import Stage

BTC = "BTC/USD"


QUIET = [60_000 + 30 * ((59 - n) % 3) for n in range(60)]  # five minutes each; the last is the centre


def at(stage: Stage, *prices: float, after_s: float = 11) -> Stage:
    """Print one trade at each price, and another there a moment later, so that what it says is heard."""
    for price in prices:
        stage.trade(BTC, price, qty=0.001, after_s=after_s)
        stage.trade(BTC, price, qty=0.001, after_s=0.1)
    return stage


APART = [2.4 + 0.001 * (n // 2 % 2) for n in range(60)]


TOGETHER = [price * 2.4 / 60_000 for price in QUIET]


def paired(ripples: list[float], fall: float, **config: Any) -> Stage:
    """Bid for both, buy bitcoin, and wait for the candle in which XRP has fallen, too, or has not."""
    stage = Stage("grid_rsi_reversion", ("XRP/USD", BTC), **config)
    stage.past(BTC, "5m", QUIET).past("XRP/USD", "5m", ripples)
    at(stage, 60_000)
    stage.trade("XRP/USD", fall, qty=10)
    return at(stage, 59_050, 59_050, after_s=400)
