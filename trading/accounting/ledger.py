"""Double entry: every change of an account is a fact whose postings sum to zero per currency."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from trading.market_snapshot import MarketSnapshot

ZERO = Decimal(0)
FEE_QUANTUM = Decimal("1e-10")  # Kraken keeps ten decimals of BTC; finer amounts are rounded half up


class InsufficientFunds(ValueError):
    """The account cannot pay for this."""


class Party(StrEnum):
    """Who gains or gives in a ledger entry."""

    ACCOUNT = "account"
    EXCHANGE = "exchange"
    FEES = "fees"
    LENDER = "lender"  # what it has given on balance is what the account owes
    OWNER = "owner"


class EntryKind(StrEnum):
    """The fact that an entry belongs to."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    TRADE = "trade"
    FEE = "fee"
    LOAN = "loan"
    REPAYMENT = "repayment"
    OPENING_FEE = "opening_fee"  # on what was borrowed, once
    ROLLOVER = "rollover"  # on what is still borrowed, every four hours
    LIQUIDATION_FEE = "liquidation_fee"


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One posting; the postings of one fact sum to zero per currency."""

    entry_id: str
    party: Party
    currency: str
    amount: Decimal  # what the party gains (+) or gives (-)
    kind: EntryKind
    fill_id: str
    sequence: int
    time_ns: int


Posting = tuple[Party, str, Decimal]


class Ledger:
    """Posts facts, and keeps the balances and loans that follow from them."""

    def __init__(self, balances: dict[str, Decimal], loans: dict[str, Decimal]) -> None:
        self.balances = balances  # never below zero
        self.loans = loans  # what is owed, above zero; nothing owed is no key

    def post(
        self,
        fact: str,
        kind: EntryKind,
        moved: list[Posting],
        snapshot: MarketSnapshot,
        *,
        fill_id: str = "",
        time_ns: int = 0,
    ) -> list[LedgerEntry]:
        """Write one fact down; it happens at the snapshot's time unless another one is given."""
        entries = []
        for at, (party, currency, amount) in enumerate(moved):
            if party is Party.ACCOUNT:
                self.balances[currency] = self.balances.get(currency, ZERO) + amount
            elif party is Party.LENDER:
                self._owe(currency, -amount)
            entries.append(
                LedgerEntry(
                    entry_id=f"{fact}:{at}",
                    party=party,
                    currency=currency,
                    amount=amount,
                    kind=kind,
                    fill_id=fill_id,
                    sequence=snapshot.sequence,
                    time_ns=time_ns or snapshot.time_ns,
                )
            )
        return entries

    def _owe(self, currency: str, amount: Decimal) -> None:
        owed = self.loans.get(currency, ZERO) + amount
        assert owed >= 0, "nobody pays back more than is owed"
        if owed:
            self.loans[currency] = owed
        else:
            del self.loans[currency]

    def borrow(
        self, fact: str, currency: str, amount: Decimal, snapshot: MarketSnapshot, fill_id: str = ""
    ) -> list[LedgerEntry]:
        """Take up a loan."""
        moved = [(Party.LENDER, currency, -amount), (Party.ACCOUNT, currency, amount)]
        return self.post(fact, EntryKind.LOAN, moved, snapshot, fill_id=fill_id)

    def borrow_missing(
        self, fact: str, currency: str, needed: Decimal, free: Decimal, snapshot: MarketSnapshot, fill_id: str = ""
    ) -> list[LedgerEntry]:
        """Take up what ``free`` lacks of ``needed``: what must be paid and cannot be is owed, never forgiven."""
        missing = needed - free
        return self.borrow(fact, currency, missing, snapshot, fill_id) if missing > 0 else []

    def pay_fee(
        self,
        fact: str,
        kind: EntryKind,
        currency: str,
        fee: Decimal,
        free: Decimal,
        snapshot: MarketSnapshot,
        *,
        fill_id: str = "",
        time_ns: int = 0,
    ) -> list[LedgerEntry]:
        """Pay a fee, with a loan where what is free does not reach."""
        if not fee:
            return []
        entries = self.borrow_missing(f"{fact}:loan", currency, fee, free, snapshot, fill_id)
        moved = [(Party.ACCOUNT, currency, -fee), (Party.FEES, currency, fee)]
        return entries + self.post(fact, kind, moved, snapshot, fill_id=fill_id, time_ns=time_ns)

    def repay(
        self, fact: str, currency: str, due: Decimal, free: Decimal, snapshot: MarketSnapshot, fill_id: str = ""
    ) -> list[LedgerEntry]:
        """Pay back ``due`` as far as what is free reaches; the rest stays owed."""
        part = min(due, free, self.loans.get(currency, ZERO))
        if part <= 0:
            return []
        moved = [(Party.ACCOUNT, currency, -part), (Party.LENDER, currency, part)]
        return self.post(fact, EntryKind.REPAYMENT, moved, snapshot, fill_id=fill_id)
