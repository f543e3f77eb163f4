"""Many rows in one statement, handed over as one JSON value.

A worker's commit waits for this. PostgreSQL takes the value apart by the columns of the table itself, for a tenth of
the processor time that a parameter for each field, or an array for each column, costs here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import msgspec
from django.db import connection
from django.db.models import Model
from django.utils import timezone

from portfolios.models.columns import columns_of

Row = TypeVar("Row", bound=Model)

_encoder = msgspec.json.Encoder()


def insert_new(model: type[Row], rows: Sequence[Row], unique: tuple[str, ...]) -> list[Row]:
    """Write the rows that are not stored yet by ``unique``, in their order; return those, with their ids if any."""
    if not rows:
        return []
    names = _names(model, unique)
    key = _key(model)
    sql = _insert(model, f"ON CONFLICT ({_listed(names)}) DO NOTHING RETURNING {_listed(names)}, {key or 'NULL'}")
    with connection.cursor() as cursor:
        cursor.execute(sql, [_as_json(model, rows)])
        ids = {tuple(found): number for *found, number in cursor.fetchall()}
    attributes = _attributes(model, unique)
    new = []
    for row in rows:
        found = tuple(getattr(row, name) for name in attributes)
        if found in ids:
            # Of two that are equal by ``unique`` one was written: popped, so that one is returned.
            number = ids.pop(found)
            if key:
                row.pk = number
            new.append(row)
    return new


def upsert(
    model: type[Model],
    rows: Sequence[Model],
    unique: tuple[str, ...],
    changing: tuple[str, ...] | None = None,
) -> None:
    """Write rows; of those that are there by ``unique`` only ``changing`` is written, None: all other columns."""
    if rows:
        others = tuple(c.name for c in columns_of(model) if not c.primary_key and c.name not in unique)
        columns = _names(model, changing or others)
        settings = ", ".join(f'"{name}" = EXCLUDED."{name}"' for name in columns)
        sql = _insert(model, f"ON CONFLICT ({_listed(_names(model, unique))}) DO UPDATE SET {settings}")
        with connection.cursor() as cursor:
            cursor.execute(sql, [_as_json(model, rows)])


def _as_json(model: type[Model], rows: Sequence[Model]) -> str:
    columns = _written(model)
    for column in _stamped(model):
        now = timezone.now()
        for row in rows:
            setattr(row, column, now)
    return _encoder.encode([_plain(row, columns) for row in rows]).decode()


def _plain(row: Model, columns: Mapping[str, tuple[str, bool]]) -> dict[str, Any]:
    return {
        name: _hex(getattr(row, attribute)) if is_binary else getattr(row, attribute)
        for name, (attribute, is_binary) in columns.items()
    }


def _hex(payload: bytes | None) -> str | None:
    return None if payload is None else "\\x" + payload.hex()  # as PostgreSQL spells bytes


@cache
def _written(model: type[Model]) -> Mapping[str, tuple[str, bool]]:
    """Return the columns that are written, each with the row's attribute; the database numbers the rows itself."""
    return {
        str(column.column): (column.attname, column.get_internal_type() == "BinaryField")
        for column in columns_of(model)
        if column.get_internal_type() != "BigAutoField"
    }


@cache
def _stamped(model: type[Model]) -> Sequence[str]:
    """Return the columns that say when a row was written."""
    return [column.attname for column in columns_of(model) if getattr(column, "auto_now", False)]


@cache
def _insert(model: type[Model], then: str) -> str:
    table, names = model._meta.db_table, _listed(_written(model))  # noqa: SLF001  (Django's own name)
    return (
        f'INSERT INTO "{table}" ({names}) SELECT {names}'  # noqa: S608 - names of our own columns
        f' FROM json_populate_recordset(NULL::"{table}", %s::json) {then}'
    )


@cache
def _names(model: type[Model], fields: tuple[str, ...]) -> tuple[str, ...]:
    by_field = {column.name: str(column.column) for column in columns_of(model)}
    return tuple(by_field[name] for name in fields)


@cache
def _attributes(model: type[Model], fields: tuple[str, ...]) -> tuple[str, ...]:
    by_field = {column.name: column.attname for column in columns_of(model)}
    return tuple(by_field[name] for name in fields)


@cache
def _key(model: type[Model]) -> str:
    """Return the column that the database numbers, empty where it numbers none."""
    return next((str(c.column) for c in columns_of(model) if c.get_internal_type() == "BigAutoField"), "")


def _listed(names: Any) -> str:
    return ", ".join(f'"{name}"' for name in names)
