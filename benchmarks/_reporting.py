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
        began = time.perf_counter()
        done = work()
        found.append(done / (time.perf_counter() - began))
    return {"median": round(statistics.median(found)), "least": round(min(found)), "most": round(max(found))}


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
