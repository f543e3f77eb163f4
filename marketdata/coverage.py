"""Which candles are stored, and which are missing between them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from trading.candles import TIMEFRAME_MINUTES

_ASKED = """
market = COALESCE(%(market)s, market) AND symbol = COALESCE(%(symbol)s, symbol)
AND timeframe = COALESCE(%(timeframe)s, timeframe)
"""
_SERIES = f"""
SELECT market, symbol, timeframe, min(start), max(start), count(*)
FROM marketdata_candle WHERE {_ASKED} GROUP BY market, symbol, timeframe
"""  # noqa: S608 - only our own words are put in, here and below
# A gap is where a candle's follower in its series begins later than it ends; one pass over the unique index.
_GAPS = f"""
WITH neighbours AS (
    SELECT market, symbol, timeframe, start, lead(start) OVER series AS following FROM marketdata_candle
    WHERE {_ASKED} WINDOW series AS (PARTITION BY market, symbol, timeframe ORDER BY start)
), gaps AS (
    SELECT market, symbol, timeframe, start + width AS start, following AS until,
           row_number() OVER (PARTITION BY market, symbol, timeframe ORDER BY following - start DESC, start) AS place,
           count(*) OVER (PARTITION BY market, symbol, timeframe) AS gap_count
    FROM neighbours JOIN unnest(%(timeframes)s::text[], %(widths)s::interval[]) AS known (name, width)
      ON name = timeframe WHERE following - start > width
)
SELECT market, symbol, timeframe, gap_count, start, until FROM gaps WHERE place <= %(longest)s ORDER BY place
"""  # noqa: S608
# Symbol after symbol off the index: a series of a million candles costs no more than one of ten.
_SYMBOLS = """
WITH RECURSIVE found AS (
    (SELECT min(symbol) AS symbol FROM marketdata_candle WHERE market = %(market)s)
    UNION ALL
    SELECT (SELECT min(symbol) FROM marketdata_candle WHERE market = %(market)s AND symbol > found.symbol)
    FROM found WHERE found.symbol IS NOT NULL
)
SELECT symbol FROM found WHERE symbol IS NOT NULL
"""


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
    asked = {"market": market, "symbol": symbol, "timeframe": timeframe}
    counts, gaps = _gaps(asked, longest_gaps)
    with connection.cursor() as cursor:
        cursor.execute(_SERIES, asked)
        series = cursor.fetchall()
    found = []
    for market_, symbol_, timeframe_, first, last, present in series:
        name = (market_, symbol_, timeframe_)
        found.append(Coverage(*name, first, last, present, counts.get(name, 0), gaps[name][:longest_gaps]))
    order = list(TIMEFRAME_MINUTES)
    return sorted(found, key=lambda c: (c.market, c.symbol, order.index(c.timeframe)))


def stored_symbols(market: str | None) -> list[str]:
    """Return the symbols of ``market`` of which any candle is stored."""
    with connection.cursor() as cursor:
        cursor.execute(_SYMBOLS, {"market": market or ""})
        return [symbol for (symbol,) in cursor.fetchall()]


def _gaps(
    asked: dict[str, str | None], longest: int
) -> tuple[dict[tuple[str, str, str], int], dict[tuple[str, str, str], list[MissingStretch]]]:
    """Return by series how many gaps there are, and the longest of them."""
    widths = {name: width_of(name) for name in TIMEFRAME_MINUTES}
    # At least one of each, for it brings the count.
    about: dict[str, Any] = {**asked, "longest": max(1, longest), "timeframes": list(widths)}
    counts: dict[tuple[str, str, str], int] = {}
    gaps: dict[tuple[str, str, str], list[MissingStretch]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_GAPS, {**about, "widths": list(widths.values())})
        for market, symbol, timeframe, count, start, until in cursor.fetchall():
            series = (market, symbol, timeframe)
            counts[series] = count
            gaps[series].append(MissingStretch(start, until, (until - start) // widths[timeframe]))
    return counts, gaps
