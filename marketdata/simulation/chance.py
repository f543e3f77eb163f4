"""Chance without a generator: every number is a hash of what it is for, so that time can be entered anywhere."""

from __future__ import annotations

from functools import lru_cache

_MASK = (1 << 64) - 1
_UNIT = 1.0 / (1 << 53)


def mixed(*parts: int) -> int:
    """Return 64 well mixed bits of ``parts`` (splitmix64, Steele et al. 2014); order matters."""
    state = 0
    for part in parts:
        state = (state ^ (part & _MASK)) + 0x9E3779B97F4A7C15 & _MASK
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & _MASK
        state = (state ^ state >> 27) * 0x94D049BB133111EB & _MASK
        state ^= state >> 31
    return state


def uniform(*parts: int) -> float:
    """Return a number in [0, 1) that depends on ``parts`` alone."""
    return (mixed(*parts) >> 11) * _UNIT


def name_number(text: str) -> int:
    """Return a number that stands for ``text`` in a hash."""
    return mixed(*text.encode())


@lru_cache(maxsize=1 << 12)  # the present has some hundred; the past is asked for once
def _lattice(key: int, at: int) -> float:
    return 2.0 * uniform(key, at) - 1.0


class Noise:
    """A smooth function of time in [-1, 1] that forgets itself after about ``period_ns``."""

    __slots__ = ("key", "period_ns")

    def __init__(self, key: int, period_ns: int) -> None:
        self.key = mixed(key, period_ns)
        self.period_ns = period_ns

    def at(self, time_ns: int) -> float:
        """Return the value at ``time_ns``: a new one at each lattice point, smoothly joined."""
        at, rest_ns = divmod(time_ns, self.period_ns)
        x = rest_ns / self.period_ns
        before, after = _lattice(self.key, at), _lattice(self.key, at + 1)
        return before + (after - before) * x * x * (3.0 - 2.0 * x)
