"""How an indicator is declared: what it needs, and that it is computed once however many read it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import numpy as np

from trading.candles import Floats

ROUNDING = 1e-12  # of a price: a smaller deviation is rounding, not movement


class Memory(Protocol):
    """What remembers what was computed from it: a series of candles, or the snapshot of a frame."""

    @property
    def memo(self) -> dict[object, Any]:
        """What was computed, by function and parameters."""


@dataclass(frozen=True, slots=True)
class Indicator:
    """What is known of an indicator without computing it."""

    name: str
    family: str  # the module it is found in
    reads: str  # what ``needs`` counts: "candles", "prints" or "levels"
    compute: Callable[..., Any]
    needs: Callable[..., int]  # of the same parameters as ``compute``, by name

    @property
    def summary(self) -> str:
        """The first line of its documentation."""
        return (inspect.getdoc(self.compute) or "").partition("\n")[0]

    def minimum(self, **parameters: object) -> int:
        """Return how much data makes all of it known, at the defaults where nothing else is given.

        Parameters that have no default stand at 20.
        """
        known = inspect.signature(self.compute).parameters.values()
        values = {p.name: 20 if p.default is p.empty else p.default for p in known} | parameters
        wanted = inspect.signature(self.needs).parameters
        return self.needs(**{name: values[name] for name in wanted})


INDICATORS: dict[str, Indicator] = {}  # by name, filled as the families are imported; ``catalogue`` imports them all

S = TypeVar("S", bound=Memory)
P = ParamSpec("P")
R = TypeVar("R")


def register(compute: Callable[..., Any], needs: Callable[..., int], reads: str = "candles") -> None:
    """List an indicator that shares its results by itself."""
    name = compute.__name__
    assert name not in INDICATORS, f"two indicators are called {name}"
    INDICATORS[name] = Indicator(name, compute.__module__.rpartition(".")[2], reads, compute, needs)


def indicator(
    needs: Callable[..., int], reads: str = "candles"
) -> Callable[[Callable[Concatenate[S, P], R]], Callable[Concatenate[S, P], R]]:
    """Return a decorator that lists an indicator, and computes it once for each series (or frame) and parameters.

    Its arrays become read-only: all who read them are handed the same ones.
    """

    def declare(compute: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
        @wraps(compute)
        def remembered(source: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
            key = (compute, args, *kwargs.items()) if kwargs else (compute, args)
            memo = source.memo
            if key not in memo:
                memo[key] = _read_only(compute(source, *args, **kwargs))
            found: R = memo[key]
            return found

        register(remembered, needs, reads)
        return remembered

    return declare


def _read_only(result: R) -> R:
    for part in result if isinstance(result, tuple) else (result,):
        if isinstance(part, np.ndarray):
            part.flags.writeable = False
    return result


def windows(values: Floats, period: int) -> Floats:
    """Return the last ``period`` values as of each index from ``period - 1`` on, one a row; no row when too short."""
    if len(values) < period:
        return np.empty((0, period))
    return np.lib.stride_tricks.sliding_window_view(values, period)


def aligned(values: Floats, length: int) -> Floats:
    """Return the values as the newest of ``length``, NaN before them."""
    whole = np.full(length, np.nan)
    whole[length - len(values) :] = values
    return whole


def quotient(above: Floats, below: Floats, otherwise: float = np.nan) -> Floats:
    """Return ``above / below``, and ``otherwise`` where nothing can be divided by; NaN stays NaN."""
    result: Floats = np.where(np.isnan(above), np.nan, otherwise)
    np.divide(above, below, out=result, where=below != 0)
    return result
