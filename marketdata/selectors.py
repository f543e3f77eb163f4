"""Reading what the market told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db.models import QuerySet

from marketdata import models
from trading.candles import Candle
from trading.instruments import Instrument
from trading.market import Market

WARMUP = timedelta(days=7)  # of one-minute candles that a restored market gets
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def market_at(market: str, sequence: int | None) -> tuple[Market, int]:
    """Return the market as of the newest checkpoint at or before ``sequence``, and that frame's sequence.

    None means the newest of all. Where there is no checkpoint the market is empty and
    the sequence 0. Frames after it are the caller's to fold.
    """
    saved = models.MarketCheckpoint.objects.filter(market=market)
    if sequence is not None:
        saved = saved.filter(sequence__lte=sequence)
    checkpoint = saved.order_by("-sequence").first()
    if checkpoint is None:
        return Market(), 0
    payload = bytes(checkpoint.payload)
    # Candles are stored as prices; only the checkpoint's instruments say how many ticks those are.
    instruments = Market.restore(payload, ()).snapshot().instruments
    rows = models.Candle.objects.filter(
        market=market,
        symbol__in=instruments,
        timeframe="1m",
        sequence__gt=0,
        sequence__lte=checkpoint.sequence,
        start__gte=checkpoint.time - WARMUP,
        start__lt=checkpoint.time,
    ).order_by("start", "symbol")
    return Market.restore(payload, _in_ticks(rows, instruments)), checkpoint.sequence


def candles_of(market: str, symbol: str, timeframe: str = "1m") -> QuerySet[models.Candle]:
    """Return the closed candles of ``symbol``, newest first."""
    return models.Candle.objects.filter(market=market, symbol=symbol, timeframe=timeframe).order_by("-start")


def instruments_of(market: str | None) -> QuerySet[models.Instrument]:
    """Return the pairs of ``market`` by symbol; none while no market is known."""
    return models.Instrument.objects.filter(market=market or "").order_by("symbol")


def last_heard_market() -> str | None:
    """Return the market whose instruments were written last, None before any."""
    return models.Instrument.objects.order_by("-updated_at").values_list("market", flat=True).first()


def recent_feed_events(market: str | None, limit: int = 50) -> QuerySet[models.FeedEvent]:
    """Return the newest incidents of ``market``, newest first."""
    return models.FeedEvent.objects.filter(market=market or "")[:limit]


def _in_ticks(rows: QuerySet[models.Candle], instruments: dict[str, Instrument]) -> Iterator[tuple[str, Candle]]:
    columns = ("symbol", "start", "open", "high", "low", "close", "volume", "trades")
    for symbol, start, open_, high, low, close, volume, trades in rows.values_list(*columns).iterator(5_000):
        i = instruments[symbol]
        yield (
            symbol,
            Candle(
                start_ns=_ns(start),
                open=_units(open_, i.price_decimals),
                high=_units(high, i.price_decimals),
                low=_units(low, i.price_decimals),
                close=_units(close, i.price_decimals),
                volume=_units(volume, i.qty_decimals),
                trades=trades,
            ),
        )


def _units(number: Decimal, decimals: int) -> int:
    # Rounded only where the exchange has made the pair coarser since.
    return int(number.scaleb(decimals).to_integral_value())


def _ns(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1) * 1_000
