"""When a worker commits next."""

from __future__ import annotations

import pytest

from strategies.worker.pace import Pace


def test_a_commit_that_took_long_is_followed_by_as_long_a_pause() -> None:
    pace = Pace()

    pace.ended(began_s=10.0, now_s=12.0)

    assert not pace.is_due(13.9)
    assert pace.is_due(14.0)


def test_a_quick_commit_is_followed_by_the_next_a_quarter_of_a_second_after_it_began() -> None:
    pace = Pace()

    pace.ended(began_s=10.0, now_s=10.01)

    assert not pace.is_due(10.2)
    assert pace.is_due(10.25)


@pytest.mark.parametrize("took_s", [0.001, 0.1, 0.24, 0.5, 3.0, 40.0])
def test_commits_take_at_most_half_of_the_time_or_end_within_the_quarter(took_s: float) -> None:
    pace, now_s, written_s = Pace(), 0.0, 0.0
    for _ in range(20_000):
        if pace.is_due(now_s):
            pace.ended(now_s, now_s + took_s)
            now_s, written_s = now_s + took_s, written_s + took_s
        now_s += 0.01

    assert written_s / now_s < 0.6 or took_s < 0.25
