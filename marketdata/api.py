"""The market over REST: `/api/v1/feed/`, `/instruments/`, `/candles/`, `/coverage/`. All of it can only be read."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import redis
from django.urls import path
from django.utils.dateparse import parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from marketdata import bus, selectors
from marketdata.feed.health import connection_budget
from marketdata.feed_events import FeedEventKind
from marketdata.history.coverage import coverage, stored_symbols
from marketdata.kraken.symbols import UnknownPairName, symbol_of
from marketdata.serializers import CandleSerializer, CoverageSerializer, FeedSerializer, InstrumentSerializer
from trading.candles import TIMEFRAME_MINUTES

DEFAULT_CANDLES = 300
MAX_CANDLES = 10_000
DEFAULT_EVENTS = 50
MAX_EVENTS = 1_000
DEFAULT_GAPS = 100
MAX_GAPS = 10_000


def count_parameter(name: str, most: int, *, default: int | None = None, least: int = 1, about: str = "") -> Any:
    """Return the description of a parameter that is a count; without ``default`` it means all there are."""
    bounds: dict[str, Any] = {"type": "integer", "minimum": least, "maximum": most}
    text = f"{about}{', ' if about else ''}{default if default is not None else 'all'} when left out"
    return OpenApiParameter(name, bounds, description=text)


class FeedView(APIView):
    """How the feed receives the market, and the newest feed events."""

    @extend_schema(
        parameters=[
            OpenApiParameter("kind", OpenApiTypes.STR, enum=[kind.value for kind in FeedEventKind]),
            OpenApiParameter("symbol", OpenApiTypes.STR, description="only events of this pair, such as BTC/USD"),
            count_parameter("limit", MAX_EVENTS, default=DEFAULT_EVENTS, about="events"),
        ],
        responses=FeedSerializer,
    )
    def get(self, request: Request) -> Response:
        state = _feed_state()
        figures: dict[str, Any] = dict.fromkeys(FeedSerializer().fields)
        figures |= {"connected": False, "market": _current_market()} if state is None else state
        figures["connections"] = connection_budget(state)
        market = figures["market"]
        figures["events"] = selectors.recent_feed_events(
            market,
            requested_count(request, "limit", DEFAULT_EVENTS, MAX_EVENTS),
            kind=requested_choice(request, "kind", FeedEventKind),
            symbol=_symbol_of_events(request, market),
        )
        return Response(FeedSerializer(figures).data)


class InstrumentsView(APIView):
    """The pairs of the market that is, or was last, published."""

    @extend_schema(responses=InstrumentSerializer(many=True))
    def get(self, _request: Request) -> Response:
        return Response(InstrumentSerializer(selectors.instruments_of(_current_market()), many=True).data)


class CandlesView(APIView):
    """The newest closed candles of one symbol, oldest first; `before` pages back."""

    @extend_schema(
        parameters=[
            OpenApiParameter("symbol", OpenApiTypes.STR, required=True, description="such as BTC/USD"),
            OpenApiParameter("timeframe", OpenApiTypes.STR, enum=list(TIMEFRAME_MINUTES), default="1m"),
            count_parameter("limit", MAX_CANDLES, default=DEFAULT_CANDLES),
            OpenApiParameter("since", OpenApiTypes.DATETIME, description="only candles that begin then or later"),
            OpenApiParameter("before", OpenApiTypes.DATETIME, description="only candles that begin earlier"),
        ],
        responses=CandleSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        market = _current_market()
        symbol = requested_choice(request, "symbol", selectors.symbols_of(market), default="")
        timeframe = requested_choice(request, "timeframe", TIMEFRAME_MINUTES, default="1m")
        limit = requested_count(request, "limit", DEFAULT_CANDLES, MAX_CANDLES)
        candles = selectors.candles_of(market or "", symbol or "", timeframe or "1m")
        if (since := requested_time(request, "since")) is not None:
            candles = candles.filter(start__gte=since)
        if (before := requested_time(request, "before")) is not None:
            candles = candles.filter(start__lt=before)
        return Response(CandleSerializer(list(reversed(candles[:limit])), many=True).data)


class CoverageView(APIView):
    """Which candles of the market are stored, and which are missing between them."""

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "symbol", OpenApiTypes.STR, description="such as BTC/USD; else all of which any is stored"
            ),
            OpenApiParameter("timeframe", OpenApiTypes.STR, enum=list(TIMEFRAME_MINUTES), description="else all"),
            count_parameter("limit", MAX_GAPS, default=DEFAULT_GAPS, about="gaps"),
        ],
        responses=CoverageSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        market = _current_market()
        known = dict.fromkeys([*selectors.symbols_of(market), *stored_symbols(market)])
        found = coverage(
            market=market or "",
            symbol=requested_choice(request, "symbol", known),
            timeframe=requested_choice(request, "timeframe", TIMEFRAME_MINUTES),
            longest_gaps=requested_count(request, "limit", DEFAULT_GAPS, MAX_GAPS),
        )
        return Response(CoverageSerializer(found, many=True).data)


def _feed_state() -> dict[str, Any] | None:
    try:
        return bus.feed_state()
    except redis.RedisError:
        return None  # a feed that cannot publish is none


def _current_market() -> str | None:
    try:
        return bus.current_market() or selectors.last_fed_market()
    except redis.RedisError:
        # Redis carries, PostgreSQL remembers: what was received can be read without it.
        return selectors.last_fed_market()


def _symbol_of_events(request: Request, market: str | None) -> str | None:
    if "symbol" not in request.query_params:
        return None
    # The exchange may have refused a symbol that is no instrument.
    return requested_choice(
        request, "symbol", dict.fromkeys([*selectors.symbols_of(market), *selectors.refused_symbols(market)])
    )


def requested_choice(request: Request, name: str, known: Iterable[str], *, default: str | None = None) -> str | None:
    """Return the parameter, which must be one of those known; ``default`` is what it is when left out."""
    value, choices = request.query_params.get(name, default), list(known)
    if name == "symbol" and value and value not in choices:
        with suppress(UnknownPairName):
            value = symbol_of(value, choices)
    if value is not None and value not in choices:
        raise ValidationError({name: f"{name} is {value!r}; expected one of {', '.join(choices) or 'none yet'}"})
    return value


def requested_time(request: Request, name: str) -> datetime | None:
    """Return the parameter as a moment, None where it is left out.

    Raises:
        ValidationError: it is no time with a zone.
    """
    value = request.query_params.get(name)
    if value is None:
        return None
    try:
        time = parse_datetime(value)
        # In UTC: PostgreSQL knows fewer zones than ISO 8601.
        in_utc = time.astimezone(UTC) if time is not None and time.tzinfo is not None else None
    except (ValueError, OverflowError):  # a day or hour that no calendar has
        in_utc = None
    if in_utc is None:
        raise ValidationError({name: f"{name} is {value!r}; expected a time with its zone: 2026-07-08T12:00:00Z"})
    return in_utc


def requested_count(request: Request, name: str, default: int, most: int) -> int:
    """Return the parameter, a count; ``default`` is what it is when left out.

    Raises:
        ValidationError: not a whole number from 1 to ``most``.
    """
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and 1 <= int(text) <= most):
        raise ValidationError({name: f"{name} is {text!r}; expected a whole number from 1 to {most}"})
    return int(text)


api_urls = [
    path("feed/", FeedView.as_view(), name="feed"),
    path("instruments/", InstrumentsView.as_view(), name="instruments"),
    path("candles/", CandlesView.as_view(), name="candles"),
    path("coverage/", CoverageView.as_view(), name="coverage"),
]
