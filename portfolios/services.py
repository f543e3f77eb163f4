"""Writes the facts of accounts. Each function is one fact: written whole, safe to repeat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db import transaction

from portfolios.outbox.writing import announce
from portfolios.rows.accounts import Rows, rows_of
from portfolios.rows.fitting import require_fitting, require_fitting_checkpoint
from portfolios.rows.updates import AccountUpdate
from portfolios.rows.writing import write
from trading.instruments import Instrument


def prepared(update: AccountUpdate, instruments: Mapping[str, Instrument]) -> Rows:
    """Return the rows that one account's update becomes, checked against their columns; nothing is read or written.

    Raises:
        Unstorable: one of them has a value that its column cannot hold.
    """
    rows = rows_of(update, instruments)
    require_fitting(rows.all())
    if update.valuation is not None:
        require_fitting(update.valuation.positions)
    if update.checkpoint is not None:
        require_fitting_checkpoint(update.checkpoint)
    return rows


@transaction.atomic
def record_rows(accounts: Sequence[Rows]) -> None:
    """Write orders, fills, ledger entries, positions, marks and cursors of many accounts as one fact.

    What is new is announced on the stream. Safe to repeat after a crash: an id already written is
    skipped and not announced again, a newer state replaces an older one.
    """
    new = write(accounts)
    announce(orders=new.orders, fills=new.fills, trips=new.trips)


def record_updates(updates: Sequence[AccountUpdate], instruments: Mapping[str, Instrument]) -> None:
    """Write the updates of many accounts as one fact; safe to repeat.

    Raises:
        Unstorable: one of them has a value that its column cannot hold; nothing is written.
    """
    record_rows([prepared(update, instruments) for update in updates])
