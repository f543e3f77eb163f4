"""The market's clock: live it is the wall clock, on a recording the recorded time."""

from __future__ import annotations

import time

# Where the system has it, the clock that runs on while the machine sleeps.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class LiveClock:
    """Wall time at its start, then steady: it never jumps and never runs backwards."""

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.clock_gettime_ns(_STEADY)

    def now_ns(self) -> int:
        """Return ns since the epoch."""
        return self._offset_ns + time.clock_gettime_ns(_STEADY)


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
