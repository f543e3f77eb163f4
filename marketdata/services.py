"""Writing what the market tells. Every write may be repeated: what is there already stays as it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction

from marketdata import models
from marketdata.health import Incident
from trading.candles import Candle
from trading.frames import utc
from trading.instruments import Instrument

KEPT_CHECKPOINTS = 30  # per market: half an hour, twice what the stream holds
_DETAIL_LENGTH = 500
_SYMBOL_LENGTH = 30


@dataclass(frozen=True, slots=True)
class ClosedMinute:
    """The candles that closed since the last one, and the market after the frame that closed them."""

    sequence: int
    time_ns: int
    candles: tuple[tuple[str, Candle, int], ...]  # symbol, candle in ticks and lots, the frame that closed it
    instruments: dict[str, Instrument]
    checkpoint: bytes


@transaction.atomic
def record_minute(*, market: str, minute: ClosedMinute) -> None:
    """Write a minute's candles and the checkpoint that goes with them as one fact."""
    models.Candle.objects.bulk_create(
        [
            _candle_row(market, symbol, candle, sequence, minute.instruments[symbol])
            for symbol, candle, sequence in minute.candles
        ],
        ignore_conflicts=True,
        batch_size=1_000,
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


def record_incidents(*, market: str, incidents: Iterable[Incident]) -> None:
    """Write feed events. Their texts come off the wire: what PostgreSQL cannot hold is escaped."""
    models.FeedEvent.objects.bulk_create(
        models.FeedEvent(
            market=market,
            time=utc(incident.time_ns),
            kind=incident.kind,
            symbol=_storable(incident.symbol, _SYMBOL_LENGTH),
            detail=_storable(incident.detail, _DETAIL_LENGTH),
        )
        for incident in incidents
    )


def _candle_row(market: str, symbol: str, candle: Candle, sequence: int, instrument: Instrument) -> models.Candle:
    def price(ticks: float) -> Decimal:
        return instrument.price(int(ticks))  # whole: candles of a feed are counted in ticks and lots

    return models.Candle(
        market=market,
        symbol=symbol,
        start=utc(candle.start_ns),
        open=price(candle.open),
        high=price(candle.high),
        low=price(candle.low),
        close=price(candle.close),
        volume=instrument.qty(int(candle.volume)),
        trades=candle.trades,
        sequence=sequence,
    )


def _storable(text: str, length: int) -> str:
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")[:length]
