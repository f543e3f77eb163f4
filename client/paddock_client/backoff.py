"""How long to wait before trying again."""

from __future__ import annotations

import random

FIRST_S = 0.25
LONGEST_S = 30.0


def pause_s(failures: int) -> float:
    """Return how long to wait after so many failures in a row: twice as long each time, and never all at once."""
    longest: float = min(LONGEST_S, FIRST_S * 2.0 ** min(failures, 20))
    return longest * random.uniform(0.5, 1)
