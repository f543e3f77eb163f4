from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolios.results.windows import DAY, SAMPLES, SEASON, UnknownWindow, grid_of, window_named
from tests.rows import NOON


def test_no_name_is_the_season():
    assert window_named("") is SEASON
    assert window_named("24h") is DAY


def test_an_unknown_window_is_named_with_those_there_are():
    with pytest.raises(UnknownWindow, match="window '2h' is unknown; expected one of 1h, 24h, 7d, 30d, season"):
        window_named("2h")


def test_the_moments_of_a_grid_stay_while_the_market_goes_on():
    before = grid_of(NOON - timedelta(days=1), NOON)
    after = grid_of(NOON - timedelta(days=1) + timedelta(seconds=70), NOON + timedelta(seconds=70))

    assert before == after
    assert before.step == timedelta(minutes=30)
    assert before.ticks[-1] == NOON


@given(st.integers(1, 400 * 86_400), st.integers(0, 10**6))
def test_a_grid_lies_within_its_stretch(length_s, later_s):
    until = NOON + timedelta(seconds=later_s)
    since = until - timedelta(seconds=length_s)

    grid = grid_of(since, until)

    assert len(grid.ticks) <= SAMPLES
    assert all(since <= tick <= until for tick in grid.ticks)
    assert all(b - a == grid.step for a, b in zip(grid.ticks, grid.ticks[1:], strict=False))
    assert length_s < 3_600 or len(grid.ticks) >= SAMPLES - 2
