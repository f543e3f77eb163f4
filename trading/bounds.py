"""What can be kept of a number or a text that somebody else made up, and how much of each thing a strategy may emit.

A checkpoint holds 64 bits of an integer and a column 18 digits before the point. The bounds lie well below, so that
sums of what is let in still fit.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

import numpy as np

MOST_AMOUNT = Decimal(10) ** 15  # of a price, a size or a share, in its own unit
MOST_COUNT = 2**60  # ticks or lots of one order
MOST_NS = 2**63 - 1  # 2262-04-11: no moment after it is kept

MOST_REASONS = 1_000  # reasons not to trade in one evaluation; the rest is counted as OTHER
MOST_CODES = 200  # kept of a deployment's reason codes, the most frequent; the rest is counted as OTHER
MOST_OPEN_ORDERS = 500  # live orders of a deployment; what only reduces a position may go beyond
MOST_REQUESTS = 1_000  # to cancel or amend, on their way
MOST_REFUSAL_ROWS = 100  # refusals put on record in a minute; the rest is counted
OTHER = "other"

LONGEST_CODE = 60
LONGEST_SYMBOL = 30
LONGEST_REASON = 300
LONGEST_SENTENCE = 500
_LONGEST_SHOWN = 80
_LEAST_WRITTEN_OUT = 1e-18
_MOST_SHOWN_BITS = 128


class NotANumber(ValueError):
    """What should be a number is none that can be kept; the message says what it is and what would be right."""


def number(what: str, value: object) -> Decimal:
    """Return ``value`` exactly as it was written: whole, decimal or floating, numpy's included.

    Raises:
        NotANumber: anything else (truth values, text that spells none), not finite, or 10 ** 15 and more.
    """
    found = _exact(value)
    if found is None:
        raise NotANumber(f"{what} is {shown(value)}; expected a number")
    if not found.is_finite():
        raise NotANumber(f"{what} is {shown(value)}; expected a finite number")
    if not -MOST_AMOUNT < found < MOST_AMOUNT:
        raise NotANumber(f"{what} is {shown(value)}; expected less than 10^15")
    return found


def _exact(value: Any) -> Decimal | None:
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, bool | np.bool_ | np.timedelta64):
        return None
    if isinstance(value, int | np.integer):
        return Decimal(int(value))
    if isinstance(value, float):
        return Decimal(float.__repr__(value))
    if isinstance(value, Decimal):
        return Decimal(value)
    if isinstance(value, np.floating) or (type(value) is str and len(value) <= _LONGEST_SHOWN):
        try:
            return Decimal(str(value))
        except InvalidOperation:
            return None
    return None


def shown(value: object) -> str:
    """Return how ``value`` is named in a sentence, cut to what can be read; it may be anything."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > _MOST_SHOWN_BITS:
        return f"a whole number of {value.bit_length()} bits"
    try:
        text = repr(value) if isinstance(value, str) else str(value)
        if isinstance(value, float | Decimal) and "e-" in text.lower() and value > _LEAST_WRITTEN_OUT:
            text = f"{Decimal(text):f}"  # a low price, as people write it
    except Exception:
        # How a thing prints itself is the strategy's code, too.
        text = f"a {type(value).__name__}"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def storable(text: str, longest: int) -> str:
    """Return ``text`` without NUL and lone surrogates, cut to ``longest`` characters."""
    if type(text) is str and len(text) <= longest and text.isascii() and "\x00" not in text:
        return text
    plain = str.__str__(text)[:longest]
    return plain.replace("\x00", "\\x00").encode(errors="backslashreplace").decode()[:longest]


def reason_key(code: object, symbol: object) -> str:
    """Return how a reason is counted: "code", or "code SYMBOL"."""
    if type(code) is str and type(symbol) is str and len(code) + len(symbol) <= LONGEST_CODE:
        return _short_key(code, symbol)  # nearly always, and nearly always the same ones
    return _key(code, symbol)


@lru_cache(maxsize=4_096)
def _short_key(code: str, symbol: str) -> str:
    return _key(code, symbol)


def _key(code: object, symbol: object) -> str:
    name = storable(str(code or "no_signal"), LONGEST_CODE)
    return f"{name} {storable(str(symbol), LONGEST_SYMBOL)}" if symbol else name


def add_reason(counts: dict[str, int], key: str, times: int = 1) -> None:
    """Count a reason. Of many different ones the most frequent stay, of equals the newest; the rest become OTHER."""
    if key in counts:
        counts[key] += times
        return
    counts[key] = times
    if len(counts) > 2 * MOST_CODES:
        fold_reasons(counts)


def fold_reasons(counts: dict[str, int]) -> None:
    """Keep the most frequent reasons, and count the others as OTHER; the sum stays as it is."""
    named = [key for key in counts if key != OTHER]
    surplus = len(named) - MOST_CODES
    if surplus <= 0:
        return
    # Stable: of equally frequent ones the oldest go, or one that comes often from now on would never get a place.
    folded = 0
    for key in sorted(named, key=counts.__getitem__)[:surplus]:
        folded += counts.pop(key)
    counts[OTHER] = counts.get(OTHER, 0) + folded


def most_frequent(counts: dict[str, int]) -> dict[str, int]:
    """Return the counts as they are shown and stored: at most MOST_CODES reasons, and OTHER."""
    if len(counts) <= MOST_CODES:
        return counts
    kept = dict(counts)
    fold_reasons(kept)
    return kept
