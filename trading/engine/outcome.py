"""What one frame changed for one deployment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec

from trading.accounting.ledger import LedgerEntry
from trading.accounting.margin import MarginEvent
from trading.accounting.positions import RoundTrip
from trading.accounting.state import Worth
from trading.engine.state import Flattened
from trading.fills import Fill
from trading.frames import Gap
from trading.orders import Order

_NO_ORDERS: Mapping[str, Order] = MappingProxyType({})


class StrategyError(msgspec.Struct, frozen=True):
    """A strategy raised."""

    summary: str
    traceback: str
    halted: bool  # True when this one was one too many


class Outcome(msgspec.Struct):
    """All that one frame changed for one deployment: nearly always nothing."""

    sequence: int
    time_ns: int
    fills: Sequence[Fill] = ()
    entries: Sequence[LedgerEntry] = ()
    trips: Sequence[RoundTrip] = ()
    orders: Mapping[str, Order] = _NO_ORDERS  # every order that changed, as it now stands
    errors: Sequence[StrategyError] = ()
    margin: Sequence[MarginEvent] = ()
    gap: Gap | None = None
    flattened: Flattened | None = None
    mark: Worth | None = None

    @property
    def has_facts(self) -> bool:
        """True when something happened that must be on record with the cursor."""
        has_traded = self.fills or self.entries or self.trips or self.orders
        return bool(has_traded or self.errors or self.margin or self.gap or self.flattened)
