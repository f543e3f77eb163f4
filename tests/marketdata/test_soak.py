"""Minutes of random faults with every pair; `python3 start.py bench faults` runs an hour of them."""

import pytest

from tests.marketdata.soaking import soak


@pytest.mark.parametrize("seed", [3, 8])
def test_after_minutes_of_random_faults_and_sleeps_all_is_right_or_on_record(seed):
    soaked = soak(seed, 400.0, per_minute=6.0)

    assert soaked.wrong == []
    assert soaked.sleeps >= 1
    assert soaked.minutes > 15
