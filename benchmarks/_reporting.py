"""How a benchmark repeats, and what it prints last."""

from __future__ import annotations

import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from os import cpu_count

REPEATS = 5


def rates(work: Callable[[], int], repeats: int = REPEATS) -> dict[str, float]:
    """Return units a second of ``work`` (which returns how many it did): median, least and most of several runs."""
    found = []
    for _ in range(repeats):
        seconds, done = _timed(work)
        found.append(done / seconds)
    return spread(found, 0)


def extra_us(work: Callable[[], int], without: Callable[[], int], repeats: int = REPEATS) -> dict[str, float]:
    """Return the microseconds that a unit of ``work`` takes beyond what goes on ``without`` it, as ``rates`` does.

    The two run in turn, so that a machine that is busy for a while slows both.
    """
    found = []
    for _ in range(repeats):
        before, _ = _timed(without)
        seconds, done = _timed(work)
        found.append((seconds - before) / done * 1e6)
    return spread(found, 2)


def _timed(work: Callable[[], int]) -> tuple[float, int]:
    began = time.perf_counter()
    done = work()
    return time.perf_counter() - began, done


def spread(found: list[float], decimals: int) -> dict[str, float]:
    """Return the median, least and most of what was found."""
    shown = {"median": statistics.median(found), "least": min(found), "most": max(found)}
    return {name: round(value, decimals or None) for name, value in shown.items()}


def report(name: str, figures: dict[str, dict[str, float] | float], packages: tuple[str, ...]) -> None:
    """Print a table, or with ``--json`` one JSON object."""
    result = {
        "name": name,
        "figures": figures,
        "machine": {"system": platform.platform(), "cores": cpu_count(), "processor": platform.processor()},
        "versions": {"python": platform.python_version(), **{package: version(package) for package in packages}},
    }
    if "--json" not in sys.argv:
        for figure, value in figures.items():
            print(f"{figure:<36} {value}")
        return
    print(json.dumps(result, allow_nan=False))
