"""The rows of what is owned. Written by `portfolios.services` alone, read through `portfolios.selectors`.

Money and quantities are numeric(36, 18); times are UTC of the market's clock unless a field says otherwise.
"""

from portfolios.models.accounts import Account, Checkpoint, Liquidity, Season, SharedBook
from portfolios.models.audit import AuditEntry
from portfolios.models.columns import money
from portfolios.models.commands import OPEN_STATES, Command, CommandKind, CommandState
from portfolios.models.facts import Fill, LedgerEntry, Order, RoundTrip
from portfolios.models.fees import FeeSchedule
from portfolios.models.messages import Message, MessageKind
from portfolios.models.standings import (
    Balance,
    EquityPoint,
    InstrumentFigures,
    OpenOrders,
    Position,
    ReasonCount,
    Shadow,
    Standing,
)

__all__ = [
    "OPEN_STATES",
    "Account",
    "AuditEntry",
    "Balance",
    "Checkpoint",
    "Command",
    "CommandKind",
    "CommandState",
    "EquityPoint",
    "FeeSchedule",
    "Fill",
    "InstrumentFigures",
    "LedgerEntry",
    "Liquidity",
    "Message",
    "MessageKind",
    "OpenOrders",
    "Order",
    "Position",
    "ReasonCount",
    "RoundTrip",
    "Season",
    "Shadow",
    "SharedBook",
    "Standing",
    "money",
]
