"""When an evaluation takes too long or too much: decided here, from what was seen at each check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from strategies.warden.blackbox import NOBODY, Sighting

_LEAST_INTERRUPTIONS = 3  # before a strategy counts as one that cannot be interrupted
_BLAMED_FROM = 0.1  # of the memory limit: who took less is not to blame that it was reached


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one evaluation may take, and all of them together."""

    budget_s: float = 1.0  # then it is interrupted, again and again
    hang_s: float = 5.0  # then its process is ended
    memory_bytes: int = 2048 * 2**20  # of the whole worker


class Finding(StrEnum):
    """What a check found."""

    FINE = "fine"
    OVER_BUDGET = "over budget"
    HUNG = "hung"
    TOO_LARGE = "too large"


class Watch:
    """Remembers what was seen first of the evaluation at hand; fed a sighting every few milliseconds."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._sighting = NOBODY
        self._since_s = 0.0
        self._memory_then = 0
        self._interruptions = 0
        self.lasted_s = 0.0  # how long the evaluation at hand has been watched
        self.grown_bytes = 0  # by how much the worker's memory has grown meanwhile

    def check(self, sighting: Sighting, *, now_s: float, memory_bytes: int) -> Finding:
        """Return what is wrong with it; ``now_s`` is a clock that stands while the worker waits for a processor."""
        if sighting != self._sighting:
            self._sighting, self._since_s, self._memory_then = sighting, now_s, memory_bytes
            self._interruptions = 0
        self.lasted_s, self.grown_bytes = now_s - self._since_s, memory_bytes - self._memory_then
        if memory_bytes > self._limits.memory_bytes:
            return Finding.TOO_LARGE
        if sighting == NOBODY or self.lasted_s < self._limits.budget_s:
            return Finding.FINE
        if self.lasted_s >= self._limits.hang_s and self._interruptions >= _LEAST_INTERRUPTIONS:
            return Finding.HUNG
        self._interruptions += 1
        return Finding.OVER_BUDGET

    def greediest(self, noted: tuple[int, int]) -> tuple[int, int]:
        """Return who is to blame for the worker's size and the bytes it took; (0, 0): nobody stands out.

        ``noted`` is what the worker measured itself; the evaluation at hand is not in it.
        """
        who, grown = max((self._sighting.deployment_id, self.grown_bytes), noted, key=lambda each: each[1])
        return (who, grown) if who and grown >= self._limits.memory_bytes * _BLAMED_FROM else (0, 0)
