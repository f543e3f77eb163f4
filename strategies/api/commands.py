"""REST: what people request: stop entries, flatten, close, cancel, clone, and a new season for all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError as InvalidChange
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.views import APIView

from marketdata import bus
from portfolios.models import Command
from portfolios.selectors import current_season
from portfolios.serializers import CommandSerializer
from strategies.api.deployments import DeploymentChange, deployment_named, detail_shown
from strategies.deployments import services
from strategies.deployments.cloning import clone_deployment
from strategies.deployments.commands import cancel_order, close_position, flatten_deployment
from strategies.seasons import new_season
from strategies.serializers.commands import (
    BeginSeasonSerializer,
    CancelSerializer,
    CloneSerializer,
    CloseSerializer,
    StopSerializer,
)
from strategies.serializers.deployments import DeploymentDetailSerializer
from strategies.serializers.league import SeasonSerializer


class StopEntries(DeploymentChange):
    """No new entries or adds; open entry orders are cancelled. Exits and stops keep working. `enable/` ends it."""

    service = services.stop_entries

    @extend_schema(request=StopSerializer, responses=DeploymentDetailSerializer)
    def post(self, request: Request, slug: str) -> Response:
        """Stop entries."""
        requested = StopSerializer(data=request.data)
        requested.is_valid(raise_exception=True)
        return self.change(request, slug, reason=requested.validated_data["reason"])


class Flatten(DeploymentChange):
    """Pause, cancel all orders, and close every position at market: see `flattenings/` for how far it has come."""

    service = flatten_deployment

    @extend_schema(request=None, responses={status.HTTP_202_ACCEPTED: DeploymentDetailSerializer})
    def post(self, request: Request, slug: str) -> Response:
        """Request it of the worker; the deployment stays paused afterwards."""
        answer = self.change(request, slug)
        answer.status_code = status.HTTP_202_ACCEPTED
        return answer


class CommandRequest(APIView):
    """A request to one deployment's worker; `commands/` lists how far it has come."""

    scope = "trade"
    renderer_classes = (JSONRenderer,)  # no table

    def queued(self, request: Request, slug: str, service: Callable[..., Command], **details: Any) -> Response:
        """Call the service and return the command that it put into the queue."""
        deployment = deployment_named(slug)
        try:
            command = service(deployment=deployment, by=request.user.get_username(), **details)
        except InvalidChange as error:
            raise ValidationError(as_serializer_error(error)) from None
        return Response(CommandSerializer(command).data, status=status.HTTP_202_ACCEPTED)


class ClosePosition(CommandRequest):
    """Close a position at market, the whole or a part; the strategy goes on. `commands/` shows how far it has come."""

    @extend_schema(request=CloseSerializer, responses={status.HTTP_202_ACCEPTED: CommandSerializer})
    def post(self, request: Request, slug: str) -> Response:
        """Request it of the worker."""
        requested = CloseSerializer(data=request.data)
        requested.is_valid(raise_exception=True)
        return self.queued(request, slug, close_position, **requested.validated_data)


class CancelOrder(CommandRequest):
    """Cancel an order; what fills before it arrives is filled. `commands/` shows how far it has come."""

    @extend_schema(request=CancelSerializer, responses={status.HTTP_202_ACCEPTED: CommandSerializer})
    def post(self, request: Request, slug: str) -> Response:
        """Request it of the worker."""
        requested = CancelSerializer(data=request.data)
        requested.is_valid(raise_exception=True)
        return self.queued(request, slug, cancel_order, **requested.validated_data)


class Clone(APIView):
    """Enter a copy with an account of its own."""

    scope = "trade"
    renderer_classes = (JSONRenderer,)  # no table

    @extend_schema(request=CloneSerializer, responses={status.HTTP_201_CREATED: DeploymentDetailSerializer})
    def post(self, request: Request, slug: str) -> Response:
        """Enter a copy that differs in what is given; the original goes on."""
        original = deployment_named(slug)
        requested = CloneSerializer(data=request.data)
        requested.is_valid(raise_exception=True)
        try:
            clone = clone_deployment(deployment=original, by=request.user.get_username(), **requested.validated_data)
        except InvalidChange as error:
            raise ValidationError(as_serializer_error(error)) from None
        return Response(detail_shown(clone), status=status.HTTP_201_CREATED)


class BeginSeason(APIView):
    """The running season ends, its accounts are closed and kept; every deployment begins anew with its stake."""

    renderer_classes = (JSONRenderer,)  # no table

    @extend_schema(request=BeginSeasonSerializer, responses={status.HTTP_201_CREATED: SeasonSerializer})
    def post(self, request: Request) -> Response:
        """Begin a new season on the same market for all deployments."""
        requested = BeginSeasonSerializer(data=request.data)
        requested.is_valid(raise_exception=True)
        season, fields = current_season(), dict(requested.validated_data)
        number, confirmed = season.number if season else 0, fields.pop("confirm")
        if confirmed != number:
            running = f"season {number} runs" if number else "no season runs"
            raise ValidationError({"confirm": [f"confirm is {confirmed}; {running}: expected {number}"]})
        market = season.market if season else bus.current_market()
        if market is None:
            raise ValidationError({"market": ["no market is known yet: start a feed first"]})
        begun = new_season(market=market, by=request.user.get_username(), **fields)
        return Response(SeasonSerializer(begun).data, status=status.HTTP_201_CREATED)


command_urls = [
    path("seasons/begin/", BeginSeason.as_view(), name="api-begin-season"),
    path("deployments/<slug:slug>/stop_entries/", StopEntries.as_view(), name="api-stop-entries"),
    path("deployments/<slug:slug>/flatten/", Flatten.as_view(), name="api-flatten"),
    path("deployments/<slug:slug>/close/", ClosePosition.as_view(), name="api-close"),
    path("deployments/<slug:slug>/cancel/", CancelOrder.as_view(), name="api-cancel"),
    path("deployments/<slug:slug>/clone/", Clone.as_view(), name="api-clone"),
]
