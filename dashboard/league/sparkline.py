"""A sparkline in a table cell: an account's P&L, as the points of an SVG."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from portfolios.results.sampling import Sample
from strategies.league.table import Place

WIDTH, HEIGHT = 96, 24
_MARGIN = 2  # the line's own width must not be cut off


class Line(NamedTuple):
    """A drawn line."""

    points: list[str]  # of polylines: it is broken where the account was not valued
    zero_y: float | None  # where it began, if that is in the picture
    words: str  # the line as text, for screen readers


def line_through(place: Place) -> Line | None:
    """Return the line of the P&L since the window began; None with fewer than two points."""
    made = place.performance
    results = [None if sample is None else float(_result(sample)) for sample in made.samples]
    known = [result for result in results if result is not None]
    if len(known) < 2:
        return None
    began, now = float(made.before.result), float(made.after.result)
    low, high = min(*known, began, now), max(*known, began, now)
    step, spread = WIDTH / len(results), high - low

    def y(result: float) -> float:
        if low == high:
            return HEIGHT / 2
        return round(_MARGIN + (HEIGHT - 2 * _MARGIN) * (1 - (result - low) / spread), 1)

    moments = [*((round((n + 0.5) * step, 1), result) for n, result in enumerate(results)), (float(WIDTH), now)]
    runs: list[list[str]] = [[]]
    for (x, result), (_, following) in pairwise([*moments, (0.0, None)]):
        if result is not None:
            runs[-1].append(f"{x:g},{y(result):g}")
        if following is None:
            runs.append([])
    words = f"P&L now {now - began:+.2f}, low {low - began:+.2f}, high {high - began:+.2f}"
    return Line([" ".join(run) for run in runs if len(run) > 1], y(began), words)


def _result(sample: Sample) -> Decimal:
    return sample.equity - sample.stake
