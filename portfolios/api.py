"""REST: what a deployment's account of the running season holds and how it came about."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from marketdata.api import count_parameter, requested_time
from portfolios import filters, selectors, serializers
from portfolios.fees import known_schedules
from portfolios.models import (
    Account,
    Balance,
    Fill,
    Flattening,
    InstrumentFigures,
    LedgerEntry,
    Order,
    Payment,
    Position,
    RoundTrip,
    Standing,
)
from portfolios.results.curves import equity_curve
from portfolios.results.exits import exit_figures
from portfolios.rows.reasons import reasons_by_hour, reasons_of
from portfolios.rows.valuations import waiting_of
from trading.exchange.evidence import rederived

MOST_POINTS = 2_000


def account_named(slug: str) -> Account:
    """Return the open account of ``slug`` in the running season.

    Raises:
        NotFound: with a sentence that says what is missing.
    """
    season = selectors.current_season()
    if season is None:
        raise NotFound("no season is running; `manage.py league load FILE` starts one")
    account = selectors.open_accounts(season).filter(slug=slug).first()
    if account is None:
        raise NotFound(
            f"season {season.number} has no open account called {slug!r}; /api/v1/league/ lists those it has"
        )
    return account


class AccountRows(generics.ListAPIView[Any]):
    """A list of one account's rows; subclasses name the model's rows and their order."""

    ordering: tuple[str, ...]

    def get_queryset(self) -> QuerySet[Any]:
        """Return the rows of the account named in the address."""
        rows: QuerySet[Any] = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return rows.none()
        return rows.filter(account=account_named(self.kwargs["slug"])).order_by(*self.ordering)


class Fills(generics.ListAPIView[Fill]):
    """Executions, newest first, each with its evidence."""

    queryset = Fill.objects.all()
    serializer_class = serializers.FillSerializer
    filterset_class = filters.FillFilter

    def get_queryset(self) -> QuerySet[Any]:
        """Return the fills of the account named in the address."""
        if getattr(self, "swagger_fake_view", False):
            return Fill.objects.none()
        return selectors.newest_fills(account_named(self.kwargs["slug"]))


class FillDetail(APIView):
    """One fill, recomputed from its evidence."""

    renderer_classes = (JSONRenderer,)  # no table

    @extend_schema(responses=serializers.FillDetailSerializer)
    def get(self, _request: Request, pk: int) -> Response:
        row = Fill.objects.select_related("account").filter(pk=pk).first()
        if row is None:
            raise NotFound(f"no fill has the id {pk}; /api/v1/deployments/SLUG/fills/ lists those there are")
        derivation = rederived(selectors.trading_fill(row), known_schedules())
        detail = {"deployment": row.account.slug, "fill": row, "derivation": derivation}
        return Response(serializers.FillDetailSerializer(detail).data)


class Orders(AccountRows):
    """Orders and what became of them, newest first; refused orders say why, open ones what they wait for."""

    queryset = Order.objects.all()
    serializer_class = serializers.OrderSerializer
    filterset_class = filters.OrderFilter
    ordering = ("-sequence", "-id")

    def get_serializer_context(self) -> dict[str, Any]:
        """Return the context with what the open orders of the account wait for."""
        context = dict(super().get_serializer_context())
        if "slug" in self.kwargs:
            context["waiting"] = waiting_of(account_named(self.kwargs["slug"]))
        return context


class Positions(AccountRows):
    """What is held, by symbol; flat positions have quantity 0."""

    queryset = Position.objects.all()
    serializer_class = serializers.PositionSerializer
    filterset_class = filters.PositionFilter
    ordering = ("symbol",)


class RoundTrips(AccountRows):
    """Positions from flat to flat, newest first."""

    queryset = RoundTrip.objects.all()
    serializer_class = serializers.RoundTripSerializer
    filterset_class = filters.RoundTripFilter
    ordering = ("-sequence", "-id")


class Instruments(AccountRows):
    """What was done through each instrument; the rows add up to the standing."""

    queryset = InstrumentFigures.objects.all()
    serializer_class = serializers.InstrumentFiguresSerializer
    filterset_class = filters.InstrumentFilter
    ordering = ("symbol",)


class Payments(AccountRows):
    """What was paid in and taken out, newest first; refused ones say why. It moves the stake, never the profit."""

    queryset = Payment.objects.all()
    serializer_class = serializers.PaymentSerializer
    filterset_class = filters.PaymentFilter
    ordering = ("-id",)


class Flattenings(AccountRows):
    """Commands to flatten, newest first: how far they have come, what they wait for, what stayed as dust."""

    queryset = Flattening.objects.all()
    serializer_class = serializers.FlatteningSerializer
    filterset_class = filters.FlatteningFilter
    ordering = ("-id",)


class Exits(APIView):
    """Round trips by the rule that ended them."""

    @extend_schema(responses=serializers.ExitFiguresSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """Return count, result and win rate per exit code, most round trips first."""
        rows: Any = exit_figures(account_named(slug))
        return Response(serializers.ExitFiguresSerializer(rows, many=True).data)


class Balances(AccountRows):
    """What is held and what is owed, by currency."""

    queryset = Balance.objects.all()
    serializer_class = serializers.BalanceSerializer
    filterset_class = filters.BalanceFilter
    ordering = ("currency",)


class Ledger(AccountRows):
    """Postings, newest first; the postings of one fact sum to zero per currency."""

    queryset = LedgerEntry.objects.all()
    serializer_class = serializers.LedgerEntrySerializer
    filterset_class = filters.LedgerFilter
    ordering = ("-sequence", "-id")


class LedgerSums(APIView):
    """Per currency: the sum of the ledger beside the balance."""

    @extend_schema(responses=serializers.LedgerSumSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """Return the sums of the account named in the address."""
        account = account_named(slug)
        ledger = selectors.ledger_sums(account)
        balances = dict(Balance.objects.filter(account=account).values_list("currency", "amount"))
        lines = [
            {"currency": currency, "ledger": ledger.get(currency, 0), "balance": balances.get(currency, 0)}
            for currency in sorted({*ledger, *balances})
        ]
        return Response(serializers.LedgerSumSerializer(lines, many=True).data)


class Equity(APIView):
    """The account's worth over time, thinned to ``points`` moments."""

    @extend_schema(
        responses=serializers.EquityCurveSerializer,
        parameters=[count_parameter("points", MOST_POINTS, default=MOST_POINTS, least=2)],
    )
    def get(self, request: Request, slug: str) -> Response:
        """Return the curve of the account named in the address."""
        account = account_named(slug)
        curve = {
            "slug": account.slug,
            "currency": account.currency,
            "stake": selectors.stake_of(account),
            "points": equity_curve(account, _points_requested(request)),
        }
        return Response(serializers.EquityCurveSerializer(curve).data)


class Why(APIView):
    """Why the strategy did not trade, counted per reason and per hour of market time."""

    @extend_schema(
        responses=serializers.ReasonsSerializer,
        parameters=[
            OpenApiParameter("since", datetime, description="hours that ended later; the last 24 hours when left out")
        ],
    )
    def get(self, request: Request, slug: str) -> Response:
        """Return the reasons given to the account named in the address."""
        account = account_named(slug)
        standing = Standing.objects.filter(account=account).first()
        known = reasons_of(standing)
        since = requested_time(request, "since") or (standing.as_of - timedelta(hours=24) if standing else None)
        why = {
            "as_of": standing.as_of if standing else None,
            "hour_since": known.hour_since,
            "day_since": known.day_since,
            "reasons": known.rows,
            "hours": reasons_by_hour(account, since) if since else [],
        }
        return Response(serializers.ReasonsSerializer(why).data)


def _points_requested(request: Request) -> int:
    text = request.query_params.get("points", str(MOST_POINTS))
    if not (text.isascii() and text.isdigit() and len(text) < 9 and 2 <= int(text) <= MOST_POINTS):
        raise ValidationError({"points": [f"{text!r} was given; expected a whole number from 2 to {MOST_POINTS}"]})
    return int(text)


api_urls = [
    path("fills/<int:pk>/", FillDetail.as_view(), name="api-fill"),
    path("deployments/<slug:slug>/fills/", Fills.as_view(), name="api-fills"),
    path("deployments/<slug:slug>/orders/", Orders.as_view(), name="api-orders"),
    path("deployments/<slug:slug>/positions/", Positions.as_view(), name="api-positions"),
    path("deployments/<slug:slug>/round_trips/", RoundTrips.as_view(), name="api-round-trips"),
    path("deployments/<slug:slug>/instruments/", Instruments.as_view(), name="api-instruments"),
    path("deployments/<slug:slug>/payments/", Payments.as_view(), name="api-payments"),
    path("deployments/<slug:slug>/flattenings/", Flattenings.as_view(), name="api-flattenings"),
    path("deployments/<slug:slug>/exits/", Exits.as_view(), name="api-exits"),
    path("deployments/<slug:slug>/balances/", Balances.as_view(), name="api-balances"),
    path("deployments/<slug:slug>/ledger/", Ledger.as_view(), name="api-ledger"),
    path("deployments/<slug:slug>/ledger/sums/", LedgerSums.as_view(), name="api-ledger-sums"),
    path("deployments/<slug:slug>/why/", Why.as_view(), name="api-why"),
    path("deployments/<slug:slug>/equity/", Equity.as_view(), name="api-equity"),
]
