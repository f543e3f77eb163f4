"""The pace of commits: when the next is due, so that frames are worked whatever a commit takes."""

from __future__ import annotations

SOONEST_S = 0.25  # facts reach the database and the page within this
MOST_SHARE = 0.5  # of the time that commits may take: the rest is for frames


class Pace:
    """Measured from the end of the last commit: one that took long is followed by as long a pause."""

    def __init__(self) -> None:
        self._due_s = 0.0

    def is_due(self, now_s: float) -> bool:
        """Return whether the next commit is due."""
        return now_s >= self._due_s

    def ended(self, began_s: float, now_s: float) -> None:
        """Take in a commit that has just ended."""
        took_s = now_s - began_s
        self._due_s = now_s + max(SOONEST_S - took_s, took_s * (1 / MOST_SHARE - 1), SOONEST_S / 5)
