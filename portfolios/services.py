"""Writes the facts of accounts. Each function is one fact: written whole, safe to repeat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db import transaction

from portfolios.outbox.writing import announce
from portfolios.rows.accounts import rows_of
from portfolios.rows.updates import AccountUpdate
from portfolios.rows.writing import write
from trading.instruments import Instrument


@transaction.atomic
def record_updates(updates: Sequence[AccountUpdate], instruments: Mapping[str, Instrument]) -> None:
    """Write orders, fills, ledger entries, positions, marks and cursors of many accounts as one fact.

    What is new is announced on the stream. Safe to repeat after a crash: an id already written is
    skipped and not announced again, a newer state replaces an older one.
    """
    new = write([rows_of(update, instruments) for update in updates])
    announce(orders=new.orders, fills=new.fills, trips=new.trips)
