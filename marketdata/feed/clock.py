"""The market's clock: live it is the wall clock, put right by the exchange's; on a recording the recorded time."""

from __future__ import annotations

import time
from collections.abc import Callable

# Where the system has it, the clock that runs on while the machine sleeps.
HAS_BOOT_CLOCK = hasattr(time, "CLOCK_BOOTTIME")
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
SLEPT_NS = 1_000_000_000  # that the wall clock has run ahead of a steady one that stops in sleep
SLEW_PARTS = 4  # while it is put back, the clock runs slower by one part of so many


def _steady_ns() -> int:
    return time.clock_gettime_ns(_STEADY)


class LiveClock:
    """Wall time at its start, then steady: it never runs backwards, and jumps ahead only over a sleep or when set."""

    def __init__(
        self,
        *,
        steady_ns: Callable[[], int] = _steady_ns,
        wall_ns: Callable[[], int] = time.time_ns,
        counts_sleep: bool = HAS_BOOT_CLOCK,
    ) -> None:
        self._steady_ns = steady_ns
        self._wall_ns = wall_ns
        self._counts_sleep = counts_sleep
        self._offset_ns = self._wall_offset_ns = wall_ns() - steady_ns()
        self._owed_ns = 0  # by which it is still ahead of where it is to be
        self._read_ns = steady_ns()

    def now_ns(self) -> int:
        """Return ns since the epoch."""
        steady_ns = self._steady_ns()
        if not self._counts_sleep:
            self._count_sleep(steady_ns)
        if self._owed_ns:
            back_ns = min(self._owed_ns, max(0, steady_ns - self._read_ns) // SLEW_PARTS)
            self._owed_ns -= back_ns
            self._offset_ns -= back_ns
        self._read_ns = steady_ns
        return self._offset_ns + steady_ns

    @property
    def corrected_ns(self) -> int:
        """How far this clock is ahead of the machine's now."""
        return self.now_ns() - self._wall_ns()

    def correct(self, by_ns: int) -> None:
        """Set the clock: ahead at once, back by running slower until it is right."""
        if by_ns >= 0:
            self._offset_ns += by_ns
            self._owed_ns = 0
        else:
            self._owed_ns = -by_ns

    def begin_at(self, by_ns: int) -> None:
        """Set the clock before it was read for anything: ahead or back, at once."""
        self._offset_ns += by_ns

    def _count_sleep(self, steady_ns: int) -> None:
        """Jump over a sleep that the steady clock has not counted."""
        wall_offset_ns = self._wall_ns() - steady_ns
        slept_ns, self._wall_offset_ns = wall_offset_ns - self._wall_offset_ns, wall_offset_ns
        if slept_ns > SLEPT_NS:
            self._offset_ns += slept_ns


class RecordedClock:
    """Stands still until it is set to the time at which the next message was received."""

    def __init__(self) -> None:
        self._now_ns: int | None = None

    def now_ns(self) -> int | None:
        """Return ns since the epoch, None before the first message."""
        return self._now_ns

    def advance(self, time_ns: int) -> None:
        """Move on to ``time_ns``; an earlier time is ignored."""
        self._now_ns = time_ns if self._now_ns is None else max(self._now_ns, time_ns)
