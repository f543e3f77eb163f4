"""What a worker is evaluating at this moment, in memory that its warden shares and that outlives it."""

from __future__ import annotations

from collections.abc import Iterable
from mmap import PAGESIZE, mmap
from typing import NamedTuple

_WHO, _SEQUENCE, _HAS_LEFT, _INTERRUPTED_WHO, _INTERRUPTED_SEQUENCE, _GREEDY, _GREEDY_BYTES, _IS_FULL = range(8)
_LIVES, _INTERRUPTIONS, _QUARANTINES = range(8, 11)  # of all the warden's workers: never wiped
_BEATS = 11


class Sighting(NamedTuple):
    """An evaluation: of which deployment, at which frame."""

    deployment_id: int  # 0: nobody
    sequence: int


class WardenRecord(NamedTuple):
    """What a warden has done so far."""

    lives: int  # workers started
    interruptions: int
    quarantines: int


NOBODY = Sighting(0, 0)
MOST_LISTED = 16_383  # deployments of one worker; those beyond are not listed


class _Listed:
    """Ids of deployments in shared memory. Who reads while they are written may miss some for that moment."""

    def __init__(self) -> None:
        self._slots = memoryview(mmap(-1, 8 * (MOST_LISTED + 1))).cast("Q")

    def write(self, ids: Iterable[int]) -> None:
        listed = sorted(ids)[:MOST_LISTED]
        self._slots[0] = 0
        for at, each in enumerate(listed, start=1):
            self._slots[at] = each
        self._slots[0] = len(listed)

    def read(self) -> frozenset[int]:
        return frozenset(self._slots[1 : 1 + self._slots[0]])


class BlackBox:
    """Numbers between two processes. Made before the fork; a slot or a list is written by one side only."""

    def __init__(self) -> None:
        self._slots = memoryview(mmap(-1, PAGESIZE)).cast("Q")
        self._hosted = _Listed()
        self._held_back = _Listed()

    # The worker writes, some of it for every evaluation: each is one store.

    def begin(self, sequence: int) -> None:
        """Write at which frame the next evaluations are."""
        self._slots[_SEQUENCE] = sequence
        self._slots[_BEATS] += 1

    def beat(self) -> None:
        """Write that the worker's loop goes round."""
        self._slots[_BEATS] += 1

    def enter(self, deployment_id: int) -> None:
        """Write who is evaluated from now on."""
        self._slots[_WHO] = deployment_id

    def leave(self) -> None:
        """Write that nobody is evaluated."""
        self._slots[_WHO] = 0

    def note_greedy(self, deployment_id: int, grown_bytes: int) -> None:
        """Write in whose evaluations the worker's memory has grown most, and by how much."""
        self._slots[_GREEDY], self._slots[_GREEDY_BYTES] = deployment_id, grown_bytes

    def request_end(self) -> None:
        """Write that memory has run out, and that nothing of the frame at hand may be committed."""
        self._slots[_IS_FULL] = 1

    def note_hosted(self, deployment_ids: Iterable[int]) -> None:
        """Write which deployments the worker holds, or is about to take on."""
        self._hosted.write(deployment_ids)

    @property
    def held_back(self) -> frozenset[int]:
        """The deployments that this worker is to do without."""
        return self._held_back.read()

    def note_left(self) -> None:
        """Write that the process ends on purpose."""
        self._slots[_HAS_LEFT] = 1

    @property
    def is_interrupt_requested(self) -> bool:
        """True while the evaluation at hand is the one that the warden wants interrupted."""
        slots = self._slots
        return slots[_WHO] == slots[_INTERRUPTED_WHO] != 0 and slots[_SEQUENCE] == slots[_INTERRUPTED_SEQUENCE]

    @property
    def record(self) -> WardenRecord:
        """What the warden has done so far."""
        return WardenRecord(*self._slots[_LIVES : _QUARANTINES + 1])

    # The warden writes, and reads.

    def wipe(self) -> None:
        """Forget the last worker: another one begins."""
        for slot in (*range(_IS_FULL + 1), _BEATS):
            self._slots[slot] = 0
        self._hosted.write(())
        self._slots[_LIVES] += 1

    def hold_back(self, deployment_ids: Iterable[int]) -> None:
        """Have the worker do without these deployments."""
        self._held_back.write(deployment_ids)

    @property
    def hosted(self) -> frozenset[int]:
        """The deployments that the worker held last."""
        return self._hosted.read()

    def note_quarantine(self) -> None:
        """Count a deployment that was taken out of the workers' hands."""
        self._slots[_QUARANTINES] += 1

    def request_interrupt(self, sighting: Sighting) -> None:
        """Have this evaluation interrupted, and no other one."""
        self._slots[_INTERRUPTED_WHO], self._slots[_INTERRUPTED_SEQUENCE] = sighting
        self._slots[_INTERRUPTIONS] += 1

    @property
    def sighting(self) -> Sighting:
        """The evaluation at hand, or `NOBODY`'s."""
        who = self._slots[_WHO]
        return Sighting(who, self._slots[_SEQUENCE]) if who else NOBODY

    @property
    def beats(self) -> int:
        """How often the worker has shown that its work goes on."""
        return self._slots[_BEATS]

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
