"""What the tape says: who is in a hurry, and at what price trade goes on.

The functions over prints are pure. Those that end in ``_at`` read the tape of a snapshot, and
compute once per frame however many deployments read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from trading.book import Side
from trading.indicators.definition import indicator
from trading.market_snapshot import MarketSnapshot, Print

FEWEST_PRINTS = 5  # below which a tape says nothing


class TradeFlow(NamedTuple):
    """What takers bought and sold, in quote currency."""

    bought: float
    sold: float

    @property
    def imbalance(self) -> float:
        """(bought - sold) / all, -1 to 1."""
        return (self.bought - self.sold) / (self.bought + self.sold)


def imbalance(prints: Sequence[Print]) -> float | None:
    """Return (bought - sold) / all, by value of the taker's side, -1 to 1; None without prints."""
    bought = sum(p.value for p in prints if p.side is Side.BUY)
    total = sum(p.value for p in prints)
    return None if total == 0 else (2 * bought - total) / total


def vwap(prints: Sequence[Print]) -> float | None:
    """Return the average price weighted by quantity; None without prints."""
    qty = sum(p.qty for p in prints)
    return None if qty == 0 else sum(p.value for p in prints) / qty


def trade_flow(prints: Sequence[Print]) -> TradeFlow | None:
    """Return what takers bought and sold; None below five prints, and when nothing changed hands."""
    bought = sum(p.value for p in prints if p.side is Side.BUY)
    sold = sum(p.value for p in prints if p.side is Side.SELL)
    if len(prints) < FEWEST_PRINTS or bought + sold == 0:
        return None
    return TradeFlow(bought, sold)


def is_confirmed(flow: TradeFlow | None, side: Side, threshold: float) -> bool:
    """True when the tape goes the way of ``side`` by more than ``threshold``: a tape that says nothing refuses."""
    return flow is not None and _towards(side, flow) > threshold


def is_not_opposed(flow: TradeFlow | None, side: Side, threshold: float) -> bool:
    """True unless the tape goes against ``side`` by more than ``threshold``: a tape that says nothing lets pass."""
    return flow is None or _towards(side, flow) >= -threshold


@indicator(needs=lambda: FEWEST_PRINTS, reads="prints")
def trade_flow_at(data: MarketSnapshot, symbol: str, count: int = 50) -> TradeFlow | None:
    """Return what takers bought and sold in the newest ``count`` prints, in quote currency.

    None below five prints.
    """
    return trade_flow(data.trades(symbol, count))


@indicator(needs=lambda: 1, reads="prints")
def vwap_at(data: MarketSnapshot, symbol: str, count: int = 50) -> float | None:
    """Return the average price of the newest ``count`` prints weighted by quantity, quote per base.

    None without prints.
    """
    return vwap(data.trades(symbol, count))


def _towards(side: Side, flow: TradeFlow) -> float:
    return flow.imbalance if side is Side.BUY else -flow.imbalance
