"""Who is to blame for the death of a worker: decided from how it died and what it was doing."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

from strategies.warden.blackbox import NOBODY, Sighting
from strategies.warden.watchdog import Finding, Limits

CRASHES = frozenset({signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT})
_KILLS_TO_BLAME = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """A deployment and what it did to its worker."""

    deployment_id: int
    sentence: str


class Postmortem:
    """Finds who is to blame for each end of a worker; remembers whose evaluations the last kills cut short."""

    def __init__(self) -> None:
        self._suspect = 0
        self._kills = 0

    def verdict(self, status: int, sighting: Sighting) -> Verdict | None:
        """Return who is to blame for an end with this wait status; None: nobody that could be named.

        A kill may be an operator's or the kernel's for want of memory: it needs three of them, each in an
        evaluation of the same deployment, to be that one's doing.
        """
        if not os.WIFSIGNALED(status):
            return _ended(os.waitstatus_to_exitcode(status), sighting)
        number = os.WTERMSIG(status)
        if sighting == NOBODY:
            return None
        if number in CRASHES:
            name = signal.Signals(number).name
            sentence = f"crashed its worker ({name}, in native code) when it was evaluated at frame {sighting.sequence}"
            return Verdict(sighting.deployment_id, sentence)
        self._kills = self._kills + 1 if sighting.deployment_id == self._suspect else 1
        self._suspect = sighting.deployment_id
        if number != signal.SIGKILL or self._kills < _KILLS_TO_BLAME:
            return None
        sentence = f"its worker was killed {self._kills} times in a row, each time when it was evaluated"
        return Verdict(sighting.deployment_id, sentence)


def _ended(code: int, sighting: Sighting) -> Verdict | None:
    if sighting == NOBODY:
        return None
    sentence = f"ended its worker with exit code {code} (os._exit or the like) at frame {sighting.sequence}"
    return Verdict(sighting.deployment_id, sentence)


def excess(finding: Finding, sighting: Sighting, limits: Limits, greediest: tuple[int, int]) -> Verdict | None:
    """Return the verdict on a worker that must be ended, because an evaluation hangs or memory runs out."""
    if finding is Finding.HUNG:
        sentence = (
            f"hung at frame {sighting.sequence}: {limits.hang_s:g} s in one evaluation, "
            f"and no interruption after {limits.budget_s:g} s was heeded"
        )
        return Verdict(sighting.deployment_id, sentence)
    who, grown = greediest
    if not who:
        return None
    sentence = f"took {grown / 2**20:.0f} MB of memory; its whole worker may hold {limits.memory_bytes / 2**20:.0f} MB"
    return Verdict(who, sentence)
