"""What the order book says: where its weight is, and the price that this points to.

The functions over quotes are pure. Those that end in ``_at`` read the book of a snapshot, and
compute once per frame however many deployments read it.
"""

from __future__ import annotations

from collections.abc import Sequence

from trading.indicators.definition import indicator
from trading.market_snapshot import MarketSnapshot, Quote


def micro_price(bids: Sequence[Quote], asks: Sequence[Quote]) -> float | None:
    """Return best bid and best ask, each weighted by the quantity at the *other*: where the next trade is drawn to.

    Quote per base, best first on both sides; None when a side is empty. Stoikov, Quantitative Finance, 2018,
    in its simplest form.
    """
    if not bids or not asks:
        return None
    bid, ask = bids[0], asks[0]
    return (bid.price * ask.qty + ask.price * bid.qty) / (bid.qty + ask.qty)


def book_imbalance(bids: Sequence[Quote], asks: Sequence[Quote], levels: int = 10) -> float | None:
    """Return (bid - offered) / all, by base quantity of the best ``levels`` of each side, -1 to 1.

    Best first on both sides; None when a side is empty: what is not shown is not nothing.
    """
    if not bids or not asks:
        return None
    bid = sum(quote.qty for quote in bids[:levels])
    offered = sum(quote.qty for quote in asks[:levels])
    return (bid - offered) / (bid + offered)


def spread_pct(bids: Sequence[Quote], asks: Sequence[Quote]) -> float | None:
    """Return best ask less best bid, in percent of their middle; None when a side is empty."""
    if not bids or not asks:
        return None
    bid, ask = bids[0].price, asks[0].price
    return 200 * (ask - bid) / (ask + bid)


@indicator(needs=lambda: 1, reads="levels")
def micro_price_at(data: MarketSnapshot, symbol: str) -> float | None:
    """Return the micro price of the book as it stands, quote per base.

    None when a side is empty.
    """
    return micro_price(data.bids(symbol, 1), data.asks(symbol, 1))


@indicator(needs=lambda: 1, reads="levels")
def book_imbalance_at(data: MarketSnapshot, symbol: str, levels: int = 10) -> float | None:
    """Return (bid - offered) / all of the book's best ``levels``, by base quantity, -1 to 1.

    None when a side is empty.
    """
    return book_imbalance(data.bids(symbol, levels), data.asks(symbol, levels), levels)
