"""Reading what the feed has stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from marketdata import models
from marketdata.feed_events import FeedEventKind
from trading.candles import SERIES_CAPACITY, TIMEFRAME_MINUTES, Candle, Closed, counted
from trading.frames import Count
from trading.instruments import Instrument
from trading.market import Market
from trading.minutes import ns_of

_COLUMNS = "symbol, timeframe, start, open, high, low, close, volume, trades"
# A series at a time, newest first: the unique index is read backwards, and no further than is shown.
_NEWEST_CANDLES = f"""
SELECT newest.* FROM unnest(%(symbols)s::text[]) AS one_symbol, unnest(%(timeframes)s::text[]) AS one_timeframe,
LATERAL (
    SELECT {_COLUMNS} FROM marketdata_candle
    WHERE market = %(market)s AND symbol = one_symbol AND timeframe = one_timeframe
      AND sequence BETWEEN %(first)s AND %(last)s
    ORDER BY start DESC LIMIT %(count)s
) AS newest
"""  # noqa: S608 - nothing but our own column names is put in
_MAX_SEQUENCE = 2**63 - 1


def market_at(market: str, sequence: int | None, timeframes: Iterable[str] = TIMEFRAME_MINUTES) -> tuple[Market, int]:
    """Return the market as of the newest checkpoint at or before ``sequence``, and that frame's sequence.

    None means the newest of all. Where there is no checkpoint the market is empty and
    the sequence 0. Frames after it are the caller's to fold. Its candles are those that
    counted at that frame: the answer is the same whenever it is read. Of other than the
    ``timeframes`` only those are there that may yet be corrected.
    """
    checkpoint = _checkpoints_until(market, sequence).first()
    if checkpoint is None:
        return Market(), 0
    payload = bytes(checkpoint.payload)
    # Candles are stored as prices; only the checkpoint's instruments say how many ticks those are.
    instruments = Market.restore(payload, ()).snapshot().instruments
    counted = newest_candles(market, instruments, timeframes, last_sequence=checkpoint.sequence)
    return Market.restore(payload, counted), checkpoint.sequence


def checkpoint_before(market: str, sequence: int | None) -> int:
    """Return the frame from which ``market_at`` would start, 0 without a checkpoint."""
    return _checkpoints_until(market, sequence).values_list("sequence", flat=True).first() or 0


def _checkpoints_until(market: str, sequence: int | None) -> QuerySet[models.MarketCheckpoint]:
    saved = models.MarketCheckpoint.objects.filter(market=market).order_by("-sequence")
    return saved if sequence is None else saved.filter(sequence__lte=sequence)


def newest_candles(
    market: str,
    instruments: Mapping[str, Instrument],
    timeframes: Iterable[str] = TIMEFRAME_MINUTES,
    *,
    last_sequence: int | None = None,
) -> Iterator[Closed]:
    """Yield the newest SERIES_CAPACITY candles of each series in ticks and lots, newest first.

    They are those that counted at the frame ``last_sequence``; None means all that are
    stored, also those that count in no market yet.
    """
    first, last = (0, _MAX_SEQUENCE) if last_sequence is None else (1, last_sequence)
    about: dict[str, Any] = {"market": market, "symbols": list(instruments), "timeframes": list(timeframes)}
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST_CANDLES, {**about, "first": first, "last": last, "count": SERIES_CAPACITY})
        while rows := cursor.fetchmany(5_000):
            for symbol, timeframe, *numbers in rows:
                yield Closed(symbol, _in_ticks(numbers, instruments[symbol]), timeframe)


def candles_of(market: str, symbol: str, timeframe: str = "1m") -> QuerySet[models.Candle]:
    """Return the closed candles of ``symbol``, newest first."""
    return models.Candle.objects.filter(market=market, symbol=symbol, timeframe=timeframe).order_by("-start")


def instruments_of(market: str | None) -> QuerySet[models.Instrument]:
    """Return the pairs of ``market`` by symbol; none while no market is known."""
    return models.Instrument.objects.filter(market=market or "").order_by("symbol")


def last_fed_market() -> str | None:
    """Return the market whose instruments were written last, None before any."""
    return models.Instrument.objects.order_by("-updated_at").values_list("market", flat=True).first()


def symbols_of(market: str | None) -> list[str]:
    """Return the symbols of the pairs of ``market``."""
    return list(instruments_of(market).values_list("symbol", flat=True))


def recent_feed_events(
    market: str | None, limit: int = 50, *, kind: str | None = None, symbol: str | None = None
) -> QuerySet[models.FeedEvent]:
    """Return the newest events of ``market``, newest first; of one kind or symbol where one is given."""
    given = {"kind": kind, "symbol": symbol}
    filters = {name: value for name, value in given.items() if value is not None}
    return models.FeedEvent.objects.filter(market=market or "", **filters)[:limit]


def refused_symbols(market: str | None) -> list[str]:
    """Return the symbols of ``market`` of which the exchange has refused anything; they may be no pairs."""
    refused = models.FeedEvent.objects.filter(market=market or "", kind=FeedEventKind.REFUSED)
    return list(refused.exclude(symbol="").order_by("symbol").values_list("symbol", flat=True).distinct())


def unrepaired_gaps(market: str | None, since: datetime) -> int:
    """Return how many gaps after ``since`` no later repair of the same symbol has followed."""
    events = models.FeedEvent.objects.filter(market=market or "")
    repairs = events.filter(
        Q(symbol=OuterRef("symbol")) | Q(symbol=""), kind=FeedEventKind.REPAIR, time__gte=OuterRef("time")
    )
    return events.filter(~Exists(repairs), kind=FeedEventKind.GAP, time__gte=since).count()


def connection_attempts_ns(market: str, since: datetime) -> list[int]:
    """Return when ``market`` was connected to, or tried to be, from ``since`` on."""
    attempts = models.ConnectionAttempt.objects.filter(market=market, at__gte=since)
    return [ns_of(at) for at in attempts.values_list("at", flat=True)]


def _in_ticks(numbers: Sequence[Any], instrument: Instrument) -> Candle:
    start, *prices, volume, trades = numbers
    open_, high, low, close = (ticks_of(price, instrument) for price in prices)
    return counted((ns_of(start), open_, high, low, close, _units(volume, instrument.qty_decimals), trades))


def ticks_of(price: Decimal, instrument: Instrument) -> Count:
    """Return a price of a row in ticks; a fraction where the exchange has made the pair coarser since."""
    return _units(price, instrument.price_decimals)


def _units(number: Decimal, decimals: int) -> Count:
    units = number.scaleb(decimals)
    whole = int(units)
    return whole if units == whole else units
