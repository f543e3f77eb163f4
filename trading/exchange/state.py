"""What the exchange remembers of one account, and what one frame did to it."""

from __future__ import annotations

import msgspec

from trading.accounting.ledger import LedgerEntry
from trading.accounting.positions import RoundTrip
from trading.exchange.consumed import Memory
from trading.exchange.requests import Wish
from trading.fills import Fill
from trading.orders import Order


class ExchangeState(msgspec.Struct):
    """All that the exchange remembers of one account; a checkpoint stores it whole."""

    orders: dict[str, Order] = {}  # live ones, oldest first
    taken: Memory = {}  # unused when the book is shared
    wishes: list[Wish] = []  # about live orders, on their way, oldest first


class Matched(msgspec.Struct):
    """What one frame did: facts in the order in which they happened."""

    fills: list[Fill] = []
    entries: list[LedgerEntry] = []
    trips: list[RoundTrip] = []
    orders: dict[str, Order] = {}  # every order that changed, as it now stands
