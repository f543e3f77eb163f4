"""Stored candles over time, coarse enough to be drawn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db import connection

from marketdata.history.coverage import Coverage, coverage, width_of

BUCKETS = 400  # of a bar, at most

_COUNTS = """
SELECT one_symbol, counted.* FROM unnest(%(symbols)s::text[]) AS one_symbol, LATERAL (
    SELECT date_bin(%(bucket)s::interval, start, %(origin)s) AS bucket, count(*) FROM marketdata_candle
    WHERE market = %(market)s AND symbol = one_symbol AND timeframe = %(timeframe)s GROUP BY bucket
) AS counted
"""


class Presence(StrEnum):
    """How much of a stretch is stored."""

    FULL = "full"
    PARTIAL = "partial"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a series whose buckets are all alike."""

    start: datetime
    end: datetime  # where the next begins
    presence: Presence
    present: int  # candles
    expected: int


@dataclass(frozen=True, slots=True)
class CoverageBar:
    """One series: between its first and its last candle stretch follows stretch."""

    series: Coverage
    stretches: list[Stretch]


@dataclass(frozen=True, slots=True)
class CoverageChart:
    """All series of a market in one timeframe, on one axis."""

    timeframe: str
    start: datetime
    end: datetime
    bars: list[CoverageBar]


def coverage_chart(
    market: str, timeframe: str, *, symbol: str | None = None, until: datetime | None = None
) -> CoverageChart | None:
    """Return what is stored, of one symbol or of all; None where nothing is.

    The axis ends at ``until`` if that is later than the last candle. Three queries; each reads the
    candles of the timeframe once.
    """
    found = coverage(market=market, symbol=symbol, timeframe=timeframe, longest_gaps=20)
    if not found:
        return None
    width = width_of(timeframe)
    start = min(series.first for series in found)
    last = max(series.last for series in found) + width
    end = last if until is None else max(last, until)
    bucket = width * max(1, -(-((end - start) // width) // BUCKETS))
    counts = _counts([series.symbol for series in found], market, timeframe, bucket, start)
    bars = [CoverageBar(series, list(_stretches(series, counts[series.symbol], bucket, start))) for series in found]
    return CoverageChart(timeframe, start, end, bars)


def _counts(
    symbols: list[str], market: str, timeframe: str, bucket: timedelta, origin: datetime
) -> dict[str, dict[datetime, int]]:
    counts: dict[str, dict[datetime, int]] = defaultdict(dict)
    with connection.cursor() as cursor:
        about: dict[str, Any] = {"bucket": bucket, "origin": origin}
        cursor.execute(_COUNTS, {**about, "symbols": symbols, "market": market, "timeframe": timeframe})
        for symbol, start, present in cursor.fetchall():
            counts[symbol][start] = present
    return counts


def _stretches(series: Coverage, counts: dict[datetime, int], bucket: timedelta, origin: datetime) -> Iterator[Stretch]:
    """Yield the series' buckets, those alike in one."""
    width = width_of(series.timeframe)
    end = series.last + width
    at = origin + (series.first - origin) // bucket * bucket
    open_stretch: Stretch | None = None
    while at < end:
        from_, to = max(at, series.first), min(at + bucket, end)
        present, expected = counts.get(at, 0), (to - from_) // width
        presence = Presence.GAP if present == 0 else Presence.FULL if present >= expected else Presence.PARTIAL
        if open_stretch is not None and open_stretch.presence is presence:
            together = (open_stretch.present + present, open_stretch.expected + expected)
            open_stretch = replace(open_stretch, end=to, present=together[0], expected=together[1])
        else:
            if open_stretch is not None:
                yield open_stretch
            open_stretch = Stretch(from_, to, presence, present, expected)
        at += bucket
    if open_stretch is not None:
        yield open_stretch
