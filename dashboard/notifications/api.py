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
    """Fill the row that ``serializer`` has checked, and save it; return what ``save`` returns."""
    row = serializer.instance or serializer.Meta.model()  # type: ignore[attr-defined]
    for name, value in serializer.validated_data.items():
        setattr(row, name, value)
    try:
        saved = save(row, by=request.user.get_username())
    except InvalidChange as error:
        raise ValidationError(as_serializer_error(error)) from None
    serializer.instance = row
    return saved


class Channels(generics.ListCreateAPIView[Channel]):
    """Where notifications can be sent."""

    needs = MAY_CHANGE
    queryset = Channel.objects.order_by("id")
    serializer_class = serializers.ChannelSerializer

    @extend_schema(responses={status.HTTP_201_CREATED: serializers.MadeChannelSerializer})
    def post(self, request: Request) -> Response:
        """Add a channel; a webhook's signing key is shown only in this response."""
        channel = serializers.ChannelSerializer(data=request.data)
        channel.is_valid(raise_exception=True)
        signing_key = _saved(channel, request, services.save_channel)
        return Response({**channel.data, "signing_key": signing_key or None}, status=status.HTTP_201_CREATED)


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
    """Send a test message to a channel."""

    needs = MAY_CHANGE
    renderer_classes = (JSONRenderer,)

    @extend_schema(request=None, responses=serializers.OutcomeSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Return its response."""
        outcome = services.try_channel(get_object_or_404(Channel, pk=pk), by=request.user.get_username())
        return Response(serializers.OutcomeSerializer(outcome._asdict()).data)


class Rules(generics.ListCreateAPIView[Rule]):
    """Which events are sent to which channel."""

    needs = MAY_CHANGE
    queryset = Rule.objects.order_by("id")
    serializer_class = serializers.RuleSerializer

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        """Save the rule; earlier events are not sent."""
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
    """Messages and their delivery status, newest first."""

    needs = MAY_CHANGE
    queryset = Delivery.objects.select_related("rule__channel").order_by("-id")
    serializer_class = serializers.DeliverySerializer
    filterset_class = DeliveryFilter


class DeliveryAgain(APIView):
    """Send a failed message again."""

    needs = MAY_CHANGE
    renderer_classes = (JSONRenderer,)

    @extend_schema(request=None, responses=serializers.DeliverySerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Queue it again."""
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
