import time

from marketdata.feed.clock import LiveClock, RecordedClock


def test_the_live_clock_is_the_wall_s_and_never_runs_back(monkeypatch):
    clock = LiveClock()
    early = clock.now_ns()

    monkeypatch.setattr(time, "time_ns", lambda: 0)
    late = clock.now_ns()

    assert abs(early / 1e9 - time.time()) < 5
    assert late >= early


def test_the_recorded_clock_stands_still_until_it_is_reported():
    clock = RecordedClock()

    before = clock.now_ns()
    clock.advance(7)
    clock.advance(5)

    assert (before, clock.now_ns()) == (None, 7)
