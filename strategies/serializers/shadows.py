"""Shadows in JSON, and how far apart the fill models are."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portfolios.models import Shadow
from portfolios.results.optimism import Optimism
from portfolios.serializers import ExactDecimalField
from trading.fills import plain

NO_ACCOUNT = "it has no account in the running season"


class ShadowSerializer(serializers.Serializer[Any]):
    """An account as it would stand under another fill model; figures are null until it has been valued."""

    fill_model = serializers.CharField()
    equity = ExactDecimalField(allow_null=True)
    mid_equity = ExactDecimalField(allow_null=True)
    return_pct = serializers.SerializerMethodField(help_text="since `optimism_since`, percent of the equity then")
    fills = serializers.IntegerField(help_text="those of the account before the fork included")
    round_trips = serializers.IntegerField()
    fees = ExactDecimalField()
    max_drawdown_pct = ExactDecimalField()
    errors = serializers.IntegerField(  # type: ignore[assignment]
        help_text="that the strategy raised since the fork"
    )
    since = serializers.DateTimeField(allow_null=True, help_text="the fork, by the market's clock")
    since_sequence = serializers.IntegerField(help_text="the last frame in common with the account")
    as_of = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(ExactDecimalField(allow_null=True))
    def get_return_pct(self, shadow: Shadow) -> str | None:
        """Return what the optimism in the context knows of it."""
        optimism: Optimism = self.context["optimism"]
        made = optimism.return_pct(shadow.fill_model)
        return None if made is None else plain(made)


class OptimismSerializer(serializers.Serializer[Any]):
    """How far apart the fill models are."""

    shadows = serializers.SerializerMethodField(help_text="the other fill models")
    optimism_band_pct = serializers.ListField(
        source="optimism.band_pct",
        child=ExactDecimalField(),
        allow_null=True,
        default=None,
        help_text="lowest and highest return of the fill models since `optimism_since`, percent of the equity then",
    )
    optimism_gap_pct = ExactDecimalField(
        source="optimism.gap_pct", allow_null=True, default=None, help_text="highest less lowest, percentage points"
    )
    optimism_since = serializers.DateTimeField(source="optimism.since", allow_null=True, default=None)
    optimism_reason = serializers.SerializerMethodField(help_text="why there is no gap, else null")

    @extend_schema_field(ShadowSerializer(many=True))
    def get_shadows(self, detail: Any) -> Any:
        """Return the shadows with their returns."""
        optimism = optimism_in(detail)
        if optimism is None:
            return []
        return ShadowSerializer(optimism.shadows, many=True, context={"optimism": optimism}).data

    def get_optimism_reason(self, detail: Any) -> str | None:
        """Return why nothing can be compared."""
        optimism = optimism_in(detail)
        return NO_ACCOUNT if optimism is None else optimism.reason or None


def optimism_in(detail: Any) -> Optimism | None:
    """Return the optimism of a contestant or of a deployment's detail; None without an account."""
    return getattr(detail, "optimism", None)
