"""Which candles are stored, and which are missing between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, DurationField, ExpressionWrapper, F, Max, Min, Window
from django.db.models.functions import Lead

from marketdata import models
from trading.candles import TIMEFRAME_MINUTES


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


def coverage(*, market: str | None = None, symbol: str | None = None, longest_gaps: int = 20) -> list[Coverage]:
    """Return what is stored per market, symbol and timeframe; timeframes from short to long."""
    asked = {"market": market, "symbol": symbol}
    rows = models.Candle.objects.filter(**{name: value for name, value in asked.items() if value is not None})
    series = rows.order_by().values("market", "symbol", "timeframe")
    found = series.annotate(first=Min("start"), last=Max("start"), present=Count("pk"))
    covered = []
    for row in found:
        about = {"market": row["market"], "symbol": row["symbol"], "timeframe": row["timeframe"]}
        gaps = missing_stretches(**about)
        covered.append(Coverage(**row, gap_count=gaps.count(), gaps=list(_stretches(gaps[:longest_gaps], **about))))
    order = list(TIMEFRAME_MINUTES)
    return sorted(covered, key=lambda c: (c.market, c.symbol, order.index(c.timeframe)))


def missing_stretches(*, market: str, symbol: str, timeframe: str) -> Any:
    """Return (start of the candle before, start of the candle after, hole) of each gap, the longest first."""
    width = width_of(timeframe)
    series = models.Candle.objects.filter(market=market, symbol=symbol, timeframe=timeframe).order_by()
    following = series.annotate(following=Window(Lead("start"), order_by=F("start").asc()))
    hole = ExpressionWrapper(F("following") - F("start"), output_field=DurationField())
    holes = following.annotate(hole=hole).filter(hole__gt=width).order_by("-hole", "start")
    return holes.values_list("start", "following")


def _stretches(gaps: Any, *, timeframe: str, **_about: str) -> Iterator[MissingStretch]:
    width = width_of(timeframe)
    for before, after in gaps:
        yield MissingStretch(before + width, after, (after - before) // width - 1)
