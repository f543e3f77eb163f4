import time
from itertools import pairwise

from marketdata.feed.clock import LiveClock, RecordedClock
from trading.frames import NS_PER_S as S


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


class Machine:
    """A machine's two clocks."""

    def __init__(self) -> None:
        self.steady_ns, self.wall_ns = 0, 1_000 * S

    def passes(self, seconds: float) -> None:
        self.steady_ns += round(seconds * S)
        self.wall_ns += round(seconds * S)

    def clock(self, *, counts_sleep: bool = True) -> LiveClock:
        return LiveClock(steady_ns=lambda: self.steady_ns, wall_ns=lambda: self.wall_ns, counts_sleep=counts_sleep)


def test_a_clock_that_stops_in_sleep_jumps_over_it():
    machine = Machine()
    clock = machine.clock(counts_sleep=False)
    machine.passes(10)
    before_ns = clock.now_ns()

    machine.wall_ns += 3_600 * S  # the steady one stood still

    assert clock.now_ns() - before_ns == 3_600 * S


def test_a_clock_that_is_set_ahead_jumps_and_one_that_is_set_back_runs_slower_until_it_is_right():
    machine = Machine()
    clock = machine.clock()
    clock.correct(90 * S)
    ahead_ns = clock.corrected_ns
    clock.correct(-30 * S)

    times = []
    for _ in range(200):
        machine.passes(1)
        times.append(clock.now_ns())

    assert ahead_ns == 90 * S
    assert all(later > earlier for earlier, later in pairwise(times))
    assert clock.corrected_ns == 60 * S


def test_a_clock_set_by_hand_afterwards_changes_nothing_of_the_market_s():
    machine = Machine()
    clock = machine.clock()

    machine.wall_ns -= 500 * S

    assert clock.now_ns() == 1_000 * S
    assert clock.corrected_ns == 500 * S
