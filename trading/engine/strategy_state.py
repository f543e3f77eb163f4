"""A strategy's state as bytes and back, with every type it may hold.

msgpack alone would turn tuples into lists and decimals into text; a strategy would
then behave differently after a restart. Here each value comes back as it was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timezone
from decimal import Decimal
from io import BytesIO
from typing import Any

import msgspec
import numpy as np

from trading.bounds import shown

STATE_LIMIT_BYTES = 4 * 2**20  # packed; it is written with every checkpoint
MOST_LEVELS = 100  # of things within things
_LONGEST_PATH = 200
_MOST_BITS = 12_000  # of a whole number: as many as Python spells in decimals
_TAG, _BODY = "\x00t", "v"  # a tagged value is a map with this key, which no strategy will use
_EXPECTED = (
    "expected plain values, lists, tuples, dicts, sets, deques, aware datetimes, Decimals or numpy arrays, "
    "each of exactly that type"
)


class UnsavableState(TypeError):
    """A strategy keeps something that cannot be written down, or would not come back as it was, or too much."""


def pack_state(state: dict[str, Any]) -> bytes:
    """Return ``state`` as msgpack, equal states as equal bytes; ``unpack_state`` gives every value back in its type.

    None, bool, int, float, str, bytes, list, tuple, dict, set, frozenset, deque, aware datetime, Decimal and
    numpy arrays and scalars may be nested in any way. Types derived from these would come back as what they
    derive from, so they are refused now, not missed after a restart.

    Raises:
        UnsavableState: it names the path and the type of anything else, or the size of what is too large.
    """
    try:
        packed = msgspec.msgpack.encode(_plain(state, MOST_LEVELS))
    except _Unkept as unkept:
        raise UnsavableState(f"{unkept.path} {unkept.why}") from None
    if len(packed) > STATE_LIMIT_BYTES:
        raise UnsavableState(f"the state {_too_large(len(packed))}")
    return packed


def unpack_state(data: bytes) -> dict[str, Any]:
    """Return the state that ``pack_state`` wrote."""
    state = _restored(msgspec.msgpack.decode(data))
    assert isinstance(state, dict), "pack_state writes a dict"
    return state


class _Unkept(Exception):
    """What cannot be kept; where it lies is added from the inside out while the walk is left."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
        self.places: list[str] = []

    @property
    def path(self) -> str:
        path = "".join(["state", *reversed(self.places)])
        return path if len(path) <= _LONGEST_PATH else f"{path[:_LONGEST_PATH]}…"


def _plain(value: Any, levels: int) -> Any:
    kind = type(value)
    if value is None or kind is bool or kind is float:
        return value
    if kind is int:
        return value if -(2**63) <= value < 2**64 else _large(value)
    if kind is str:
        return value if value.isascii() else _text(value)
    if kind is bytes:
        return value
    if levels == 0:
        raise _Unkept(f"lies {MOST_LEVELS} levels deep, or holds itself; expected fewer levels")
    if kind is dict:
        return _plain_dict(value, levels - 1)
    if kind is list:
        return _plain_items(value, levels - 1)
    return _plain_rich(value, levels - 1)


def _large(value: int) -> Any:
    if value.bit_length() > _MOST_BITS:
        raise _Unkept(f"is an int of {value.bit_length()} bits; expected at most {_MOST_BITS}")
    return _tagged("int", str(value))


def _text(value: str) -> Any:
    try:
        value.encode()
    except UnicodeEncodeError:  # half a pair of surrogates, which UTF-8 does not have
        return _tagged("text", value.encode("utf-8", "surrogatepass"))
    return value


def _plain_items(values: Any, levels: int) -> list[Any]:
    if len(values) > STATE_LIMIT_BYTES:
        raise _Unkept(_too_large(len(values)))
    plain: list[Any] = []
    try:
        for item in values:
            plain.append(_plain(item, levels))
    except _Unkept as unkept:
        unkept.places.append(f"[{len(plain)}]")
        raise
    return plain


def _plain_dict(values: dict[Any, Any], levels: int) -> Any:
    if len(values) > STATE_LIMIT_BYTES:
        raise _Unkept(_too_large(len(values)))
    is_plain = _TAG not in values and all(type(key) is str and key.isascii() for key in values)
    keys = list(values) if is_plain else [_plain_key(key, levels) for key in values]
    items: list[Any] = []
    try:
        for item in values.values():
            items.append(_plain(item, levels))
    except _Unkept as unkept:
        unkept.places.append(f"[{shown(list(values)[len(items)])}]")
        raise
    pairs = zip(keys, items, strict=True)
    return dict(pairs) if is_plain else _tagged("dict", [[key, item] for key, item in pairs])


def _plain_key(key: Any, levels: int) -> Any:
    try:
        return _plain(key, levels)
    except _Unkept as unkept:
        raise _Unkept(f"has a key that {unkept.why}") from None


def _plain_members(values: Any, levels: int) -> list[Any]:
    try:
        return sorted((_plain(item, levels) for item in values), key=repr)
    except _Unkept as unkept:
        raise _Unkept(f"has a member that {unkept.why}") from None


def _plain_rich(value: Any, levels: int) -> Any:
    kind = type(value)
    if kind is tuple:
        return _tagged("tuple", _plain_items(value, levels))
    if kind is deque:
        return _tagged("deque", [_plain_items(value, levels), value.maxlen])
    if kind is set or kind is frozenset:
        return _tagged(kind.__name__, _plain_members(value, levels))
    if kind is Decimal:
        return _tagged("decimal", str(value))
    if kind is datetime and type(value.tzinfo) is timezone:
        return _tagged("datetime", value.isoformat())
    if isinstance(value, np.generic) or kind is np.ndarray:
        return _array(value)
    raise _Unkept(f"is {_described(value)}; {_instead_of(value)}")


def _array(value: Any) -> Any:
    if value.dtype.hasobject:
        raise _Unkept("is a numpy array of Python objects; expected numbers, truth values or text in it")
    if value.nbytes > STATE_LIMIT_BYTES:
        raise _Unkept(_too_large(value.nbytes))
    buffer = BytesIO()
    np.save(buffer, np.asarray(value), allow_pickle=False)
    return _tagged("scalar" if isinstance(value, np.generic) else "array", buffer.getvalue())


def _too_large(size: int) -> str:
    return f"takes {size / 2**20:.1f} MB packed; at most {STATE_LIMIT_BYTES / 2**20:.0f} MB are kept"


def _described(value: Any) -> str:
    kind = type(value)
    if isinstance(value, datetime) and kind is datetime:
        zone = "without a zone" if value.tzinfo is None else f"in the zone {str(value.tzinfo)[:40]}"
        return f"a datetime {zone}"
    parent = next((base for base in kind.__mro__[1:] if base in _KEPT_BY_PARENT), None)
    return f"a {kind.__name__}" + ("" if parent is None else f" (derived from {parent.__name__})")


def _instead_of(value: Any) -> str:
    """Return what would have been right, as far as that can be known."""
    kind = type(value)
    if isinstance(value, datetime):
        return "expected one in UTC, like data.time; its .astimezone(UTC) can be kept"
    for parent in kind.__mro__[1:]:
        if parent in _KEPT_BY_PARENT:
            return f"expected {_KEPT_BY_PARENT[parent]}: after a restart it would be a plain {parent.__name__}"
    return _EXPECTED


_KEPT_BY_PARENT = {
    tuple: "tuple(...) of it, or a dict",
    str: "plain text, like its .value",
    int: "a plain number, like its .value",
    float: "float(...) of it",
    bytes: "bytes(...) of it",
    dict: "dict(...) of it",
    list: "list(...) of it",
    set: "set(...) of it",
    frozenset: "frozenset(...) of it",
    deque: "a plain deque",
    Decimal: "Decimal(...) of it",
    np.ndarray: "np.asarray(...) of it",
}


def _tagged(tag: str, body: Any) -> dict[str, Any]:
    return {_TAG: tag, _BODY: body}


def _restored(value: Any) -> Any:
    if isinstance(value, list):
        return [_restored(item) for item in value]
    if not isinstance(value, dict):
        return value
    if _TAG not in value:
        return {key: _restored(item) for key, item in value.items()}
    return _untagged(value[_TAG], value[_BODY])


def _untagged(tag: str, body: Any) -> Any:
    match tag:
        case "int":
            return int(body)
        case "text":
            return body.decode("utf-8", "surrogatepass")
        case "tuple":
            return tuple(_restored(item) for item in body)
        case "dict":
            return {_restored(key): _restored(item) for key, item in body}
        case "deque":
            return deque((_restored(item) for item in body[0]), body[1])
        case "set":
            return _members(body)
        case "frozenset":
            return frozenset(_members(body))
        case "decimal":
            return Decimal(body)
        case "datetime":
            return datetime.fromisoformat(body)
        case "array":
            return np.load(BytesIO(body), allow_pickle=False)
        case "scalar":
            return np.load(BytesIO(body), allow_pickle=False)[()]
    raise UnsavableState(f"the saved state holds a {tag!r}, which this version does not know")


def _members(items: Iterable[Any]) -> set[Any]:
    return {_restored(item) for item in items}
