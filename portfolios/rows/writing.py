"""The second pass: rows are written, one bulk statement a table. Safe to repeat after a crash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from portfolios import models
from portfolios.rows.accounts import Rows
from portfolios.rows.bulk import insert_new, upsert
from portfolios.rows.orders import ANNOUNCED, CHANGING

# The other columns of a position are written with its valuation.
_POSITION_FIELDS = ("qty", "average_price", "fees", "opened_at", "leverage", "margin", "borrowed", "mae", "mfe")


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """What was not stored before: facts, with their ids, and orders as they now stand."""

    orders: list[models.Order]
    fills: list[models.Fill]
    trips: list[models.RoundTrip]


def write(accounts: Sequence[Rows]) -> New:
    """Write the rows of many accounts; return what is new.

    An id already written is skipped, a newer state replaces an older one. To be called in a transaction.
    """
    fills = insert_new(models.Fill, [row for rows in accounts for row in rows.fills], ("account", "fill_id"))
    trips = insert_new(models.RoundTrip, [row for rows in accounts for row in rows.trips], ("account", "trip_id"))
    orders = _changed([row for rows in accounts for row in rows.changed])
    insert_new(models.LedgerEntry, [row for rows in accounts for row in rows.entries], ("account", "entry_id"))
    insert_new(models.EquityPoint, [row for rows in accounts for row in rows.points], ("account", "time"))
    upsert(models.Order, [row for rows in accounts for row in rows.orders], ("account", "order_id"), CHANGING)
    upsert(models.ReasonCount, [row for rows in accounts for row in rows.reasons], ("account", "hour_end"))
    upsert(models.Balance, [row for rows in accounts for row in rows.balances], ("account", "currency"))
    positions = [row for rows in accounts for row in rows.positions]
    upsert(models.Position, positions, ("account", "symbol"), _POSITION_FIELDS)
    upsert(models.InstrumentFigures, [row for rows in accounts for row in rows.instruments], ("account", "symbol"))
    upsert(models.Checkpoint, [row for rows in accounts for row in rows.checkpoints], ("account",))
    upsert(models.Standing, [row for rows in accounts for row in rows.standings], ("account",))
    return New(orders=orders, fills=fills, trips=trips)


def _changed(orders: Sequence[models.Order]) -> list[models.Order]:
    """Return those that are not stored as they now stand, as far as a change of an order is announced."""
    if not orders:
        return []
    # Perhaps more than these: the key of one with the account of another.
    stored = models.Order.objects.filter(
        account_id__in={row.account_id for row in orders}, order_id__in=[row.order_id for row in orders]
    )
    known = {
        (account_id, order_id): tuple(values)
        for account_id, order_id, *values in stored.values_list("account_id", "order_id", *ANNOUNCED)
    }
    return [o for o in orders if known.get((o.account_id, o.order_id)) != tuple(getattr(o, name) for name in ANNOUNCED)]
