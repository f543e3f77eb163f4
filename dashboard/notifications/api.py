"""REST: channels, rules and deliveries, `/api/v1/notifications/…`, for those who may change them."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as InvalidChange
from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, as_serializer_error
from rest_framework.views import APIView

from dashboard.notifications import serializers, services
from dashboard.notifications.models import Channel, Delivery, Rule
from portfolios.filters import KnownParameters, MomentFilter

MAY_CHANGE = "notifications.change_rule"


def _saved(serializer: BaseSerializer[Any], request: Request, save: Any) -> Any:
    """Fill the row that ``serializer`` has checked, and save it; return what ``save`` tells."""
    row = serializer.instance or serializer.Meta.model()  # type: ignore[attr-defined]
    for name, value in serializer.validated_data.items():
        setattr(row, name, value)
    try:
        told = save(row, by=request.user.get_username())
    except InvalidChange as error:
        raise ValidationError(as_serializer_error(error)) from None
    serializer.instance = row
    return told


class Channels(generics.ListCreateAPIView[Channel]):
    """Who can be told."""

    needs = MAY_CHANGE
    queryset = Channel.objects.order_by("id")
    serializer_class = serializers.ChannelSerializer

    @extend_schema(responses={status.HTTP_201_CREATED: serializers.MadeChannelSerializer})
    def post(self, request: Request) -> Response:
        """Enter a channel; the key that signs a webhook is told this once."""
        asked = serializers.ChannelSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        made = _saved(asked, request, services.save_channel)
        told = {**asked.data, "signing_key": made or None}
        return Response(told, status=status.HTTP_201_CREATED)


class _Detail(generics.RetrieveUpdateDestroyAPIView[Any]):
    """One row: read, changed in part, removed."""

    needs = MAY_CHANGE
    renderer_classes = (JSONRenderer,)  # no table
    http_method_names = ("get", "patch", "delete", "head", "options")

    def perform_destroy(self, instance: Any) -> None:
        """Remove it."""
        services.remove(instance, by=self.request.user.get_username())


class ChannelDetail(_Detail):
    """One channel."""

    queryset = Channel.objects.all()
    serializer_class = serializers.ChannelSerializer

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        """Save what was changed."""
        _saved(serializer, self.request, services.save_channel)


class ChannelTest(APIView):
    """Tell a channel at once that it can be reached."""

    needs = MAY_CHANGE
    scope = "trade"
    renderer_classes = (JSONRenderer,)

    @extend_schema(request=None, responses=serializers.OutcomeSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Return what it answered."""
        outcome = services.try_channel(get_object_or_404(Channel, pk=pk), by=request.user.get_username())
        return Response(serializers.OutcomeSerializer(outcome._asdict()).data)


class Rules(generics.ListCreateAPIView[Rule]):
    """Of what they are told."""

    needs = MAY_CHANGE
    queryset = Rule.objects.order_by("id")
    serializer_class = serializers.RuleSerializer

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        """Save the rule; what has happened before is not told."""
        _saved(serializer, self.request, services.save_rule)


class RuleDetail(_Detail):
    """One rule."""

    queryset = Rule.objects.all()
    serializer_class = serializers.RuleSerializer

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        """Save what was changed."""
        _saved(serializer, self.request, services.save_rule)


class DeliveryFilter(KnownParameters):
    since = MomentFilter(field_name="created_at", lookup_expr="gte")
    until = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Delivery
        fields = ("state", "rule")


class Deliveries(generics.ListAPIView[Delivery]):
    """What was told, and what came of it, newest first."""

    needs = MAY_CHANGE
    queryset = Delivery.objects.select_related("rule__channel").order_by("-id")
    serializer_class = serializers.DeliverySerializer
    filterset_class = DeliveryFilter


class DeliveryAgain(APIView):
    """Send once more what failed."""

    needs = MAY_CHANGE
    renderer_classes = (JSONRenderer,)

    @extend_schema(request=None, responses=serializers.DeliverySerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Let it wait for another try."""
        delivery = get_object_or_404(Delivery.objects.select_related("rule__channel"), pk=pk)
        try:
            services.send_again(delivery, by=request.user.get_username())
        except InvalidChange as error:
            raise ValidationError(as_serializer_error(error)) from None
        return Response(serializers.DeliverySerializer(delivery).data)


notification_urls = [
    path("notifications/channels/", Channels.as_view(), name="api-channels"),
    path("notifications/channels/<int:pk>/", ChannelDetail.as_view(), name="api-channel"),
    path("notifications/channels/<int:pk>/test/", ChannelTest.as_view(), name="api-channel-test"),
    path("notifications/rules/", Rules.as_view(), name="api-rules"),
    path("notifications/rules/<int:pk>/", RuleDetail.as_view(), name="api-rule"),
    path("notifications/deliveries/", Deliveries.as_view(), name="api-deliveries"),
    path("notifications/deliveries/<int:pk>/again/", DeliveryAgain.as_view(), name="api-delivery-again"),
]
