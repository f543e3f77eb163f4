"""Where orders go: what a deployment needs of an exchange, be it the paper one or a real one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Protocol

import msgspec

from trading.accounting.ledger import LedgerEntry
from trading.accounting.margin import MarginEvent
from trading.accounting.positions import RoundTrip
from trading.fills import Fill
from trading.frames import Frame
from trading.market_snapshot import MarketSnapshot
from trading.orders import AmendRequest, CancelRequest, Order, OrderRequest
from trading.recount import Recount


class VenueReport(msgspec.Struct):
    """What happened since the last frame, already booked: facts in the order in which they happened."""

    fills: list[Fill] = []
    entries: list[LedgerEntry] = []
    trips: list[RoundTrip] = []
    orders: dict[str, Order] = {}  # every order that changed, as it now stands
    margin: list[MarginEvent] = []


class Venue(Protocol):
    """Holds one account's orders, and books what they bring.

    It is given a `Settlement` of the account. Each execution is booked as it happens, before the
    next one is decided: what it fills, spends and closes counts for the next.
    """

    @property
    def open_orders(self) -> Mapping[str, Order]:
        """The orders that may still be filled, by id, oldest first: one mapping for good, which others only read."""

    @property
    def requests(self) -> Sequence[OrderRequest]:
        """The requests about live orders that have not arrived, oldest first."""

    def send(self, order: Order) -> None:
        """Take an order in; it counts once it has arrived."""

    def cancel(self, request: CancelRequest) -> None:
        """Take in that a live order is to end."""

    def amend(self, request: AmendRequest) -> None:
        """Take in that a live order is to change."""

    def reserved(self, currency: str, snapshot: MarketSnapshot) -> Decimal:
        """Return what resting orders have spoken for, in ``currency``."""

    def recount(self, change: Recount, snapshot: MarketSnapshot) -> VenueReport:
        """Count what is held of one instrument in its new decimals; return the orders that this has ended or replaced.

        Called before the first frame that speaks them is processed.
        """

    def process(self, frame: Frame, snapshot: MarketSnapshot) -> VenueReport:
        """Return what happened up to ``frame``, booked into the account; ``snapshot`` is the market after it.

        Called while an order is open or something is owed: else nothing can happen.
        """
