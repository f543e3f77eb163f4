"""Whether rows fit their columns: decided for one account at a time, before any of it is written.

One value that a column cannot hold would fail the statement that writes the rows of every account.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from django.db import InterfaceError, OperationalError, connection
from django.db.models import CharField, DateTimeField, DecimalField, IntegerField, JSONField, Model, TextField

from portfolios.models.columns import columns_of
from trading.bounds import shown

Misfit = Callable[[Any], str]  # a value -> what would have been right; empty: it fits

_LIMIT_EXCEEDED = "54"  # classes of SQLSTATE: a text or a JSON object larger than the type takes
_WRONG_STATEMENT = "42"  # a table or a column is missing
LARGEST_PAYLOAD_BYTES = 64 * 2**20  # of a checkpoint; PostgreSQL takes 1 GB, everybody else's commit waits for it


class Unstorable(ValueError):
    """A row with a value that its column cannot hold; the message names table, column, value and what would fit."""


def require_fitting(rows: Iterable[Model]) -> None:
    """Check every value of ``rows`` against its column.

    Raises:
        Unstorable: the first that does not fit.
    """
    for row in rows:
        for name, misfit in _checks(type(row)):
            value = row.__dict__.get(name)
            if value is not None and (expected := misfit(value)):
                raise Unstorable(f"{type(row).__name__}.{name} is {shown(value)}; expected {expected}")


def require_fitting_checkpoint(payload: bytes) -> None:
    """Check that a checkpoint is no larger than what others can wait for.

    Raises:
        Unstorable: it is.
    """
    if len(payload) > LARGEST_PAYLOAD_BYTES:
        most = LARGEST_PAYLOAD_BYTES // 2**20
        raise Unstorable(f"the checkpoint takes {len(payload) / 2**20:.0f} MB; expected at most {most} MB")


def is_of_the_rows(error: Exception) -> bool:
    """Return whether a statement failed for what was to be written, not for the database that should write it.

    What PostgreSQL says of itself (away, full, shutting down, without the table) is nobody's fault.
    """
    state = getattr(error.__cause__, "sqlstate", None) or ""
    if isinstance(error, OperationalError | InterfaceError):
        return state.startswith(_LIMIT_EXCEEDED)
    return not state.startswith(_WRONG_STATEMENT)


@cache
def _checks(model: type[Model]) -> list[tuple[str, Misfit]]:
    checks = []
    for column in columns_of(model):
        misfit = _misfit_of(column)
        if misfit is not None and not column.primary_key and not column.is_relation:
            checks.append((column.attname, misfit))
    return checks


def _misfit_of(column: Any) -> Misfit | None:
    match column:
        case DecimalField():
            return _decimal(column.max_digits - column.decimal_places)
        case IntegerField():
            return _integer(*connection.ops.integer_field_range(column.get_internal_type()))
        case CharField():
            return _text(column.max_length)
        case TextField():
            return _text(None)
        case DateTimeField():
            return _moment
        case JSONField():
            return _json
    return None


def _decimal(digits: int) -> Misfit:
    most = Decimal(10) ** digits
    expected = f"a number of at most {digits} digits before the point"

    def misfit(value: Any) -> str:
        if type(value) is Decimal:
            return "" if value.is_finite() and -most < value < most else expected
        return "" if type(value) is int and -most < value < most else expected

    return misfit


def _integer(least: int | None, most: int | None) -> Misfit:
    assert least is not None, "PostgreSQL's integers have bounds"
    assert most is not None, "PostgreSQL's integers have bounds"
    expected = f"a whole number from {least} to {most}"
    return lambda value: "" if type(value) is int and least <= value <= most else expected


def _text(longest: int | None) -> Misfit:
    expected = "text without NUL and lone surrogates" + (f" of at most {longest} characters" if longest else "")

    def misfit(value: Any) -> str:
        if not isinstance(value, str) or (longest is not None and len(value) > longest) or "\x00" in value:
            return expected
        return "" if value.isascii() or _is_utf8(value) else expected

    return misfit


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _moment(value: Any) -> str:
    return "" if isinstance(value, datetime) and value.tzinfo is not None else "an aware time"


def _json(value: Any) -> str:
    return "" if isinstance(value, dict | list) else "an object or a list"
