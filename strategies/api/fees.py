"""REST: the fee schedules that are known, `/api/v1/fee-schedules/`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError as InvalidChange
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.views import APIView

from portfolios import models
from portfolios.fees import MOST_PCT, MOST_TIERS, MOST_VOLUME_USD, known_schedules
from portfolios.serializers import FeeScheduleSerializer
from strategies.deployments.fee_schedules import add_fee_schedule, withdraw_fee_schedule
from trading.fees import FeeTier


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A schedule, and where it comes from."""

    name: str
    family: str
    valid_from: date
    tiers: Sequence[FeeTier]
    row: models.FeeSchedule | None  # None: Paddock brings it along


class KnownFeeScheduleSerializer(FeeScheduleSerializer):
    """A table of fees, and where it comes from. A name stands for one table for ever."""

    is_own = serializers.SerializerMethodField(help_text="it was added here; the others come with Paddock")
    reference = serializers.CharField(source="row.reference", default="", help_text="where its rates were published")
    added_by = serializers.CharField(source="row.by", default="")

    def get_is_own(self, known: Known) -> bool:
        """Return whether it was added here."""
        return known.row is not None


class NewFeeTierSerializer(serializers.Serializer[Any]):
    """Rates from a volume on."""

    volume = serializers.DecimalField(
        max_digits=22, decimal_places=6, min_value=0, max_value=MOST_VOLUME_USD, help_text="USD in thirty days"
    )
    taker_pct = serializers.DecimalField(max_digits=8, decimal_places=6, min_value=0, max_value=MOST_PCT)
    maker_pct = serializers.DecimalField(max_digits=8, decimal_places=6, min_value=0, max_value=MOST_PCT)


class NewFeeScheduleSerializer(serializers.Serializer[Any]):
    """A table to add."""

    name = serializers.CharField(max_length=60, help_text="FAMILY-YYYY-MM, like my-broker-2026-11")
    valid_from = serializers.DateField(help_text="UTC; a day to come where deployments follow the family")
    tiers = serializers.ListField(
        child=NewFeeTierSerializer(),
        min_length=1,
        max_length=MOST_TIERS,
        help_text="ascending, the first from 0 USD on",
    )
    reference = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")


class FeeSchedules(APIView):
    """The fee schedules that deployments can be charged by."""

    @extend_schema(responses=KnownFeeScheduleSerializer(many=True))
    def get(self, _request: Request) -> Response:
        """Return all of them, by name."""
        return Response(KnownFeeScheduleSerializer(_known(), many=True).data)

    @extend_schema(request=NewFeeScheduleSerializer, responses={status.HTTP_201_CREATED: KnownFeeScheduleSerializer})
    def post(self, request: Request) -> Response:
        """Add a table; deployments that follow its family are charged by it from its day on."""
        asked = NewFeeScheduleSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        values: dict[str, Any] = dict(asked.validated_data)
        values["tiers"] = [[str(tier[name]) for name in NewFeeTierSerializer().fields] for tier in values["tiers"]]
        try:
            row = add_fee_schedule(by=request.user.get_username(), **values)
        except InvalidChange as error:
            raise ValidationError(as_serializer_error(error)) from None
        return Response(KnownFeeScheduleSerializer(_named(row.name)).data, status=status.HTTP_201_CREATED)


class FeeScheduleDetail(APIView):
    """One fee schedule."""

    renderer_classes = (JSONRenderer,)  # no table

    @extend_schema(responses=KnownFeeScheduleSerializer)
    def get(self, _request: Request, slug: str) -> Response:
        """Return the one of this name."""
        return Response(KnownFeeScheduleSerializer(_named(slug)).data)

    @extend_schema(responses={status.HTTP_204_NO_CONTENT: None})
    def delete(self, request: Request, slug: str) -> Response:
        """Withdraw one of your own that nobody was ever charged by."""
        row = _named(slug).row
        if row is None:
            raise ValidationError({"name": [f"{slug} comes with Paddock and stays; only your own can be withdrawn"]})
        try:
            withdraw_fee_schedule(schedule=row, by=request.user.get_username())
        except InvalidChange as error:
            raise ValidationError(as_serializer_error(error)) from None
        return Response(status=status.HTTP_204_NO_CONTENT)


def _known() -> list[Known]:
    rows = {row.name: row for row in models.FeeSchedule.objects.all()}
    return [
        Known(name=s.name, family=s.family, valid_from=s.valid_from, tiers=s.tiers, row=rows.get(s.name))
        for s in known_schedules()
    ]


def _named(name: str) -> Known:
    for known in _known():
        if known.name == name:
            return known
    raise NotFound(f"no fee schedule is called {name!r}; /api/v1/fee-schedules/ lists those there are")


fee_urls = [
    path("fee-schedules/", FeeSchedules.as_view(), name="api-fee-schedules"),
    path("fee-schedules/<slug:slug>/", FeeScheduleDetail.as_view(), name="api-fee-schedule"),
]
