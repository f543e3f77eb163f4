"""What the exchange remembers of one account."""

from __future__ import annotations

import msgspec

from trading.exchange.consumed import Memory
from trading.orders import Order, OrderRequest


class ExchangeState(msgspec.Struct):
    """All that the exchange remembers of one account; a checkpoint stores it whole."""

    orders: dict[str, Order] = {}  # live ones, oldest first
    taken: Memory = {}  # unused when the book is shared
    requests: list[OrderRequest] = msgspec.field(name="wishes", default_factory=list)  # on their way, oldest first
