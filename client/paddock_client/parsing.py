"""Parsing: JSON to dataclasses, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from paddock_client.errors import UnexpectedAnswer

T = TypeVar("T")
MORE = "more"
_FROM_TEXT: Mapping[Any, Callable[[str], Any]] = {
    Decimal: Decimal,
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
}


def parsed(kind: type[T], data: Any) -> T:
    """Return a dataclass from its JSON; keys without a field are kept in ``more``, if it has that, else dropped.

    Raises:
        UnexpectedAnswer: a field is missing, or holds something else than it should.
    """
    if not isinstance(data, dict):
        raise UnexpectedAnswer(f"{kind.__name__}: {str(data)[:100]!r} came; expected an object")
    values: dict[str, Any] = {}
    fields = _fields(cast(Any, kind))
    if MORE in fields:
        known = {key for key, _, _ in fields.values()}
        values[MORE] = {key: value for key, value in data.items() if key not in known}
    for name, (key, hint, is_required) in fields.items():
        if key in data:
            values[name] = _value(hint, data[key], f"{kind.__name__}.{name}")
        elif is_required:
            raise UnexpectedAnswer(f"{kind.__name__}.{name} is missing")
    return kind(**values)


def parsed_list(kind: type[T], data: Any) -> list[T]:
    """Return a list of dataclasses from its JSON."""
    if not isinstance(data, list):
        raise UnexpectedAnswer(f"{kind.__name__}: {str(data)[:100]!r} came; expected a list")
    return [parsed(kind, each) for each in data]


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: decimals and times as text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name.rstrip("_"): plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date) else value  # a moment is a date, too


@cache
def _fields(kind: Any) -> dict[str, tuple[str, Any, bool]]:
    """Return the fields of a dataclass: their names in JSON, their types, and whether they are required."""
    hints = get_type_hints(kind)
    assert dataclasses.is_dataclass(kind), "only dataclasses are parsed"
    return {
        f.name: (
            f.name.rstrip("_"),
            hints[f.name],
            f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING,
        )
        for f in dataclasses.fields(kind)
    }


def _value(hint: Any, data: Any, name: str) -> Any:
    if hint is Any:
        return data
    if isinstance(hint, UnionType):
        if data is None and NoneType in get_args(hint):
            return None
        (hint,) = (each for each in get_args(hint) if each is not NoneType)
    if dataclasses.is_dataclass(hint):
        return parsed(hint, data)  # type: ignore[arg-type]
    if get_origin(hint) is list and isinstance(data, list):
        return [_value(get_args(hint)[0], each, name) for each in data]
    if get_origin(hint) is dict and isinstance(data, dict):
        return {key: _value(get_args(hint)[1], each, name) for key, each in data.items()}
    if hint in _FROM_TEXT and isinstance(data, str):
        with suppress(InvalidOperation, ValueError):
            return _FROM_TEXT[hint](data)
    if hint is float and isinstance(data, int | float):
        return float(data)
    if isinstance(hint, type) and type(data) is hint:
        return data
    raise UnexpectedAnswer(f"{name} is {str(data)[:100]!r}; expected {getattr(hint, '__name__', hint)}")
