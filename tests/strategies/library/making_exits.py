"""Configs and ratios of the exits of market making."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

from tests.stage import Stage
from tests.strategies.library.making import BTC, CALM

RATIO = "XRP/BTC"


def ratio(closes: list[float], bitcoin: str = "0.0005", **config: Any) -> Stage:
    """Open XRP/BTC beside XRP/USD, whose minutes are drawn, and bitcoin, which ripples."""
    terms = {"assets": {"BTC": D(bitcoin)}} if bitcoin else {}
    stage = Stage("market_making", (RATIO,), terms=terms, **config)
    for symbol, minutes in ((BTC, CALM), ("XRP/USD", closes), (RATIO, [0.00004 + 1e-8 * (n % 2) for n in range(40)])):
        stage.past(symbol, "1m", minutes)
    stage.trade(RATIO, 0.00004)
    stage.wait(0.1)
    return stage


APART = [2.4 + 0.0004 * (n // 2 % 2) for n in range(40)]
