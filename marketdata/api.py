"""The market over REST: `/api/v1/feed/`, `/instruments/`, `/candles/`. All of it can only be read."""

from __future__ import annotations

from typing import Any

import redis
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from marketdata import bus, models, selectors
from trading.candles import TIMEFRAME_MINUTES

DEFAULT_CANDLES = 300
MAX_CANDLES = 10_000


class QuoteSerializer(serializers.Serializer[dict[str, Any]]):
    """What the feed knows of one symbol."""

    status = serializers.CharField(help_text="the instrument's status, or stale while its book is not known")
    bid = serializers.CharField(allow_null=True)
    ask = serializers.CharField(allow_null=True)
    last = serializers.CharField(allow_null=True, help_text="price of the last trade")
    book_age_s = serializers.FloatField(allow_null=True, help_text="market time since the book changed")
    trade_age_s = serializers.FloatField(allow_null=True, help_text="market time since the last trade")


class FeedEventSerializer(serializers.ModelSerializer[models.FeedEvent]):
    """A gap, a lost book, a refusal."""

    class Meta:
        model = models.FeedEvent
        fields = ("market", "time", "kind", "symbol", "detail")


class FeedSerializer(serializers.Serializer[dict[str, Any]]):
    """The feed's figures since it started; all but `connected`, `market` and `events` are null when none runs."""

    connected = serializers.BooleanField()
    finished = serializers.BooleanField(allow_null=True, help_text="a recording was heard to its end")
    # A field of this name is the serializer's own attribute, too; the instance never looks at it.
    source = serializers.CharField(allow_null=True)  # type: ignore[assignment]
    market = serializers.CharField(allow_null=True, help_text="as published now, or last")
    started_at = serializers.DateTimeField(allow_null=True, help_text="wall clock")
    market_time = serializers.DateTimeField(allow_null=True, help_text="the market's clock")
    system = serializers.CharField(allow_null=True, help_text="the exchange's own status")
    last_frame_age_s = serializers.FloatField(allow_null=True, help_text="wall clock")
    last_sequence = serializers.IntegerField(allow_null=True)
    frames = serializers.IntegerField(allow_null=True)
    messages = serializers.IntegerField(allow_null=True)
    messages_per_s = serializers.FloatField(allow_null=True)
    checksums_verified = serializers.IntegerField(allow_null=True)
    checksum_failures = serializers.IntegerField(allow_null=True)
    books_crossed = serializers.IntegerField(allow_null=True)
    resyncs = serializers.IntegerField(allow_null=True)
    trades = serializers.IntegerField(allow_null=True)
    trade_gaps = serializers.IntegerField(allow_null=True)
    reconnects = serializers.IntegerField(allow_null=True)
    refusals = serializers.IntegerField(allow_null=True)
    bad_frames = serializers.IntegerField(allow_null=True)
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


class FeedView(APIView):
    """How the market is heard."""

    @extend_schema(responses=FeedSerializer)
    def get(self, _request: Request) -> Response:
        state = _feed_state()
        figures: dict[str, Any] = dict.fromkeys(FeedSerializer().fields)
        figures |= {"connected": False, "market": _current_market()} if state is None else state
        figures["events"] = selectors.recent_feed_events(figures["market"])
        return Response(FeedSerializer(figures).data)


class InstrumentsView(APIView):
    """The pairs of the market that is, or was last, published."""

    @extend_schema(responses=InstrumentSerializer(many=True))
    def get(self, _request: Request) -> Response:
        return Response(InstrumentSerializer(selectors.instruments_of(_current_market()), many=True).data)


class CandlesView(APIView):
    """The newest closed candles of one symbol, oldest first."""

    @extend_schema(
        parameters=[
            OpenApiParameter("symbol", OpenApiTypes.STR, required=True, description="such as BTC/USD"),
            OpenApiParameter("timeframe", OpenApiTypes.STR, enum=list(TIMEFRAME_MINUTES), default="1m"),
            OpenApiParameter("limit", OpenApiTypes.INT, description=f"1 to {MAX_CANDLES}, else {DEFAULT_CANDLES}"),
        ],
        responses=CandleSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        market, symbol = _current_market(), request.query_params.get("symbol", "")
        known = list(selectors.instruments_of(market).values_list("symbol", flat=True))
        if symbol not in known:
            raise ValidationError({"symbol": f"symbol is {symbol!r}; expected one of {', '.join(known) or 'none yet'}"})
        timeframe = request.query_params.get("timeframe", "1m")
        if timeframe not in TIMEFRAME_MINUTES:
            known = list(TIMEFRAME_MINUTES)
            raise ValidationError({"timeframe": f"timeframe is {timeframe!r}; expected one of {', '.join(known)}"})
        newest = selectors.candles_of(market or "", symbol, timeframe)[: _limit(request)]
        return Response(CandleSerializer(list(reversed(newest)), many=True).data)


def _feed_state() -> dict[str, Any] | None:
    try:
        return bus.feed_state()
    except redis.RedisError:
        return None  # a feed that cannot publish is none


def _current_market() -> str | None:
    try:
        return bus.current_market()
    except redis.RedisError:
        # Redis carries, PostgreSQL remembers: what was heard can be read without it.
        return selectors.last_heard_market()


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(DEFAULT_CANDLES))
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and 1 <= int(text) <= MAX_CANDLES):
        raise ValidationError({"limit": f"limit is {text!r}; expected a whole number from 1 to {MAX_CANDLES}"})
    return int(text)


api_urls = [
    path("feed/", FeedView.as_view(), name="feed"),
    path("instruments/", InstrumentsView.as_view(), name="instruments"),
    path("candles/", CandlesView.as_view(), name="candles"),
]
