"""A strategy's state as bytes and back, with every type it may hold.

msgpack alone would turn tuples into lists and decimals into text; a strategy would
then behave differently after a restart. Here each value comes back as it was.
"""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import msgspec
import numpy as np

STATE_LIMIT_BYTES = 4 * 2**20  # packed; it is written with every checkpoint
_TAG, _BODY = "\x00t", "v"  # a tagged value is a map with this key, which no strategy will use


class UnsavableState(TypeError):
    """A strategy keeps something that cannot be written down, or too much."""


def pack_state(state: dict[str, Any]) -> bytes:
    """Return ``state`` as msgpack, equal states as equal bytes.

    None, bool, int, float, str, bytes, list, tuple, dict, set, deque, aware datetime,
    Decimal and numpy arrays and scalars may be nested in any way.

    Raises:
        UnsavableState: it names the path and the type of anything else, or the size of what is too large.
    """
    packed = msgspec.msgpack.encode(_plain(state, "state"))
    if len(packed) > STATE_LIMIT_BYTES:
        raise UnsavableState(
            f"the state takes {len(packed) / 2**20:.1f} MB packed; at most {STATE_LIMIT_BYTES / 2**20:.0f} MB are kept"
        )
    return packed


def unpack_state(data: bytes) -> dict[str, Any]:
    """Return the state that ``pack_state`` wrote."""
    state = _restored(msgspec.msgpack.decode(data))
    assert isinstance(state, dict), "pack_state writes a dict"
    return state


def _plain(value: Any, path: str) -> Any:
    if value is None or isinstance(value, bool | str | bytes):
        return value
    if type(value) is int:
        return value if -(2**63) <= value < 2**64 else _tagged("int", str(value))
    if type(value) is float:
        return value
    if type(value) is list:
        return [_plain(item, f"{path}[{at}]") for at, item in enumerate(value)]
    if type(value) is dict:
        return _plain_dict(value, path)
    return _plain_rich(value, path)


def _plain_dict(value: dict[Any, Any], path: str) -> Any:
    if all(type(key) is str for key in value) and _TAG not in value:
        return {key: _plain(item, f"{path}[{key!r}]") for key, item in value.items()}
    pairs = [[_plain(k, f"{path} key"), _plain(v, f"{path}[{k!r}]")] for k, v in value.items()]
    return _tagged("dict", pairs)


def _plain_rich(value: Any, path: str) -> Any:
    if isinstance(value, tuple):
        return _tagged("tuple", [_plain(item, f"{path}[{at}]") for at, item in enumerate(value)])
    if isinstance(value, deque):
        return _tagged("deque", [[_plain(item, f"{path}[...]") for item in value], value.maxlen])
    if isinstance(value, set | frozenset):
        items = sorted((_plain(item, f"{path} item") for item in value), key=repr)
        return _tagged("set", items)
    if isinstance(value, Decimal):
        return _tagged("decimal", str(value))
    if isinstance(value, datetime) and value.tzinfo is not None:
        return _tagged("datetime", value.astimezone(UTC).isoformat())
    if isinstance(value, np.ndarray | np.generic) and value.dtype != object:
        buffer = BytesIO()
        np.save(buffer, np.asarray(value), allow_pickle=False)
        return _tagged("array" if isinstance(value, np.ndarray) else "scalar", buffer.getvalue())
    raise UnsavableState(
        f"{path} is a {type(value).__name__}; expected plain values, lists, tuples, dicts, sets, deques, "
        f"aware datetimes, Decimals or numpy arrays"
    )


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
        case "tuple":
            return tuple(_restored(item) for item in body)
        case "dict":
            return {_restored(key): _restored(item) for key, item in body}
        case "deque":
            return deque((_restored(item) for item in body[0]), body[1])
        case "set":
            return {_restored(item) for item in body}
        case "decimal":
            return Decimal(body)
        case "datetime":
            return datetime.fromisoformat(body)
        case "array":
            return np.load(BytesIO(body), allow_pickle=False)
        case "scalar":
            return np.load(BytesIO(body), allow_pickle=False)[()]
    raise UnsavableState(f"the saved state holds a {tag!r}, which this version does not know")
