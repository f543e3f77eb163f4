"""The rows of the market. Written by `marketdata.services` alone, read through `marketdata.selectors`.

A market is named by text: ``kraken``, ``simulated:SEED`` or ``recording:STEM:HASH``. Markets never mix.
Times are UTC of the market's clock unless a field says otherwise.
"""

from __future__ import annotations

from typing import Any

from django.db import models

from marketdata.feed_events import FeedEventKind
from trading.candles import TIMEFRAME_MINUTES


def _exact(**options: Any) -> models.DecimalField[Any, Any]:
    """Return a field that holds any price or quantity of an exchange, exactly."""
    return models.DecimalField(max_digits=36, decimal_places=18, **options)


def _market() -> models.CharField[Any, Any]:
    return models.CharField(max_length=120, help_text="kraken, simulated:SEED or recording:STEM:HASH")


class Instrument(models.Model):
    """The newest rules of one pair on one market."""

    market = _market()
    symbol = models.CharField(max_length=30, help_text="BASE/QUOTE as Kraken's WebSocket v2 spells it")
    base = models.CharField(max_length=15)
    quote = models.CharField(max_length=15)
    price_decimals = models.PositiveSmallIntegerField()
    qty_decimals = models.PositiveSmallIntegerField()
    price_increment = _exact(help_text="quote per base; an order's price is a multiple of it")
    qty_increment = _exact(help_text="base; an order's quantity is a multiple of it")
    qty_min = _exact(help_text="base; the smallest order")
    cost_min = _exact(help_text="quote; the smallest order")
    status = models.CharField(max_length=30)
    updated_at = models.DateTimeField(auto_now=True, help_text="wall clock")

    class Meta:
        ordering = ("market", "symbol")
        constraints = (models.UniqueConstraint(fields=("market", "symbol"), name="an_instrument_is_known_once"),)

    def __str__(self) -> str:
        return f"{self.symbol} on {self.market}"


class Candle(models.Model):
    """One closed interval of one symbol; one without trades has ``trades`` zero.

    A candle counts for those who restore the market at or after the frame ``sequence``. One that was
    imported or backfilled has sequence zero until a feed brings it into its market: so all who
    stand at one frame know the same candles, whenever they started.
    """

    market = _market()
    symbol = models.CharField(max_length=30)
    timeframe = models.CharField(max_length=3, default="1m", choices=[(name, name) for name in TIMEFRAME_MINUTES])
    start = models.DateTimeField(help_text="the beginning of the interval")
    open = _exact(help_text="quote per base, as are high, low and close")
    high = _exact()
    low = _exact()
    close = _exact()
    volume = _exact(help_text="base units")
    trades = models.PositiveIntegerField()
    sequence = models.BigIntegerField(default=0, help_text="the frame as of which it counts; 0: none yet")

    class Meta:
        ordering = ("market", "symbol", "timeframe", "start")
        constraints = (
            models.UniqueConstraint(fields=("market", "symbol", "timeframe", "start"), name="a_candle_is_written_once"),
        )

    def __str__(self) -> str:
        return f"{self.symbol} {self.timeframe} {self.start:%Y-%m-%d %H:%M}"


class MarketCheckpoint(models.Model):
    """The market as folded up to a frame, candles left out: a reader may start here."""

    market = _market()
    sequence = models.BigIntegerField(help_text="the last frame that is folded in")
    time = models.DateTimeField(help_text="when that frame closed")
    payload = models.BinaryField()

    class Meta:
        ordering = ("market", "sequence")
        constraints = (models.UniqueConstraint(fields=("market", "sequence"), name="a_market_is_saved_once_per_frame"),)

    def __str__(self) -> str:
        return f"{self.market} at frame {self.sequence}"


class FeedEvent(models.Model):
    """Something that a reader of the market's figures should know; `FeedEventKind` lists what there is."""

    market = _market()
    time = models.DateTimeField(db_index=True)
    kind = models.CharField(max_length=30, choices=[(kind.value, kind.value) for kind in FeedEventKind])
    symbol = models.CharField(max_length=30, blank=True, help_text="empty: the whole feed")
    detail = models.CharField(max_length=500, blank=True)
    count = models.PositiveIntegerField(default=1, help_text="how often it happened, from its time until the last time")
    until = models.DateTimeField(null=True, blank=True, help_text="the last time; null: it happened once")

    class Meta:
        ordering = ("-time", "-id")
        indexes = (
            models.Index(fields=("market", "-time")),
            models.Index(fields=("market", "kind", "-time"), name="feed_events_of_a_kind"),
            models.Index(fields=("market", "symbol", "-time"), name="feed_events_of_a_symbol"),
        )

    def __str__(self) -> str:
        return f"{self.time:%Y-%m-%d %H:%M:%S} {self.kind} {self.symbol}".rstrip()


class ConnectionAttempt(models.Model):
    """One attempt to connect to an exchange, which bans those who try too often."""

    market = _market()
    at = models.DateTimeField(help_text="wall clock")

    class Meta:
        ordering = ("-at",)
        indexes = (models.Index(fields=("market", "-at")),)

    def __str__(self) -> str:
        return f"{self.market} at {self.at:%Y-%m-%d %H:%M:%S}"
