"""What the kernel knows of a process. Where it says nothing, nothing has grown and nothing has waited."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1


class MemoryGauge:
    """How much memory a process holds for itself, in bytes; what was mapped and not yet touched counts, too."""

    def __init__(self, process_id: int | None = None) -> None:
        place = Path("/proc") / str(process_id or "self") / "statm"
        try:
            self._file = os.open(place, os.O_RDONLY)
        except OSError:
            self._file = -1
        resident, private = self._pages()
        self._ahead = resident - private  # so that it begins with what is resident, and grows with what is mapped

    def read(self) -> int:
        """Return the bytes held now; 0 for a process that is gone."""
        _, private = self._pages()
        return (private + self._ahead) * resource.getpagesize() if private else 0

    def close(self) -> None:
        """Give back the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _pages(self) -> tuple[int, int]:
        if self._file < 0:
            return 0, 0
        try:
            fields = os.pread(self._file, 128, 0).split()
        except ProcessLookupError:
            return 0, 0
        return int(fields[1]), int(fields[5])


def waited_s(process_id: int) -> float:
    """Return for how long the process was ready to run and got no processor."""
    try:
        return int(Path(f"/proc/{process_id}/schedstat").read_bytes().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


def limit_growth(most_bytes: int) -> None:
    """Refuse this process more than ``most_bytes`` on top of what it has: an allocation beyond is a MemoryError."""
    if sys.platform != "linux":
        return
    has = int(Path("/proc/self/statm").read_bytes().split()[5]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = has + most_bytes if hard == resource.RLIM_INFINITY else min(hard, has + most_bytes)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def end_with(parent: int) -> None:
    """Have the kernel kill this process when the process ``parent``, which forked it, is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
