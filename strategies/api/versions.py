"""REST: the history of a deployment, and another version of its strategy."""

from __future__ import annotations

from functools import partial

from django.core.exceptions import ValidationError as InvalidChange
from django.db.models import QuerySet
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.views import APIView

from strategies.api.deployments import DeploymentChange, deployment_named, detail_shown
from strategies.deployments.challengers import enter_challenger, switch_over
from strategies.deployments.revisions import UnknownRevision
from strategies.deployments.services import roll_back
from strategies.models import DeploymentRevision
from strategies.serializers import deployments


class Revisions(generics.ListAPIView[DeploymentRevision]):
    """Every change of a deployment, newest first: who, when, what."""

    queryset = DeploymentRevision.objects.all()
    serializer_class = deployments.RevisionSerializer

    def get_queryset(self) -> QuerySet[DeploymentRevision]:
        """Return the revisions of the deployment named in the address."""
        rows = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return rows.none()
        return rows.filter(deployment=deployment_named(self.kwargs["slug"]))


class RollBack(DeploymentChange):
    """Make a deployment what it was as of a revision; that is itself a revision."""

    service = roll_back

    @extend_schema(request=None, responses=deployments.DeploymentDetailSerializer)
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Roll back, the version included; whether it is enabled stays."""
        try:
            return self.change(request, slug, number=number)
        except UnknownRevision as error:
            raise NotFound(str(error)) from None


def _asked_config(request: Request) -> dict[str, object] | None:
    asked = deployments.VersionChangeSerializer(data=request.data)
    asked.is_valid(raise_exception=True)
    config: dict[str, object] | None = asked.validated_data.get("config")
    return config


class Switch(DeploymentChange):
    """Go on with the version that is there: account, positions and orders stay, memory begins anew."""

    service = switch_over

    @extend_schema(request=deployments.VersionChangeSerializer, responses=deployments.DeploymentDetailSerializer)
    def post(self, request: Request, slug: str) -> Response:
        """Switch over; a config that the version does not take is refused, key by key."""
        return self.change(request, slug, config=_asked_config(request))


class Challenger(APIView):
    """Enter the version that is there beside the one that is traded."""

    scope = "trade"
    renderer_classes = (JSONRenderer,)  # no table

    @extend_schema(request=deployments.VersionChangeSerializer, responses={201: deployments.DeploymentDetailSerializer})
    def post(self, request: Request, slug: str) -> Response:
        """Enter it with the same config and terms and an account of its own; return the new deployment."""
        enter = partial(enter_challenger, deployment=deployment_named(slug), by=request.user.get_username())
        try:
            challenger = enter(config=_asked_config(request))
        except InvalidChange as error:
            raise ValidationError(as_serializer_error(error)) from None
        return Response(detail_shown(deployment_named(challenger.slug)), status=status.HTTP_201_CREATED)


version_urls = [
    path("deployments/<slug:slug>/revisions/", Revisions.as_view(), name="api-revisions"),
    path("deployments/<slug:slug>/revisions/<int:number>/roll-back/", RollBack.as_view(), name="api-roll-back"),
    path("deployments/<slug:slug>/challenger/", Challenger.as_view(), name="api-challenger"),
    path("deployments/<slug:slug>/switch/", Switch.as_view(), name="api-switch"),
]
