from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.engine.strategy_state import UnsavableState, pack_state, unpack_state

plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
keys = st.text() | st.integers() | st.tuples(st.text(), st.integers())
rich = plain | st.decimals(allow_nan=False) | st.datetimes(timezones=st.just(UTC))
values = st.recursive(
    rich,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(keys, inner, max_size=4)
        | st.lists(inner, max_size=4).map(lambda items: deque(items, maxlen=5))
        | st.frozensets(st.integers(), max_size=4).map(set)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), values, max_size=5))
def test_every_value_comes_back_as_it_was(state: dict[str, Any]) -> None:
    again = unpack_state(pack_state(state))

    assert again == state
    assert pack_state(again) == pack_state(state)


def test_arrays_and_a_decks_length_come_back() -> None:
    state = {"closes": np.array([1.5, np.nan]), "last": np.float64(2.5), "window": deque([1, 2], maxlen=2)}

    again = unpack_state(pack_state(state))

    np.testing.assert_array_equal(again["closes"], state["closes"])
    assert (type(again["last"]), again["window"].maxlen) == (np.float64, 2)


@pytest.mark.parametrize("value", [object(), lambda: 1, datetime.fromisoformat("2026-01-01"), np.array([object()])])
def test_what_cannot_be_written_down_is_named_with_its_path(value: object) -> None:
    with pytest.raises(UnsavableState, match=r"state\['deep'\]\[1\] is a "):
        pack_state({"deep": [1, value]})


def test_an_aware_time_is_kept_as_the_moment_it_is() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)

    assert unpack_state(pack_state({"at": moment, "price": Decimal("1.10")})) == {
        "at": moment,
        "price": Decimal("1.10"),
    }
