"""A process's pulse: the two times of a file, set by the loop that does the process's work.

The first time is that of the last beat; the second is later by what the next beat may take beyond the usual.
Setting them needs no room on the disk and no server. Whoever started the process looks at the file and ends a
process whose pulse stops: `hanging` says when. Standard library only: a health check must start fast.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import NamedTuple

VARIABLE = "PADDOCK_PULSE"  # the file, set by whoever starts the process
BEAT_EVERY_S = 1.0


class Beat(NamedTuple):
    """The last beat of a process."""

    number: int  # another one with every beat
    allowed_s: float  # what the next may take beyond the usual


class _Heart:
    """This process's own; a process forked from this one does not beat for it."""

    def __init__(self) -> None:
        self.owner = 0
        self.beaten_s = 0.0
        self.allowed_s = 0.0


_heart = _Heart()


def beat(allowed_s: float = 0.0) -> None:
    """Show that the work goes on; the next beat may take ``allowed_s`` longer than usual."""
    now_s = time.monotonic()
    if now_s - _heart.beaten_s < BEAT_EVERY_S and allowed_s == _heart.allowed_s:
        return
    path = os.environ.get(VARIABLE)
    if not path:
        return
    _heart.owner = _heart.owner or os.getpid()
    if _heart.owner != os.getpid():
        return
    _heart.beaten_s, _heart.allowed_s = now_s, allowed_s
    # Without its file a process works on, unwatched.
    with contextlib.suppress(OSError):
        if not Path(path).exists():
            Path(path).touch(mode=0o600)  # in a container nobody has made it
        at_ns = time.time_ns()
        os.utime(path, ns=(at_ns, at_ns + int(allowed_s * 1e9)))


class PulseFile:
    """The pulse of another process, as whoever started that one reads it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self) -> None:
        """Forget the beats of the process before.

        Raises:
            OSError: there can be no such file.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.touch(mode=0o600)
        os.utime(self.path, ns=(0, 0))

    def last(self) -> Beat | None:
        """Return the last beat, None before the first."""
        try:
            state = self.path.stat()
        except OSError:
            return None
        return Beat(state.st_atime_ns, (state.st_mtime_ns - state.st_atime_ns) / 1e9) if state.st_atime_ns else None
