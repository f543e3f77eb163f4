"""What a strategy emitted beyond its bounds and was left out, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from portfolios.rows.indicators import MOST_ENTRIES
from strategies.worker.lines import LINES_A_MINUTE
from trading.bounds import MOST_OPEN_ORDERS, MOST_REASONS, MOST_REFUSAL_ROWS, MOST_REQUESTS

_WORDS = {
    "reasons": ("No-trade reasons", f"more than {MOST_REASONS:,} in one evaluation; counted as other"),
    "refusal_rows": ("Rejected orders", f"more than {MOST_REFUSAL_ROWS} kinds in a minute; counted, not listed"),
    "open_orders": ("Orders", f"more than {MOST_OPEN_ORDERS} open; rejected"),
    "requests": ("Cancels and amends", f"more than {MOST_REQUESTS:,} under way; not sent"),
    "indicators": ("Indicators", f"more than {MOST_ENTRIES}; not shown"),
    "log_lines": ("Log lines", f"more than {LINES_A_MINUTE} a minute; not logged"),
}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One kind of thing, and how many of it were left out."""

    what: str
    times: int
    bound: str


def left_out(surplus: Mapping[str, int]) -> list[LeftOut]:
    """Return what was left out, in the order in which it is listed above."""
    known = [LeftOut(what, surplus[key], bound) for key, (what, bound) in _WORDS.items() if surplus.get(key)]
    others = [LeftOut(key, times, "beyond its bound") for key, times in surplus.items() if key not in _WORDS]
    return [*known, *others]
