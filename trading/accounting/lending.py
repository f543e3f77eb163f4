"""What is owed over time: debts that are paid back as soon as they can be, and what lending costs."""

from __future__ import annotations

from decimal import Decimal

from trading.accounting.buying_power import BuyingPower
from trading.accounting.ledger import EntryKind, Ledger, LedgerEntry
from trading.accounting.margin import MarginTerms
from trading.accounting.positions import Position
from trading.accounting.state import AccountState
from trading.market_snapshot import MarketSnapshot


def settle_debt(
    buying_power: BuyingPower, ledger: Ledger, fact: str, currency: str, snapshot: MarketSnapshot, fill_id: str = ""
) -> list[LedgerEntry]:
    """Pay back what is owed beside the loans of open positions, from what is free."""
    debt = buying_power.debt(currency)
    if debt <= 0:
        return []
    return ledger.repay(fact, currency, debt, buying_power.free(currency, snapshot), snapshot, fill_id)


def charge_rollovers(
    state: AccountState,
    ledger: Ledger,
    buying_power: BuyingPower,
    terms: MarginTerms,
    position: Position,
    into_account: Decimal,
    snapshot: MarketSnapshot,
) -> list[LedgerEntry]:
    """Charge every rollover of a position's loans that has come due, each at its own time; none twice."""
    entries: list[LedgerEntry] = []
    for loan in position.loans:
        while terms.next_rollover_ns(loan) <= snapshot.time_ns:
            due_ns, fee = terms.next_rollover_ns(loan), terms.fee(loan)
            loan.rollovers += 1
            fact = f"{loan.loan_id}:rollover-{loan.rollovers}"
            free = buying_power.free(position.quote, snapshot, but=position.symbol)
            entries += ledger.pay_fee(fact, EntryKind.ROLLOVER, position.quote, fee, free, snapshot, time_ns=due_ns)
            position.charge(fee)
            tally = state.tallies[position.symbol]
            tally.fees += fee
            tally.paid += fee * into_account
            tally.interest += fee * into_account
            state.fees += fee * into_account
            state.interest += fee * into_account
    return entries
