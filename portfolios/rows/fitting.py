"""Whether rows fit their columns: decided for one account at a time, before any of it is written.

One value that a column cannot hold would fail the statement that writes the rows of every account.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from math import isfinite
from typing import Any

from django.db import InterfaceError, OperationalError, connection
from django.db.models import CharField, DateTimeField, DecimalField, IntegerField, JSONField, Model, TextField

from portfolios.models.columns import columns_of
from trading.bounds import shown

Misfit = Callable[[Any], str]  # a value -> what would have been right; empty: it fits

_LIMIT_EXCEEDED = "54"  # classes of SQLSTATE: a text or a JSON object larger than the type takes
_WRONG_STATEMENT = "42"  # a table or a column is missing
MOST_JSON_LEVELS = 20
MOST_JSON_ENTRIES = 2_000  # of one list or object
LONGEST_JSON_TEXT = 10_000
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


def misfits(row: Model) -> dict[str, str]:
    """Return what is wrong with each text and each JSON of ``row`` that its column cannot hold, by column."""
    found: dict[str, str] = {}
    for name, misfit in _checks(type(row)):
        value = row.__dict__.get(name)
        if misfit in (_json, _object, _list):
            expected = misfit(value) or json_misfit(value)
        else:
            expected = misfit(value) if isinstance(value, str) and name in _texts(type(row)) else ""
        if expected:
            found[name] = f"{name} is {shown(value)}; expected {expected}"
    return found


def json_misfit(value: Any, levels: int = MOST_JSON_LEVELS) -> str:
    """Return what would have been right where ``value`` holds what no JSON column does; empty: it fits."""
    if isinstance(value, dict | list):
        if not levels:
            return f"at most {MOST_JSON_LEVELS} levels of lists and objects"
        if len(value) > MOST_JSON_ENTRIES:
            return f"at most {MOST_JSON_ENTRIES:,} entries"
        parts = [*value, *value.values()] if isinstance(value, dict) else value
        return next(filter(None, (json_misfit(part, levels - 1) for part in parts)), "")
    if isinstance(value, str):
        return _text(LONGEST_JSON_TEXT)(value)
    if isinstance(value, Decimal) and not value.is_finite():
        return "finite numbers"
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return "" if -(2**63) <= value < 2**63 else "numbers of at most 64 bits"
    if isinstance(value, float):
        return "" if isfinite(value) else "finite numbers"
    return ""


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


@cache
def _texts(model: type[Model]) -> frozenset[str]:
    return frozenset(each.attname for each in columns_of(model) if isinstance(each, CharField | TextField))


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
            by_default: Misfit = _JSON.get(column.default, _json)
            return by_default
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
    length = f" of at most {longest} characters," if longest else ""
    expected = f"text{length} without NUL and lone surrogates"

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


def _object(value: Any) -> str:
    return "" if isinstance(value, dict) else "an object"


def _list(value: Any) -> str:
    return "" if isinstance(value, list) else "a list"


_JSON: Mapping[Any, Misfit] = {dict: _object, list: _list}  # by the default of the column
