"""Which candles are stored, and which are missing between them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from trading.candles import TIMEFRAME_MINUTES

# Series after series off the unique index: one of a million candles costs no more to find than one of ten.
_STORED = """
WITH RECURSIVE walk AS (
    (SELECT market, symbol, timeframe FROM marketdata_candle ORDER BY market, symbol, timeframe LIMIT 1)
    UNION ALL
    SELECT later.* FROM walk, LATERAL (
        SELECT market, symbol, timeframe FROM marketdata_candle AS candle
        WHERE (candle.market, candle.symbol, candle.timeframe) > (walk.market, walk.symbol, walk.timeframe)
        ORDER BY market, symbol, timeframe LIMIT 1
    ) AS later
), stored AS (
    SELECT walk.*, width FROM walk
    JOIN unnest(%(timeframes)s::text[], %(widths)s::interval[]) AS known (name, width) ON name = timeframe
    WHERE market = COALESCE(%(market)s, market) AND symbol = COALESCE(%(symbol)s, symbol)
      AND timeframe = COALESCE(%(timeframe)s, timeframe)
)
"""
_SERIES = f"""
{_STORED} SELECT stored.market, stored.symbol, stored.timeframe, series.* FROM stored, LATERAL (
    SELECT min(start), max(start), count(*) FROM marketdata_candle
    WHERE market = stored.market AND symbol = stored.symbol AND timeframe = stored.timeframe
) AS series
"""  # noqa: S608 - only our own words are put in, here and below
# A gap is where a candle's follower begins later than it ends. Each series is read in the index's order, unsorted.
_GAPS = f"""
{_STORED} SELECT stored.market, stored.symbol, stored.timeframe, gap.* FROM stored, LATERAL (
    SELECT start + width, following, count(*) OVER () FROM (
        SELECT start, lead(start) OVER (ORDER BY start) AS following FROM marketdata_candle
        WHERE market = stored.market AND symbol = stored.symbol AND timeframe = stored.timeframe
    ) AS neighbours
    WHERE following - start > width ORDER BY following - start DESC, start LIMIT %(longest)s
) AS gap
"""  # noqa: S608
_SYMBOLS = f"{_STORED} SELECT DISTINCT symbol FROM stored ORDER BY symbol"  # noqa: S608

Name = tuple[str, str, str]  # of a series: market, symbol, timeframe


@dataclass(frozen=True, slots=True)
class MissingStretch:
    """Consecutive candles that are not there."""

    start: datetime  # of the first missing candle
    end: datetime  # of the last one, that is where the next stored candle begins
    candles: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """One series of stored candles."""

    market: str
    symbol: str
    timeframe: str
    first: datetime  # beginning of the oldest candle
    last: datetime  # beginning of the newest
    present: int
    gap_count: int
    gaps: list[MissingStretch]  # the longest, longest first

    @property
    def missing(self) -> int:
        """Candles between the first and the last that are not there."""
        return (self.last - self.first) // width_of(self.timeframe) + 1 - self.present


def width_of(timeframe: str) -> timedelta:
    """Return the length of a candle."""
    return timedelta(minutes=TIMEFRAME_MINUTES[timeframe])


def coverage(
    *, market: str | None = None, symbol: str | None = None, timeframe: str | None = None, longest_gaps: int = 20
) -> list[Coverage]:
    """Return what is stored per market, symbol and timeframe; timeframes from short to long. Two queries."""
    parameters = _parameters(market=market, symbol=symbol, timeframe=timeframe)
    counts: dict[Name, int] = {}
    gaps: dict[Name, list[MissingStretch]] = defaultdict(list)
    with connection.cursor() as cursor:
        # At least one of each, for it brings the count.
        cursor.execute(_GAPS, {**parameters, "longest": max(1, longest_gaps)})
        for *named, start, end, count in cursor.fetchall():
            name: Name = tuple(named)
            counts[name] = count
            gaps[name].append(MissingStretch(start, end, (end - start) // width_of(name[2])))
        cursor.execute(_SERIES, parameters)
        series = cursor.fetchall()
    found = []
    for *named, first, last, present in series:
        name = tuple(named)
        found.append(Coverage(*name, first, last, present, counts.get(name, 0), gaps[name][:longest_gaps]))
    order = list(TIMEFRAME_MINUTES)
    return sorted(found, key=lambda c: (c.market, c.symbol, order.index(c.timeframe)))


def stored_symbols(market: str | None) -> list[str]:
    """Return the symbols of ``market`` of which any candle is stored."""
    with connection.cursor() as cursor:
        cursor.execute(_SYMBOLS, _parameters(market=market or "", symbol=None, timeframe=None))
        return [symbol for (symbol,) in cursor.fetchall()]


def _parameters(**filters: str | None) -> dict[str, Any]:
    widths = {name: width_of(name) for name in TIMEFRAME_MINUTES}
    return {**filters, "timeframes": list(widths), "widths": list(widths.values())}
