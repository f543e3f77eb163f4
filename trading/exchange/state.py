"""What the exchange remembers of one account, and what one frame did to it."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from trading.exchange.takings import Memory
from trading.exchange.wishes import Wish
from trading.fills import Fill
from trading.ledger import LedgerEntry
from trading.orders import Order
from trading.positions import RoundTrip


class ExchangeState(msgspec.Struct):
    """All that the exchange remembers of one account; a checkpoint stores it whole."""

    orders: dict[str, Order] = {}  # live ones, oldest first
    taken: Memory = {}  # unused when the book is shared
    wishes: list[Wish] = []  # on their way, oldest first


@dataclass(slots=True)
class Matched:
    """What one frame did: facts in the order in which they happened."""

    fills: list[Fill] = field(default_factory=list)
    entries: list[LedgerEntry] = field(default_factory=list)
    trips: list[RoundTrip] = field(default_factory=list)
    orders: dict[str, Order] = field(default_factory=dict)  # every order that changed, as it now stands
