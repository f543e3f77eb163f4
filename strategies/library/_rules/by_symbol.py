"""Numbers that differ by symbol: the user's where given, else the symbol's own, else everyone's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

_Numbers = TypeVar("_Numbers", bound=msgspec.Struct)


def numbers_of(symbol: str, config: msgspec.Struct, own: Mapping[str, _Numbers], others: _Numbers) -> _Numbers:
    """Return the numbers in force for ``symbol``: a key of ``config`` that is None leaves the symbol's own."""
    numbers = own.get(symbol, others)
    given = {name: getattr(config, name) for name in numbers.__struct_fields__}
    return msgspec.structs.replace(numbers, **{name: value for name, value in given.items() if value is not None})
