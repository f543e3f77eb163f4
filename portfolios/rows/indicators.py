"""A strategy's indicators at its last evaluation, as JSON can hold them and a page can show them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from itertools import islice
from typing import Any

import numpy as np

MOST_ENTRIES = 100  # in all
MOST_GROUPS = 20  # dictionaries in the first: one a symbol
MOST_CHARACTERS = 100  # of a name or a text
MOST_LOOKED_AT = 1_000  # entries of one dictionary; what comes after them is not looked at

Plain = float | int | str | bool | None


def shown_indicators(kept: Any) -> dict[str, Plain | dict[str, Plain]]:
    """Return the numbers, texts and booleans of ``state["indicators"]``, by name or by symbol and name.

    What is not finite becomes None: it cannot be known. Anything else is left out, and so is
    what goes beyond the bounds above: a strategy may keep there what it likes.
    """
    if not isinstance(kept, Mapping):
        return {}
    shown: dict[str, Plain | dict[str, Plain]] = {}
    left, groups = MOST_ENTRIES, MOST_GROUPS
    for name, value in islice(kept.items(), MOST_LOOKED_AT):
        if left <= 0:
            break
        if not isinstance(value, Mapping):
            shown |= _plain_entries({name: value}, left)
            left -= 1
        elif groups:
            group = shown[printable(name)] = _plain_entries(value, left)
            left, groups = left - len(group), groups - 1
    return shown


def printable(text: Any) -> str:
    """Return ``text`` without what PostgreSQL cannot store, cut to what fits."""
    try:
        clean = str(text)[:MOST_CHARACTERS].replace("\x00", "")
    except Exception:
        # How a thing prints itself is the strategy's code, too.
        clean = type(text).__name__
    return clean.encode("utf-8", "replace").decode()


def surplus_of(kept: Any) -> int:
    """Return how many entries of ``state["indicators"]`` go beyond what is shown."""
    if not isinstance(kept, Mapping):
        return 0
    groups = [len(value) for value in kept.values() if isinstance(value, Mapping)]
    entries = len(kept) - len(groups) + sum(groups[:MOST_GROUPS])
    return max(entries - MOST_ENTRIES, 0) + sum(groups[MOST_GROUPS:])


def _plain_entries(values: Mapping[Any, Any], most: int) -> dict[str, Plain]:
    entries: dict[str, Plain] = {}
    for name, value in islice(values.items(), MOST_LOOKED_AT):
        if len(entries) == most:
            break
        if value is None or isinstance(value, bool | np.bool_ | int | float | np.number | Decimal | str):
            entries[printable(name)] = _plain(value)
    return entries


def _plain(value: Any) -> Plain:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, np.timedelta64 | np.datetime64):
        return printable(value)
    if isinstance(value, int | np.integer) and abs(int(value)) < 2**53:
        return int(value)
    if isinstance(value, np.complexfloating):
        return None
    try:
        number = float(value)
    except (OverflowError, ValueError, TypeError):  # too large, a signalling NaN, an author's own kind of number
        return None
    return number if math.isfinite(number) else None
