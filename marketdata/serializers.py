"""The market as JSON. What is not known is null; every field's help names its unit."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from marketdata import models
from marketdata.feed.lag import BAR_S, HIGH_NS, WINDOW_S
from marketdata.feed_events import FeedEventKind
from trading.candles import TIMEFRAME_MINUTES
from trading.frames import NS_PER_MS

Figures = dict[str, Any]


def _count(help_text: str) -> serializers.IntegerField:
    return serializers.IntegerField(allow_null=True, help_text=f"{help_text}; since the feed started")


def _seconds(help_text: str) -> serializers.FloatField:
    return serializers.FloatField(allow_null=True, help_text=f"seconds, {help_text}")


class QuoteSerializer(serializers.Serializer[Figures]):
    """What the feed knows of one symbol."""

    status = serializers.CharField(help_text="the instrument's status, or stale while its book is not known")
    bid = serializers.CharField(allow_null=True, help_text="quote per base, exactly")
    ask = serializers.CharField(allow_null=True, help_text="quote per base, exactly")
    last = serializers.CharField(allow_null=True, help_text="price of the last trade; quote per base, exactly")
    book_age_s = _seconds("market time since the book changed")
    trade_age_s = _seconds("market time since the last trade")
    resyncs = _count("how often its book was requested again")
    gaps = _count("how often its trade ids jumped")


class ClockSerializer(serializers.Serializer[Figures]):
    """The clock of the feed's machine against the exchange's, as the exchange's own answers show it."""

    behind_s = serializers.FloatField(
        allow_null=True, help_text="seconds that the machine's clock is behind; below zero it is ahead; null: unknown"
    )
    corrected_s = serializers.FloatField(allow_null=True, help_text="seconds that the feed adds to the machine's clock")
    is_wrong = serializers.BooleanField(allow_null=True, help_text="by more than 2 s")


class LagSerializer(serializers.Serializer[Figures]):
    """How far timestamps lie behind the time of receipt, measured about once a second."""

    newest = serializers.FloatField(allow_null=True, help_text="ms; null when nothing was measured in the last 10 s")
    p50 = serializers.FloatField(allow_null=True, help_text=f"ms; the median of the last {WINDOW_S} s")
    p99 = serializers.FloatField(
        allow_null=True, help_text=f"ms; of 100 measurements, 99 are at most that; {WINDOW_S} s"
    )
    is_high = serializers.BooleanField(
        allow_null=True, help_text=f"it went above {HIGH_NS // NS_PER_MS} ms and has not been calm since"
    )
    history = serializers.ListField(
        child=serializers.FloatField(allow_null=True),
        allow_null=True,
        help_text=f"ms; the worst of each {BAR_S} s of the last {WINDOW_S} s, oldest first",
    )


class ConnectionsSerializer(serializers.Serializer[Figures]):
    """Attempts to connect, of which the exchange allows only so many."""

    used = serializers.IntegerField(allow_null=True, help_text="attempts within the window; null: not known")
    limit = serializers.IntegerField(help_text="attempts within the window; the feed makes no more")
    window_s = serializers.IntegerField(help_text="seconds, the window's length")


class RecordingSerializer(serializers.Serializer[Figures]):
    """The recording of what the feed receives."""

    file = serializers.CharField(allow_null=True, help_text="below the folder of recordings; null: none is open")
    bytes = serializers.IntegerField(help_text="bytes of that file, compressed")
    messages = serializers.IntegerField(help_text="messages written since the feed started")
    dropped = serializers.IntegerField(help_text="records that no file holds since the feed started")


class FeedEventSerializer(serializers.ModelSerializer[models.FeedEvent]):
    """Something that a reader of the figures should know."""

    class Meta:
        model = models.FeedEvent
        fields = ("market", "time", "kind", "symbol", "detail", "count", "until")
        extra_kwargs = {
            "time": {"help_text": "UTC, the market's clock"},
            "kind": {"help_text": "; ".join(f"{kind.value}: {kind.meaning}" for kind in FeedEventKind)},
        }


class FeedSerializer(serializers.Serializer[Figures]):
    """The feed's figures since it started.

    All but `connected`, `market`, `connections` and `events` are null when no feed runs.
    """

    connected = serializers.BooleanField(help_text="to its source, now")
    finished = serializers.BooleanField(allow_null=True, help_text="a recording was played to its end")
    # A field of this name is the serializer's own attribute, too; the instance never looks at it.
    source = serializers.CharField(allow_null=True, help_text="as run_feed was given")  # type: ignore[assignment]
    market = serializers.CharField(allow_null=True, help_text="as published now, or last")
    started_at = serializers.DateTimeField(allow_null=True, help_text="UTC, wall clock")
    uptime_s = _seconds("since the process began to listen")
    connected_s = _seconds("that the present connection has lasted; null without one")
    connected_share = serializers.FloatField(allow_null=True, help_text="of the uptime, 0 to 1")
    connections = ConnectionsSerializer()
    market_time = serializers.DateTimeField(allow_null=True, help_text="UTC, the market's clock")
    system = serializers.CharField(allow_null=True, help_text="the exchange's own status")
    last_frame_age_s = _seconds("wall clock, since the newest frame was published")
    last_sequence = serializers.IntegerField(allow_null=True, help_text="number of the newest frame")
    frames = _count("frames published")
    messages = _count("messages received")
    messages_per_s = serializers.FloatField(allow_null=True, help_text="messages per second, over the last 5 s")
    lag_ms = LagSerializer(allow_null=True, help_text="milliseconds")
    clock = ClockSerializer(allow_null=True)
    heartbeat_age_s = _seconds("market time since the exchange's last heartbeat")
    channels = serializers.DictField(
        child=serializers.FloatField(allow_null=True),
        allow_null=True,
        help_text="seconds, market time since each channel's last message",
    )
    checksums_verified = _count("book messages whose checksum held")
    checksum_failures = _count("books dropped because a checksum did not hold")
    books_crossed = _count("books dropped because bids met asks")
    resyncs = _count("books requested again")
    trades = _count("trades received")
    trade_gaps = _count("jumps of a symbol's trade ids")
    late_trades = _count("trades that came after newer ones, or after the fact: they fill no order")
    gaps = _count("gaps of any cause")
    repairs = _count("gaps filled over REST")
    reconnects = _count("connections after the first")
    refusals = _count("subscriptions and requests that the exchange refused")
    bad_frames = _count("messages that could not be understood")
    incidents_left_out = _count("feed events counted but not kept, being too many in one second")
    event_counts = serializers.DictField(
        child=serializers.IntegerField(), allow_null=True, help_text="feed events by kind since the feed started"
    )
    without_data = serializers.DictField(
        child=serializers.CharField(), allow_null=True, help_text="pairs that were named and have no book yet, and why"
    )
    recording = RecordingSerializer(allow_null=True, help_text="null: nothing is recorded")
    symbols = serializers.DictField(child=QuoteSerializer(), allow_null=True)
    events = FeedEventSerializer(many=True, help_text="the newest first")


class InstrumentSerializer(serializers.ModelSerializer[models.Instrument]):
    """The rules of one pair; numbers as text, exactly."""

    class Meta:
        model = models.Instrument
        exclude = ("id",)


class CandleSerializer(serializers.ModelSerializer[models.Candle]):
    """One closed candle; prices as text, exactly."""

    class Meta:
        model = models.Candle
        fields = ("start", "open", "high", "low", "close", "volume", "trades")


class MissingStretchSerializer(serializers.Serializer[Any]):
    """Consecutive candles that are not stored."""

    start = serializers.DateTimeField(help_text="UTC, beginning of the first missing candle")
    end = serializers.DateTimeField(help_text="UTC, beginning of the next stored candle")
    candles = serializers.IntegerField(help_text="candles that are missing")


class CoverageSerializer(serializers.Serializer[Any]):
    """One series of stored candles."""

    market = serializers.CharField()
    symbol = serializers.CharField()
    timeframe = serializers.ChoiceField(choices=list(TIMEFRAME_MINUTES))
    first = serializers.DateTimeField(help_text="UTC, beginning of the oldest candle")
    last = serializers.DateTimeField(help_text="UTC, beginning of the newest candle")
    present = serializers.IntegerField(help_text="candles stored")
    missing = serializers.IntegerField(help_text="candles between first and last that are not stored")
    gap_count = serializers.IntegerField(help_text="missing intervals")
    gaps = MissingStretchSerializer(many=True, help_text="the longest missing intervals, longest first")
