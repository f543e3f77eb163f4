"""Writing what the feed receives. Every write may be repeated: what is there already stays as it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from marketdata import models
from marketdata.feed_events import Incident
from trading.candles import Candle, Closed, counts
from trading.frames import utc
from trading.instruments import Instrument

KEPT_CHECKPOINTS = 30  # per market: half an hour, twice what the stream holds
_DETAIL_LENGTH = 500
_SYMBOL_LENGTH = 30
# A candle that counts in no market yet takes the market's values; a correction counts from its frame on.
_WRITE_CANDLES = """
INSERT INTO marketdata_candle
    (market, symbol, timeframe, start, open, high, low, close, volume, trades, sequence)
SELECT %s, * FROM unnest(
    %s::text[], %s::text[], %s::timestamptz[], %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[],
    %s::numeric[], %s::integer[], %s::bigint[]
)
ON CONFLICT (market, symbol, timeframe, start) DO UPDATE SET
    open = EXCLUDED.open, high = EXCLUDED.high, low = EXCLUDED.low, close = EXCLUDED.close,
    volume = EXCLUDED.volume, trades = EXCLUDED.trades, sequence = EXCLUDED.sequence
WHERE EXCLUDED.sequence > marketdata_candle.sequence
"""


@dataclass(frozen=True, slots=True)
class ClosedMinute:
    """The candles that are new since the last one, and the market after the frame that brought them."""

    sequence: int
    time_ns: int
    candles: tuple[tuple[Closed, int], ...]  # in ticks and lots, with the frame as of which each counts
    instruments: dict[str, Instrument]
    checkpoint: bytes


@transaction.atomic
def record_minute(*, market: str, minute: ClosedMinute) -> None:
    """Write a minute's candles and the checkpoint that goes with them as one fact."""
    _write_candles(
        market, [(closed, sequence, minute.instruments[closed.symbol]) for closed, sequence in minute.candles]
    )
    models.MarketCheckpoint.objects.bulk_create(
        [
            models.MarketCheckpoint(
                market=market, sequence=minute.sequence, time=utc(minute.time_ns), payload=minute.checkpoint
            )
        ],
        ignore_conflicts=True,
    )
    newest = models.MarketCheckpoint.objects.filter(market=market).order_by("-sequence")
    oldest_kept = newest.values_list("sequence", flat=True)[KEPT_CHECKPOINTS - 1 : KEPT_CHECKPOINTS].first()
    if oldest_kept is not None:
        models.MarketCheckpoint.objects.filter(market=market, sequence__lt=oldest_kept).delete()


@transaction.atomic
def record_candles(*, market: str, instrument: Instrument, timeframe: str, candles: Iterable[Candle]) -> int:
    """Write closed candles that count in no market yet; return how many were new."""
    return _write_candles(market, ((Closed(instrument.symbol, c, timeframe), 0, instrument) for c in candles))


def record_instruments(*, market: str, instruments: Iterable[Instrument]) -> None:
    """Write the newest rules of each pair."""
    rows = [
        models.Instrument(
            market=market,
            symbol=i.symbol,
            base=i.base,
            quote=i.quote,
            price_decimals=i.price_decimals,
            qty_decimals=i.qty_decimals,
            price_increment=i.price(i.price_increment_ticks),
            qty_increment=i.qty(i.qty_increment_lots),
            qty_min=i.qty(i.qty_min_lots),
            cost_min=i.cost_min,
            status=i.status,
        )
        for i in instruments
    ]
    changing = [
        *("base", "quote", "price_decimals", "qty_decimals", "price_increment", "qty_increment"),
        *("qty_min", "cost_min", "status", "updated_at"),
    ]
    models.Instrument.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["market", "symbol"], update_fields=changing
    )


@transaction.atomic
def record_incidents(*, market: str, incidents: Iterable[Incident]) -> None:
    """Write feed events; one that is known and has recurred is counted on its row.

    Their texts come off the wire: what PostgreSQL cannot hold is escaped.
    """
    new = []
    for incident in incidents:
        about = {
            "market": market,
            "time": utc(incident.time_ns),
            "kind": incident.kind,
            "symbol": _storable(incident.symbol, _SYMBOL_LENGTH),
            "detail": _storable(incident.detail, _DETAIL_LENGTH),
        }
        until = utc(incident.until_ns) if incident.until_ns else None
        recurred = incident.count > 1
        if recurred and models.FeedEvent.objects.filter(**about).update(count=incident.count, until=until):
            continue
        new.append(models.FeedEvent(**about, count=incident.count, until=until))
    models.FeedEvent.objects.bulk_create(new)


@transaction.atomic
def record_connection_attempt(*, market: str, at: datetime, kept: timedelta) -> None:
    """Write that an exchange is about to be connected to; what is older than ``kept`` counts no more."""
    models.ConnectionAttempt.objects.filter(market=market, at__lt=at - kept).delete()
    models.ConnectionAttempt.objects.create(market=market, at=at)


def _write_candles(market: str, candles: Iterable[tuple[Closed, int, Instrument]]) -> int:
    """Write candles with the frame as of which each counts; return how many rows are new or count only now."""
    rows = {(c.symbol, c.timeframe, c.candle.start_ns): _candle_row(c, sequence, i) for c, sequence, i in candles}
    if not rows:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_WRITE_CANDLES, [market, *map(list, zip(*rows.values(), strict=True))])
        return int(cursor.rowcount)


def _candle_row(closed: Closed, sequence: int, instrument: Instrument) -> tuple[Any, ...]:
    start_ns, *prices, volume, trades = counts(closed.candle)
    return (
        *(closed.symbol, closed.timeframe, utc(start_ns)),
        *(instrument.price(ticks) for ticks in prices),
        *(instrument.qty(volume), trades, sequence),
    )


def _storable(text: str, length: int) -> str:
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")[:length]
