"""Anything that an author's code could hand over: numbers, words and things that no column or checkpoint holds."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque, namedtuple
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import strategies as st

from trading.signals import Action, Amend, Cancel, NoSignal, OrderType, Signal, SizeUnit, TimeInForce

Point = namedtuple("Point", "x y")


class Colour(IntEnum):
    RED = 1


class Word(StrEnum):
    BUY = "buy"


class Name(str):
    __slots__ = ()


words = st.text(st.characters(exclude_categories=()), max_size=80) | st.sampled_from(
    ["\ud83d", "a\x00b", "x" * 5_000, "BTC/USD", ""]
)
numbers = st.one_of(
    st.sampled_from([3_000, 5_000]).map(lambda digits: 10**digits),
    st.integers(),
    st.floats(),
    st.floats(0.001, 200),
    st.decimals(),
    st.booleans(),
    words,
    st.none(),
    st.sampled_from(
        [
            *(10**18, 2**63, 2**64, -(2**63) - 1, 1e300, 5e-324, -0.0),
            *(Decimal("1e300"), Decimal("1e-300"), Decimal("sNaN"), Decimal(10) ** 27, Decimal(1) / 3),
            *(np.float64(2.5), np.float32(0.1), np.int64(7), np.uint64(2**64 - 1), np.bool_(True), np.float64("nan")),
            *(np.timedelta64(5, "s"), np.array(3.5), np.array([1.0, 2.0]), Colour.RED, 1j, object(), "all", "1e400"),
        ]
    ),
)
symbols = st.sampled_from(["BTC/USD", "XRP/USD"]) | words
flags = st.booleans() | st.sampled_from([np.bool_(True), 1, "", None])
moments = st.datetimes(timezones=st.just(UTC)) | st.datetimes() | st.sampled_from([datetime.max.replace(tzinfo=UTC), 5])


def _signal(fields: dict[str, Any]) -> Any:
    try:
        return Signal(**fields)
    except (TypeError, ValueError) as error:  # refused where the author's code makes it
        return error


signals = st.fixed_dictionaries(
    {"action": st.sampled_from(Action), "symbol": symbols, "size": numbers},
    optional={
        "size_in": st.sampled_from(SizeUnit),
        "order_type": st.sampled_from(OrderType),
        "limit_price": numbers,
        "trigger_price": numbers,
        "trail": numbers,
        "trail_pct": numbers,
        "time_in_force": st.sampled_from(TimeInForce),
        "expires_in_s": numbers,
        "expires_at": moments,
        "leverage": numbers,
        "post_only": flags,
        "reduce_only": flags,
        "stop_loss": numbers,
        "take_profit": numbers,
        "reason": words,
        "code": words,
        "metadata": st.dictionaries(words, numbers, max_size=2),
    },
).map(_signal)
reasons = st.builds(NoSignal, words | numbers, words, symbols | numbers)
requests = st.builds(Cancel, words, symbols) | st.builds(Amend, words | st.just("live"), numbers, numbers, numbers)
answers = st.lists(signals | reasons | requests, max_size=6) | signals | reasons | st.none() | numbers

_leaves = st.one_of(
    numbers,
    st.binary(max_size=5),
    moments,
    st.sampled_from(
        [
            *(Point(1, 2), Word.BUY, Name("x"), date(2026, 1, 1), timedelta(1), bytearray(b"x"), np.str_("x")),
            *(
                datetime.now(ZoneInfo("Europe/Berlin")),
                np.arange(3),
                np.array([None]),
                np.ma.masked_array([1]),
                range(3),
            ),
            *(Counter("ab"), OrderedDict(a=1), np.datetime64("2026-01-01"), frozenset({1, 2})),
        ]
    ),
)
_keys = words | st.integers() | st.tuples(st.integers(), words) | st.sampled_from([frozenset({1}), Colour.RED, 2.5])
states = st.recursive(
    _leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.lists(inner, max_size=3).map(lambda items: deque(items, maxlen=4))
        | st.dictionaries(_keys, inner, max_size=3)
        | st.sets(st.integers() | words, max_size=3)
        | st.frozensets(st.frozensets(st.integers(), max_size=2), max_size=2)
    ),
    max_leaves=8,
)


def is_the_same(one: Any, other: Any) -> bool:
    """Return whether two values are equal in every type, not only in worth."""
    if type(one) is not type(other):
        return False
    match one:
        case dict():
            return list(map(_typed, one)) == list(map(_typed, other)) and all(
                is_the_same(a, b) for a, b in zip(one.values(), other.values(), strict=True)
            )
        case list() | tuple():
            return len(one) == len(other) and all(map(is_the_same, one, other))
        case deque():
            return one.maxlen == other.maxlen and is_the_same(list(one), list(other))
        case np.ndarray() | np.generic():
            return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
        case float() | Decimal():
            return repr(one) == repr(other)
        case datetime():
            return one == other and one.utcoffset() == other.utcoffset()
        case set() | frozenset():
            return sorted(map(_typed, one)) == sorted(map(_typed, other))
    return bool(one == other)


def _typed(value: Any) -> str:
    if isinstance(value, set | frozenset):
        return f"{type(value)} {sorted(map(_typed, value))}"
    return f"{type(value)} {value!r}"
