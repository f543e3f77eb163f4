"""What the tests of market making share: a calm market and how its quotes are read."""

from __future__ import annotations

from typing import Any

from tests.stage import Stage
from trading.portfolio import OpenOrder

BTC = "BTC/USD"


CALM = [60_000.0 + n % 2 for n in range(40)]  # minutes


BID, ASK = 59_835.0, 60_164.1  # 0.275 % below 60,000; 0.55 % above that


def opening(closes: list[float] = CALM, **config: Any) -> Stage:
    """Open at nine, between the sessions' multipliers, at 60,000."""
    stage = Stage("market_making", (BTC,), **config).past(BTC, "1m", closes)
    stage.prices[BTC] = 60_000
    return at(stage, 60_000)


def at(stage: Stage, *prices: float, after_s: float = 4) -> Stage:
    """Print one trade at each price, and let what was said there arrive."""
    for price in prices:
        stage.trade(BTC, price, after_s=after_s)
        stage.wait(0.1)
    return stage


def orders(stage: Stage) -> list[OpenOrder]:
    return stage.engine.portfolio_at(stage.market.snapshot()).open_orders()


def quotes(stage: Stage, side: str) -> list[OpenOrder]:
    return [order for order in orders(stage) if order.limit_price is not None and order.side.value == side]


def bids(stage: Stage) -> list[float | None]:
    return [order.limit_price for order in quotes(stage, "buy")]


def asks(stage: Stage) -> list[float | None]:
    return [order.limit_price for order in quotes(stage, "sell")]


def stops(stage: Stage) -> list[float]:
    return [order.trigger_price for order in orders(stage) if order.trigger_price is not None]
