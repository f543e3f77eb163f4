"""What a worker is doing at this moment, in memory that its warden shares and that outlives it."""

from __future__ import annotations

from mmap import PAGESIZE, mmap
from typing import NamedTuple

_WHO, _SEQUENCE, _HAS_LEFT, _ACCUSED_WHO, _ACCUSED_SEQUENCE, _GREEDY, _GREEDY_BYTES, _IS_FULL = range(8)
_LIVES, _INTERRUPTIONS, _QUARANTINES = range(8, 11)  # of all the warden's workers: never wiped


class Sighting(NamedTuple):
    """An evaluation: who was at it, and at which frame."""

    deployment_id: int  # 0: nobody
    sequence: int


class WardensRecord(NamedTuple):
    """What a warden has done so far."""

    lives: int  # workers started
    interruptions: int
    quarantines: int


NOBODY = Sighting(0, 0)


class BlackBox:
    """A page of numbers between two processes. Made before the fork; a slot is written by one side only."""

    def __init__(self) -> None:
        self._slots = memoryview(mmap(-1, PAGESIZE)).cast("Q")

    # The worker writes, some of it for every evaluation: each is one store.

    def begin(self, sequence: int) -> None:
        """Say at which frame the next evaluations happen."""
        self._slots[_SEQUENCE] = sequence

    def enter(self, deployment_id: int) -> None:
        """Say who is at it from now on."""
        self._slots[_WHO] = deployment_id

    def leave(self) -> None:
        """Say that nobody is at it."""
        self._slots[_WHO] = 0

    def note_greedy(self, deployment_id: int, grown_bytes: int) -> None:
        """Say in whose evaluations the worker's memory has grown most, and by how much."""
        self._slots[_GREEDY], self._slots[_GREEDY_BYTES] = deployment_id, grown_bytes

    def ask_for_the_end(self) -> None:
        """Say that memory has run out, and that nothing of what happened since may be written."""
        self._slots[_IS_FULL] = 1

    def say_goodbye(self) -> None:
        """Say that the end of the process is no accident."""
        self._slots[_HAS_LEFT] = 1

    @property
    def is_accused(self) -> bool:
        """True while the evaluation at hand is the one that the warden wants interrupted."""
        slots = self._slots
        return slots[_WHO] == slots[_ACCUSED_WHO] != 0 and slots[_SEQUENCE] == slots[_ACCUSED_SEQUENCE]

    @property
    def record(self) -> WardensRecord:
        """What the warden has done so far."""
        return WardensRecord(*self._slots[_LIVES : _QUARANTINES + 1])

    # The warden writes, and reads.

    def wipe(self) -> None:
        """Forget the last worker: another one begins."""
        for slot in range(_IS_FULL + 1):
            self._slots[slot] = 0
        self._slots[_LIVES] += 1

    def note_quarantine(self) -> None:
        """Count a deployment that was taken out of the workers' hands."""
        self._slots[_QUARANTINES] += 1

    def accuse(self, sighting: Sighting) -> None:
        """Ask for this evaluation to be interrupted, and no other one."""
        self._slots[_ACCUSED_WHO], self._slots[_ACCUSED_SEQUENCE] = sighting
        self._slots[_INTERRUPTIONS] += 1

    @property
    def sighting(self) -> Sighting:
        """The evaluation at hand, or `NOBODY`'s."""
        who = self._slots[_WHO]
        return Sighting(who, self._slots[_SEQUENCE]) if who else NOBODY

    @property
    def greedy(self) -> tuple[int, int]:
        """In whose evaluations memory has grown most, and by how many bytes."""
        return self._slots[_GREEDY], self._slots[_GREEDY_BYTES]

    @property
    def is_full(self) -> bool:
        """True when the worker found that it holds too much, and waits for its end."""
        return bool(self._slots[_IS_FULL])

    @property
    def has_left(self) -> bool:
        """True when the worker left on purpose."""
        return bool(self._slots[_HAS_LEFT])
