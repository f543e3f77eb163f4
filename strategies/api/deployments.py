"""REST: deployments and strategies. Reading is open; a change needs a staff login."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import django_filters
from django.core.exceptions import ValidationError as InvalidChange
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.views import APIView

from marketdata import bus
from marketdata.kraken.symbols import UnknownPairName, symbol_of
from portfolios.filters import KnownParameters
from portfolios.selectors import current_season
from strategies.deployments import selectors, services
from strategies.detail import deployment_detail
from strategies.models import Deployment
from strategies.serializers import deployments
from strategies.versions import registry


def deployment_named(slug: str) -> Deployment:
    """Return the deployment called ``slug``.

    Raises:
        NotFound: with a sentence that says where the names are.
    """
    deployment = Deployment.objects.filter(slug=slug).first()
    if deployment is None:
        raise NotFound(f"no deployment is called {slug!r}; /api/v1/deployments/ lists those there are")
    return deployment


def detail_shown(deployment: Deployment) -> dict[str, Any]:
    """Return the deployment's detail as JSON can hold it."""
    detail = deployment_detail(deployment, current_season(), bus.feed_state())
    shown: dict[str, Any] = deployments.DeploymentDetailSerializer(detail).data
    return shown


class DeploymentFilter(KnownParameters):
    symbol = django_filters.CharFilter(field_name="symbols", lookup_expr="contains", method="with_symbol")

    class Meta:
        model = Deployment
        fields = ("status", "strategy")

    def with_symbol(self, rows: Any, _name: str, symbol: str) -> Any:
        """Keep the deployments that name ``symbol`` themselves."""
        with suppress(UnknownPairName):
            symbol = symbol_of(symbol)
        return rows.filter(symbols__contains=[symbol])


class Deployments(generics.ListAPIView[Deployment]):
    """Deployments as they are configured, by slug."""

    queryset = Deployment.objects.order_by("slug")
    serializer_class = deployments.DeploymentSerializer
    filterset_class = DeploymentFilter


class DeploymentDetail(APIView):
    """One deployment."""

    renderer_classes = (JSONRenderer,)  # no table

    @extend_schema(responses=deployments.DeploymentDetailSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """Return its configuration, its place in the league and its newest events."""
        return Response(detail_shown(deployment_named(slug)))


class DeploymentChange(APIView):
    """A change of one deployment's state; safe to repeat."""

    scope = "trade"
    renderer_classes = (JSONRenderer,)  # no table

    service: Callable[..., object]

    def change(self, request: Request, slug: str, **details: Any) -> Response:
        """Call the service and return the deployment as it is now."""
        deployment = deployment_named(slug)
        try:
            type(self).service(deployment=deployment, by=request.user.get_username(), **details)
        except InvalidChange as error:
            raise ValidationError(as_serializer_error(error)) from None
        return Response(detail_shown(deployment_named(slug)))


class Pause(DeploymentChange):
    """No new signals; resting orders and stops live on."""

    service = services.pause_deployment

    @extend_schema(request=deployments.PauseSerializer, responses=deployments.DeploymentDetailSerializer)
    def post(self, request: Request, slug: str) -> Response:
        """Pause it."""
        asked = deployments.PauseSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return self.change(request, slug, reason=asked.validated_data["reason"])


class Enable(DeploymentChange):
    """Ask the strategy for signals again."""

    service = services.enable_deployment

    @extend_schema(request=None, responses=deployments.DeploymentDetailSerializer)
    def post(self, request: Request, slug: str) -> Response:
        """Enable it."""
        return self.change(request, slug)


class Reset(DeploymentChange):
    """Close the account and open a new one with the full stake; the old record is kept."""

    service = services.reset_deployment

    @extend_schema(request=None, responses=deployments.DeploymentDetailSerializer)
    def post(self, request: Request, slug: str) -> Response:
        """Reset it."""
        return self.change(request, slug)


class Strategies(APIView):
    """The strategies there are, with the schemas of their configs and the versions that were ever found."""

    renderer_classes = (JSONRenderer,)  # no table

    @extend_schema(responses=deployments.StrategiesSerializer)
    def get(self, request: Request) -> Response:
        """Return what was found and what could not be loaded."""
        services.note_versions()
        found, versions = registry.found(), selectors.versions_by_strategy()
        catalogue = {
            "strategies": sorted(found.values(), key=lambda strategy: strategy.name),
            "failures": registry.failures(),
            "gone": [{"name": name, "versions": rows} for name, rows in versions.items() if name not in found],
        }
        return Response(deployments.StrategiesSerializer(catalogue, context={"versions": versions}).data)


deployment_urls = [
    path("deployments/", Deployments.as_view(), name="api-deployments"),
    path("deployments/<slug:slug>/", DeploymentDetail.as_view(), name="api-deployment"),
    path("deployments/<slug:slug>/pause/", Pause.as_view(), name="api-pause"),
    path("deployments/<slug:slug>/enable/", Enable.as_view(), name="api-enable"),
    path("deployments/<slug:slug>/reset/", Reset.as_view(), name="api-reset"),
    path("strategies/", Strategies.as_view(), name="api-strategies"),
]
