"""What resting orders have spoken for: money that a further order cannot count on."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from trading.accounting.account import Account
from trading.book import Side
from trading.fees import Liquidity
from trading.market_snapshot import MarketSnapshot
from trading.orders import Order, OrderStatus


def reserved(currency: str, orders: Iterable[Order], account: Account, snapshot: MarketSnapshot) -> Decimal:
    """Return what those of ``orders`` that rest in the book bind of ``currency``.

    A spot purchase binds its cost with the fee, a spot sale what it sells, a leveraged order its margin.
    """
    total = Decimal(0)
    for order in orders:
        if not order.is_limit or order.status is not OrderStatus.OPEN:
            continue
        instrument = snapshot.instruments[order.symbol]
        if order.leverage is not None:
            if instrument.quote == currency:
                total += instrument.cost(order.limit_ticks or 0, order.open_lots) / order.leverage
        elif order.side is Side.SELL and instrument.base == currency:
            total += instrument.qty(order.open_lots)
        elif order.side is Side.BUY and instrument.quote == currency:
            fee = 1 + account.fee_bps(Liquidity.TAKER, snapshot.time_ns) / 10_000
            total += instrument.cost(order.limit_ticks or 0, order.open_lots) * fee
    return total
