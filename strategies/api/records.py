"""REST: the events of a deployment, and the benchmark it is compared with."""

from __future__ import annotations

from django.db.models import QuerySet
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portfolios.api import account_named
from portfolios.filters import KnownParameters, MomentFilter
from portfolios.serializers import ExactDecimalField
from strategies.api.deployments import deployment_named
from strategies.deployments.selectors import symbols_of, traded
from strategies.league.benchmark import Benchmark, holding_of
from strategies.models import DeploymentEvent
from strategies.serializers.deployments import DeploymentEventSerializer
from trading.performance.buy_and_hold import Held


class EventFilter(KnownParameters):
    since = MomentFilter(field_name="time", lookup_expr="gte")
    until = MomentFilter(field_name="time", lookup_expr="lt")

    class Meta:
        model = DeploymentEvent
        fields = ("kind",)


class Events(generics.ListAPIView[DeploymentEvent]):
    """Events of a deployment, newest first: errors with their traceback, gaps, pauses, changes."""

    queryset = DeploymentEvent.objects.all()
    serializer_class = DeploymentEventSerializer
    filterset_class = EventFilter

    def get_queryset(self) -> QuerySet[DeploymentEvent]:
        """Return the events of the deployment named in the address."""
        rows = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return rows.none()
        return rows.filter(deployment=deployment_named(self.kwargs["slug"])).order_by("-time", "-id")


class HeldSerializer(serializers.Serializer[Held]):
    """What all that is held is worth, before any fee of selling it."""

    time = serializers.DateTimeField()
    worth = ExactDecimalField()


class BenchmarkSerializer(serializers.Serializer[Benchmark]):
    """Buying and holding; money in the account's currency."""

    assets = serializers.ListField(child=serializers.CharField(), help_text="bought in equal parts at the first close")
    fee_pct = ExactDecimalField(help_text="of each purchase")
    points = HeldSerializer(many=True)
    reason = serializers.CharField(help_text="why there is no point, else empty")


class HoldingBenchmark(APIView):
    """What the account's money would be worth had its own symbols been bought and held."""

    @extend_schema(responses=BenchmarkSerializer)
    def get(self, _request: Request, slug: str) -> Response:
        """Return the benchmark's curve, oldest first."""
        deployment, account = deployment_named(slug), account_named(slug)
        benchmark = holding_of(account, symbols_of(deployment, traded(deployment)[0]))
        return Response(BenchmarkSerializer(benchmark).data)


record_urls = [
    path("deployments/<slug:slug>/events/", Events.as_view(), name="api-events"),
    path("deployments/<slug:slug>/benchmark/", HoldingBenchmark.as_view(), name="api-benchmark"),
]
