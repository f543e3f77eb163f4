"""What a worker hands over to be written: all that changed for its accounts since the last commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from portfolios.models import Position
from portfolios.rows.equity_points import Mark
from trading.accounting.ledger import LedgerEntry
from trading.accounting.positions import RoundTrip
from trading.engine import EngineState
from trading.fills import Fill
from trading.orders import Order


@dataclass(frozen=True, slots=True)
class AccountValuation:
    """How one account's positions and open orders stand in the market at one moment."""

    account_id: int
    time_ns: int
    positions: Sequence[Position]
    waiting: dict[str, dict[str, Any]]  # order id -> what it waits for, as JSON


@dataclass(slots=True)
class AccountUpdate:
    """All that changed for one account since the last commit, up to and including ``sequence``."""

    account_id: int
    sequence: int
    time_ns: int
    state: EngineState
    checkpoint: bytes | None = None  # None: no facts since the stored one, which may stay
    orders: dict[str, Order] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    entries: list[LedgerEntry] = field(default_factory=list)
    trips: list[RoundTrip] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)  # to keep as equity points
    reasons: list[tuple[int, dict[str, int]]] = field(default_factory=list)  # (end of an hour in ns, totals then)
    indicators: Any = None  # as the strategy keeps them
    valuation: AccountValuation | None = None  # None: less than a second after the last, or nothing is open
