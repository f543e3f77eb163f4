"""How a test computes any indicator, and reads whatever comes of it."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np

from trading.candles import CandleSeries
from trading.indicators.definition import Indicator


def computed(known: Indicator, series: CandleSeries, other: CandleSeries | None = None) -> Any:
    """Return it at its defaults, and at a period of 20 where it has none."""
    rest = list(inspect.signature(known.compute).parameters.values())[1:]
    periods = {p.name: 20 for p in rest if p.default is p.empty and p.name != "second"}
    both = [series, series if other is None else other] if any(p.name == "second" for p in rest) else [series]
    with np.errstate(all="raise"):
        return known.compute(*both, **periods)


def lines_of(value: Any) -> list[np.ndarray]:
    """Return the arrays of an value; none where it is the newest value."""
    return [line for line in (value if isinstance(value, tuple) else (value,)) if isinstance(line, np.ndarray)]


def values_of(value: Any, at: int = -1) -> tuple[Any, ...]:
    """Return what is known at one candle: of each line its value or None, of a newest value its parts."""
    parts = value if isinstance(value, tuple) else (value,)
    return tuple(_known(part[at]) if isinstance(part, np.ndarray) else part for part in parts)


def are_alike(found: tuple[Any, ...], expected: tuple[Any, ...], tolerance: float = 1e-9) -> bool:
    """True when both know the same, and numbers differ by no more than the tolerance, relative or absolute."""
    return len(found) == len(expected) and all(
        math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance)
        if isinstance(a, float) and isinstance(b, float | int)
        else a == b
        for a, b in zip(found, expected, strict=True)
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
