from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.performance.intervals import Z_95, wilson_interval


def test_no_trial_says_nothing():
    assert wilson_interval(0, 0) is None


def test_three_of_three_is_far_from_certain():
    interval = wilson_interval(3, 3)

    assert round(interval.low, 3) == Decimal("0.439")
    assert interval.high == 1


@given(st.integers(1, 400).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_at_either_bound_the_share_seen_is_z_deviations_away(counts):
    hits, trials = counts
    seen = hits / trials
    interval = wilson_interval(hits, trials)

    for bound in map(float, interval):
        assert (seen - bound) ** 2 == pytest.approx(float(Z_95) ** 2 * bound * (1 - bound) / trials, abs=1e-12)
    assert 0 <= interval.low <= Decimal(hits) / trials <= interval.high <= 1


@pytest.mark.parametrize(("hits", "trials"), [(2, 1), (-1, 3)])
def test_counts_that_cannot_be_are_refused(hits, trials):
    with pytest.raises(ValueError, match=f"hits is {hits} of {trials} trials"):
        wilson_interval(hits, trials)
