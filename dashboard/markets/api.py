"""REST: the figures of the market pages, `/api/v1/markets/` and below. Read-only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dashboard.markets import serializers
from dashboard.markets.indicators import InvalidParameter, Plot, plots, series_of
from dashboard.markets.ladder import ladder, tape
from dashboard.markets.listing import (
    Listed,
    MarketsScene,
    UnknownInstrument,
    days_of,
    instrument_called,
    market_shown,
    usd_per,
)
from dashboard.markets.rules import Rules, rules
from dashboard.markets.watch import Sight, sight_of
from dashboard.page.scene import feed_time
from marketdata import bus, selectors
from marketdata.api import count_parameter, requested_choice, requested_count, requested_time
from marketdata.models import Instrument
from portfolios.fees import known_schedules
from portfolios.filters import KnownParameters, MomentFilter
from portfolios.models import Fill
from portfolios.selectors import current_season, newest_fills
from trading.candles import SERIES_CAPACITY, TIMEFRAME_MINUTES
from trading.frames import FRAME_DEPTH, utc
from trading.minutes import ns_of
from trading.snapshot import TAPE_LENGTH

DEFAULT_PRINTS = 100
DEFAULT_VALUES = 300
_OTHERS = {"name", "timeframe", "limit", "before", "format"}  # query keys that are not parameters of an indicator


class MarketsView(generics.ListAPIView[Instrument]):
    """The instruments of the market, each with its quote and its last day."""

    queryset = Instrument.objects.none()
    serializer_class = serializers.MarketSerializer
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Instrument]:
        """Return the instruments of the market shown, by symbol."""
        return selectors.instruments_of(market_shown(current_season(), bus.feed_state()))

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return a page of them."""
        instruments = list(self.paginate_queryset(self.get_queryset()) or ())
        lines = [_line_fields(line) for line in _scene_of(instruments).listed]
        return self.get_paginated_response(serializers.MarketSerializer(lines, many=True).data)


class MarketView(APIView):
    """One instrument: quote, day, rules, fees, and what an account of 100 USD can do."""

    renderer_classes = (JSONRenderer,)  # no table

    @extend_schema(responses=serializers.MarketDetailSerializer)
    def get(self, _request: Request, slug: str) -> Response:
        """Return the instrument named in the address."""
        instrument = _instrument(slug)
        scene = _scene_of([instrument])
        (line,) = scene.listed
        known = rules(
            instrument,
            ask=(line.quote.ask if line.quote else None) or line.last,
            usd_per_quote=usd_per(instrument.quote, scene.feed, scene.days),
            time_ns=ns_of(scene.clock or datetime.now(UTC)),
            schedules=known_schedules(),
        )
        return Response(serializers.MarketDetailSerializer(_line_fields(line) | _ruled(known)).data)


class BookView(APIView):
    """The order book as of the newest frame: up to the depth of the feed."""

    @extend_schema(
        parameters=[count_parameter("levels", FRAME_DEPTH, about="a side")],
        responses=serializers.BookSerializer,
    )
    def get(self, request: Request, slug: str) -> Response:
        """Return the book of the instrument named in the address."""
        symbol = _instrument(slug).symbol
        levels = requested_count(request, "levels", FRAME_DEPTH, FRAME_DEPTH)
        sight = _sight(symbol)
        book = ladder(sight.snapshot, symbol, levels)
        if book is None:
            raise NotFound(f"no order book of {symbol} yet")
        fields = {
            "symbol": symbol,
            "sequence": sight.snapshot.sequence,
            "time": utc(sight.snapshot.time_ns),
            "changed_at": sight.book_changed.get(symbol),
            "status": sight.snapshot.status(symbol),
            "bids": book.bids,
            "asks": book.asks,
            "spread": book.spread,
            "mid": book.mid,
            "micro_price": book.micro_price,
            "imbalance": book.imbalance,
        }
        return Response(serializers.BookSerializer(fields).data)

    def table(self, book: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the levels of both sides, each from the best on."""
        return [{"side": side, **level} for side in ("bid", "ask") for level in book[f"{side}s"]]


class TapeView(APIView):
    """The newest public trades; large ones are marked, with the rule in the response."""

    @extend_schema(
        parameters=[count_parameter("limit", TAPE_LENGTH, default=DEFAULT_PRINTS)],
        responses=serializers.TapeSerializer,
    )
    def get(self, request: Request, slug: str) -> Response:
        """Return the tape of the instrument named in the address."""
        symbol = _instrument(slug).symbol
        limit = requested_count(request, "limit", DEFAULT_PRINTS, TAPE_LENGTH)
        sight = _sight(symbol)
        found = tape(sight.snapshot.instrument(symbol), sight.tapes.get(symbol, []), limit)
        fields = {"symbol": symbol, "prints": found.prints, "remembered": found.remembered}
        return Response(serializers.TapeSerializer(fields | {"large_from": found.large_from}).data)


class MarketFillFilter(KnownParameters):
    """What the fills of an instrument can be narrowed by."""

    deployment = django_filters.CharFilter(field_name="account__slug")
    since = MomentFilter(field_name="time", lookup_expr="gte")
    until = MomentFilter(field_name="time", lookup_expr="lt")

    class Meta:
        model = Fill
        fields = ("side", "liquidity")


class MarketFillsView(generics.ListAPIView[Fill]):
    """The league's fills on one instrument in the running season, newest first."""

    queryset = Fill.objects.all()
    serializer_class = serializers.MarketFillSerializer
    filterset_class = MarketFillFilter

    def get_queryset(self) -> QuerySet[Fill]:
        """Return the fills of the instrument named in the address."""
        if getattr(self, "swagger_fake_view", False):
            return Fill.objects.none()
        return newest_fills(current_season(), symbol=_instrument(self.kwargs["slug"]).symbol)


class CatalogueView(APIView):
    """The indicators that can be drawn, with their parameters and the bounds of those."""

    @extend_schema(responses=serializers.IndicatorSerializer(many=True))
    def get(self, _request: Request) -> Response:
        """Return them by name."""
        return Response(
            serializers.IndicatorSerializer([_described(plot) for plot in plots().values()], many=True).data
        )


class IndicatorsView(APIView):
    """An indicator over an instrument's stored candles, computed by the function that strategies use."""

    @extend_schema(
        parameters=[
            OpenApiParameter("name", OpenApiTypes.STR, required=True, enum=list(plots())),
            OpenApiParameter("timeframe", OpenApiTypes.STR, enum=list(TIMEFRAME_MINUTES), default="1m"),
            OpenApiParameter(
                "limit", OpenApiTypes.INT, description=f"values, 1 to {SERIES_CAPACITY}, else {DEFAULT_VALUES}"
            ),
            OpenApiParameter("before", OpenApiTypes.DATETIME, description="only candles that begin earlier"),
            OpenApiParameter("period", OpenApiTypes.STR, description="and other parameters of the indicator, by name"),
        ],
        responses=serializers.IndicatorValuesSerializer,
    )
    def get(self, request: Request, slug: str) -> Response:
        """Return the values for the instrument named in the address."""
        symbol = _instrument(slug).symbol
        name = requested_choice(request, "name", plots(), default="") or ""
        timeframe = requested_choice(request, "timeframe", TIMEFRAME_MINUTES, default="1m") or "1m"
        limit = requested_count(request, "limit", DEFAULT_VALUES, SERIES_CAPACITY)
        candles = selectors.candles_of(_market() or "", symbol, timeframe)
        if (before := requested_time(request, "before")) is not None:
            candles = candles.filter(start__lt=before)
        plot = plots()[name]
        parameters = _chosen(plot, request)
        # As many as a strategy's series holds: what begins somewhere, such as an average, begins where theirs does.
        series = series_of(symbol, timeframe, candles[:SERIES_CAPACITY])
        fields = {
            "name": name,
            "symbol": symbol,
            "timeframe": timeframe,
            "parameters": parameters,
            "is_overlay": plot.is_overlay,
            "needs": plot.indicator.minimum(**parameters),
            "candles": len(series),
            "drawn": plot.drawn,
            "starts": [utc(start_ns) for start_ns in series.start_ns[-limit:].tolist()],
            "lines": {line: values[-limit:] for line, values in plot.values(series, parameters).items()},
        }
        return Response(serializers.IndicatorValuesSerializer(fields).data)

    def table(self, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return a row for each candle."""
        lines = values["lines"]
        return [
            {"start": start, **dict(zip(lines, row, strict=True))}
            for start, *row in zip(values["starts"], *lines.values(), strict=True)
        ]


def _market() -> str | None:
    return market_shown(current_season(), bus.feed_state())


def _instrument(slug: str) -> Instrument:
    try:
        return instrument_called(slug, selectors.instruments_of(_market()))
    except UnknownInstrument as error:
        raise NotFound(str(error)) from None


def _scene_of(instruments: list[Instrument]) -> MarketsScene:
    season, feed = current_season(), bus.feed_state()
    market = market_shown(season, feed)
    days = days_of(market, selectors.symbols_of(market), feed_time(feed))
    return MarketsScene(season=season, feed=feed, instruments=instruments, days=days)


def _sight(symbol: str) -> Sight:
    sight = sight_of(_market())
    if sight is None or symbol not in sight.snapshot.instruments:
        raise NotFound(f"no frame of {symbol} can be read; see /api/v1/feed/ for the feed's status")
    return sight


def _chosen(plot: Plot, request: Request) -> dict[str, float]:
    given = {name: request.query_params[name] for name in request.query_params if name not in _OTHERS}
    try:
        return plot.chosen(given)
    except InvalidParameter as error:
        raise ValidationError({error.name: str(error)}) from None


def _line_fields(line: Listed) -> dict[str, Any]:
    quote = line.quote
    return {
        "symbol": line.instrument.symbol,
        "slug": line.slug,
        "status": quote.status if quote else line.instrument.status,
        "freshness": line.freshness.word,
        "freshness_detail": line.freshness.detail,
        "last": line.last,
        "bid": quote.bid if quote else None,
        "ask": quote.ask if quote else None,
        "spread": line.spread,
        "spread_bps": quote.spread_bps if quote else None,
        "book_age_s": quote.age_s if quote else None,
        "change_24h_pct": line.change_pct,
        "day": line.day,
    }


def _ruled(known: Rules) -> dict[str, Any]:
    names = ("base", "quote", "price_increment", "qty_increment", "qty_min", "cost_min")
    return {
        **{name: getattr(known.instrument, name) for name in names},
        "status_words": known.status_words,
        "long_limit": known.long_limit,
        "short_limit": known.short_limit,
        "fee_schedules": known.schedules,
        "small_account": asdict(known.small),
    }


def _described(plot: Plot) -> dict[str, Any]:
    return {
        "name": plot.name,
        "family": plot.indicator.family,
        "summary": plot.summary,
        "is_overlay": plot.is_overlay,
        "parameters": [parameter._asdict() for parameter in plot.parameters],
        "lines": plot.lines,
        "drawn": plot.drawn,
    }


market_urls = [
    path("indicators/", CatalogueView.as_view(), name="api-indicators"),
    path("markets/", MarketsView.as_view(), name="api-markets"),
    path("markets/<str:slug>/", MarketView.as_view(), name="api-market"),
    path("markets/<str:slug>/book/", BookView.as_view(), name="api-market-book"),
    path("markets/<str:slug>/tape/", TapeView.as_view(), name="api-market-tape"),
    path("markets/<str:slug>/fills/", MarketFillsView.as_view(), name="api-market-fills"),
    path("markets/<str:slug>/indicators/", IndicatorsView.as_view(), name="api-market-indicators"),
]
