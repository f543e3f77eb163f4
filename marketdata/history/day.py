"""The last twenty-four hours of each pair, from its stored candles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection

from marketdata.history.coverage import width_of

DAY = timedelta(hours=24)
_TIMEFRAMES = ("1m", "5m", "15m", "1h")  # the first that reaches back a day is taken

_FIGURES = """
SELECT symbol, timeframe, min(start), count(*), max(high), min(low), sum(volume),
       (array_agg(open ORDER BY start))[1], (array_agg(close ORDER BY start DESC))[1], sum(volume * close)
FROM marketdata_candle
WHERE market = %(market)s AND symbol = ANY(%(symbols)s) AND timeframe = ANY(%(timeframes)s) AND start >= %(since)s
GROUP BY symbol, timeframe
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFigures:
    """The figures of one symbol's candles of the last day. All prices are quote per base."""

    symbol: str
    timeframe: str  # of the candles
    first: datetime  # the oldest candle's beginning
    since: datetime  # a day before now
    present: int  # candles
    high: Decimal
    low: Decimal
    open: Decimal
    close: Decimal
    volume: Decimal  # base units
    value: Decimal  # quote: each candle's volume at its close

    @property
    def expected(self) -> int:
        """Candles that a whole day has."""
        return DAY // width_of(self.timeframe)

    @property
    def missing(self) -> int:
        """Candles of the day that are not stored; the one that is forming is not missed."""
        return max(0, self.expected - 1 - self.present)

    @property
    def is_whole(self) -> bool:
        """True when the candles reach back a day: only then is there a change of a day."""
        return self.first - self.since < width_of(self.timeframe)

    def change_pct(self, last: Decimal | None) -> Decimal | None:
        """Return how far ``last`` is from the price a day ago, in percent; None while that is not known."""
        if last is None or not self.is_whole or not self.open:
            return None
        return (last / self.open - 1) * 100


def day_figures(market: str | None, symbols: Iterable[str], now: datetime) -> dict[str, DayFigures]:
    """Return the last day of each of ``symbols`` that has a candle in it; one query.

    Of the shortest candles that reach back a day, else of those that reach back furthest.
    """
    since = now - DAY
    parameters: dict[str, Any] = {"market": market or "", "symbols": list(symbols), "timeframes": list(_TIMEFRAMES)}
    with connection.cursor() as cursor:
        cursor.execute(_FIGURES, {**parameters, "since": since})
        found = [_figures(row, since) for row in cursor.fetchall()]
    best: dict[str, DayFigures] = {}
    whole = sorted((f for f in found if f.is_whole), key=lambda f: _TIMEFRAMES.index(f.timeframe))
    partial = sorted((f for f in found if not f.is_whole), key=lambda f: f.first)
    for figures in (*whole, *partial):
        best.setdefault(figures.symbol, figures)
    return best


def _figures(row: tuple[Any, ...], since: datetime) -> DayFigures:
    symbol, timeframe, first, present, high, low, volume, open_, close, value = row
    return DayFigures(
        symbol=symbol, timeframe=timeframe, first=first, since=since, present=present, high=high, low=low,
        open=open_, close=close, volume=volume, value=value,
    )  # fmt: skip
