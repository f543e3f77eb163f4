"""The second pass: rows are written, one bulk statement a table. Safe to repeat after a crash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Model

from portfolios import models
from portfolios.models.columns import columns_of
from portfolios.rows.accounts import Rows
from portfolios.rows.orders import ANNOUNCED, CHANGING

Row = TypeVar("Row", bound=Model)

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
    fills = _write_new(models.Fill, [row for rows in accounts for row in rows.fills], "fill_id")
    trips = _write_new(models.RoundTrip, [row for rows in accounts for row in rows.trips], "trip_id")
    orders = _changed([row for rows in accounts for row in rows.changed])
    _write_once(models.LedgerEntry, [row for rows in accounts for row in rows.entries])
    _write_once(models.EquityPoint, [row for rows in accounts for row in rows.points])
    upsert(models.Order, [row for rows in accounts for row in rows.orders], ("account", "order_id"), CHANGING)
    upsert(models.ReasonCount, [row for rows in accounts for row in rows.reasons], ("account", "hour_end"))
    upsert(models.Balance, [row for rows in accounts for row in rows.balances], ("account", "currency"))
    positions = [row for rows in accounts for row in rows.positions]
    upsert(models.Position, positions, ("account", "symbol"), _POSITION_FIELDS)
    upsert(models.InstrumentFigures, [row for rows in accounts for row in rows.instruments], ("account", "symbol"))
    upsert(models.Checkpoint, [row for rows in accounts for row in rows.checkpoints], ("account",))
    upsert(models.Standing, [row for rows in accounts for row in rows.standings], ("account",))
    return New(orders=orders, fills=fills, trips=trips)


def upsert(
    model: type[Model],
    rows: Sequence[Model],
    unique: tuple[str, ...],
    changing: tuple[str, ...] | None = None,
) -> None:
    """Write rows; of those that are there by ``unique`` only ``changing`` is written, None: all other columns."""
    if rows:
        others = (c.name for c in columns_of(model) if not c.primary_key and c.name not in unique)
        columns = changing or tuple(others)
        _objects(model).bulk_create(rows, update_conflicts=True, unique_fields=unique, update_fields=columns)


def _write_once(model: type[Model], rows: Sequence[Model]) -> None:
    """Write the rows that are not written yet."""
    _objects(model).bulk_create(rows, ignore_conflicts=True)


def _write_new(model: type[Row], rows: Sequence[Row], key: str) -> list[Row]:
    """Write the rows whose account and ``key`` are not written yet; return them, with their ids.

    One worker alone writes for an account, so nobody comes between reading and writing.
    """
    if not rows:
        return []
    known = set(_among(model, rows, key).values_list("account_id", key))
    return list(_objects(model).bulk_create([row for row in rows if _identity(row, key) not in known]))


def _changed(orders: Sequence[models.Order]) -> list[models.Order]:
    """Return those that are not stored as they now stand, as far as a change of an order is announced."""
    if not orders:
        return []
    known = {
        (account_id, order_id): tuple(values)
        for account_id, order_id, *values in _among(models.Order, orders, "order_id").values_list(
            "account_id", "order_id", *ANNOUNCED
        )
    }
    return [o for o in orders if known.get(_identity(o, "order_id")) != tuple(getattr(o, name) for name in ANNOUNCED)]


def _among(model: type[Model], rows: Sequence[Any], key: str) -> Any:
    """Return what is stored of these rows, and perhaps more: the key of one with the account of another."""
    return _objects(model).filter(
        **{"account_id__in": {row.account_id for row in rows}, f"{key}__in": [getattr(row, key) for row in rows]}
    )


def _identity(row: Any, key: str) -> tuple[int, str]:
    return row.account_id, getattr(row, key)


def _objects(model: type[Model]) -> Any:
    return model._default_manager  # noqa: SLF001  (Django's own name)
