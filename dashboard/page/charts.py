"""Sparklines and coverage bars as SVG coordinates, computed on the server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from marketdata.history.coverage_bars import CoverageBar, CoverageChart, Presence, Stretch

LINE_WIDTH, LINE_HEIGHT = 600, 80
BAR_WIDTH = 1_000.0
_THINNEST = 2.0  # of ``BAR_WIDTH``: a short span stays visible on a long axis

_WORDS = {Presence.FULL: "stored", Presence.PARTIAL: "partial", Presence.GAP: "missing"}


@dataclass(frozen=True, slots=True)
class Sparkline:
    """A line over time, broken where nothing was measured."""

    lines: list[str]  # points of polylines
    dots: list[tuple[float, float]]  # measurements that stand alone
    top: float  # value of the upper edge
    limit_y: float | None  # where the limit is, if it is in the picture


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a bar."""

    x: float
    width: float
    kind: str  # full, partial, gap, recording
    words: str


@dataclass(frozen=True, slots=True)
class DrawnBar:
    """One series."""

    bar: CoverageBar
    spans: list[Span]
    words: str  # the whole bar as text, for screen readers


def sparkline(values: Sequence[float | None], *, least_top: float, limit: float) -> Sparkline:
    """Return the line through ``values``, oldest first; the upper edge is never below ``least_top``."""
    top = max([least_top, *(value for value in values if value is not None)]) * 1.1
    step = LINE_WIDTH / max(1, len(values) - 1)
    runs: list[list[tuple[float, float]]] = [[]]
    for at, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((round(at * step, 1), _height(value, top)))
    return Sparkline(
        lines=[" ".join(f"{x},{y}" for x, y in run) for run in runs if len(run) > 1],
        dots=[run[0] for run in runs if len(run) == 1],
        top=top,
        limit_y=_height(limit, top) if limit <= top else None,
    )


def drawn_bars(chart: CoverageChart) -> list[DrawnBar]:
    """Return the bars of a chart, all on one axis."""
    return [
        DrawnBar(bar, [_span(chart, s.start, s.end, s.presence.value, _text(s)) for s in bar.stretches], _words_of(bar))
        for bar in chart.bars
    ]


def drawn_recordings(chart: CoverageChart, recorded: Iterable[tuple[datetime, datetime]]) -> list[Span]:
    """Return where recordings lie on the chart's axis; those beside it are left out."""
    seen = [(max(start, chart.start), min(end, chart.end)) for start, end in recorded]
    return [
        _span(chart, start, end, "recording", f"recorded {_moment(start)} to {_moment(end)}")
        for start, end in seen
        if start <= end
    ]


def _height(value: float, top: float) -> float:
    return round(LINE_HEIGHT * (1 - value / top), 1)


def _span(chart: CoverageChart, start: datetime, end: datetime, kind: str, words: str) -> Span:
    whole = max(chart.end - chart.start, timedelta(seconds=1))
    width = max(_THINNEST, (end - start) / whole * BAR_WIDTH)
    x = min((start - chart.start) / whole * BAR_WIDTH, BAR_WIDTH - width)
    return Span(round(x, 2), round(width, 2), kind, words)


def _text(stretch: Stretch) -> str:
    count = f"{stretch.present:,} of {stretch.expected:,} candles"
    return f"{_WORDS[stretch.presence]}: {_moment(stretch.start)} to {_moment(stretch.end)}, {count}"


def _words_of(bar: CoverageBar) -> str:
    series = bar.series
    missing = f"{series.missing:,} missing in {series.gap_count:,} gaps" if series.missing else "none missing"
    stored = f"{series.symbol} {series.timeframe}: {series.present:,} candles"
    return f"{stored} from {_moment(series.first)} to {_moment(series.last)}, {missing}"


def _moment(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M}"
