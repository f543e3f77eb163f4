"""What survives of an account, and what it is worth at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import msgspec

from trading.accounting.ledger import ZERO
from trading.accounting.positions import Position, Tally


class Worth(msgspec.Struct, frozen=True):
    """What the account is worth, in its currency; what it owes is taken off."""

    equity: Decimal  # all that is held sold into the book, all that is owed bought back, less the taker fee
    mid_equity: Decimal
    exposure: Decimal  # holdings and debts other than the account's currency and the stake's, at mid, never netted
    owed: Decimal = ZERO  # all loans, at mid


@dataclass(frozen=True, slots=True)
class InstrumentFigures:
    """How an account has done through one instrument."""

    tally: Tally
    unrealised: Decimal  # account currency: what is open at mid, less what it cost and the fees paid for it
    exposure: Decimal  # account currency, signed: what is open at mid, below zero when it is owed


class Payment(msgspec.Struct, frozen=True, array_like=True):
    """What the owner paid in (+) or took out (-)."""

    time_ns: int
    value: Decimal  # account currency, at mid


class AccountState(msgspec.Struct):
    """All that an account remembers; a checkpoint stores it whole."""

    currency: str
    balances: dict[str, Decimal] = {}
    loans: dict[str, Decimal] = {}  # owed, above zero; nothing owed is no key
    positions: dict[str, Position] = {}
    stake: Decimal = ZERO  # account currency, what was paid in less what was taken out
    stake_currency: str = ""  # what it was paid in as
    payments: list[Payment] = []
    realised: Decimal = ZERO  # account currency, fees included
    fees: Decimal = ZERO  # account currency, of every kind
    interest: Decimal = ZERO  # account currency, the part of the fees that lending cost
    volume_by_day: dict[int, Decimal] = {}  # days since the epoch -> USD traded
    tallies: dict[str, Tally] = {}  # by symbol
    round_trips: int = 0
    wins: int = 0
    is_called: bool = False  # margin has been called and not been restored since
    bankrupt_ns: int = 0  # when all was closed and less than nothing was left; zero: never

    @property
    def paid_in(self) -> Decimal:
        """All that was ever paid in, account currency; what was taken out again is not taken off."""
        return sum((payment.value for payment in self.payments if payment.value > 0), ZERO) or self.stake
