"""Tables of the API as CSV (RFC 4180), for a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from decimal import Decimal
from math import isfinite
from typing import Any

from rest_framework.renderers import BaseRenderer

FORMULAS = ("=", "+", "-", "@", "\t", "\r")
TABLES = (
    "results",
    "rows",
    "points",
    "hours",
    "reasons",
    "levels",
    "fills",
    "events",
    "prints",
)  # where an answer keeps its table


class TableRenderer(BaseRenderer):
    """`?format=csv`: a header of field names, then one line for each row; what is nested gets dotted names."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        """Return the table; a view that has a method `table` makes its rows from the answer itself."""
        made = getattr((renderer_context or {}).get("view"), "table", table_of)
        rows = [flat(row) for row in made(data)]
        names = list(dict.fromkeys(name for row in rows for name in row))
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(names)
        writer.writerows([[cell(row.get(name)) for name in names] for row in rows])
        if renderer_context and (response := renderer_context.get("response")) is not None:
            name = _file_name(renderer_context["request"].path)
            response["Content-Disposition"] = f'attachment; filename="{name}"'
        return text.getvalue().encode()


def table_of(data: Any) -> list[Mapping[str, Any]]:
    """Return the rows of an answer: itself when it is a list, else the first of its tables; without one it is a row."""
    if isinstance(data, Mapping):
        data = next((data[name] for name in TABLES if isinstance(data.get(name), list)), [data])
    return [row if isinstance(row, Mapping) else {"value": row} for row in data]


def flat(row: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a row without nesting: what lies deeper has the names on the way to it, joined by dots."""
    cells: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            cells |= flat(value, f"{prefix}{name}.")
        else:
            cells[f"{prefix}{name}"] = value
    return cells


def cell(value: Any) -> str:
    """Return a value as a cell. A text that a spreadsheet would run as a formula is quoted; numbers stay numbers."""
    if value is None:
        return ""
    if isinstance(value, bool | list):
        return json.dumps(value)
    text = str(value)
    if isinstance(value, float | Decimal) and isfinite(value):
        text = f"{Decimal(text):f}"  # a low price without an exponent
    return f"'{text}" if text.startswith(FORMULAS) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _file_name(path: str) -> str:
    """Return a name for the file, from the address: `paddock-deployments-hold-btc-fills.csv`."""
    words = [word for word in path.strip("/").split("/")[2:] if word]
    return "-".join(["paddock", *words]) + ".csv"
