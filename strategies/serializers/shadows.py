"""How shadows are spelled in JSON, and how far apart the fill models are."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portfolios.results.optimism import Optimism
from portfolios.serializers import ExactDecimalField

NO_ACCOUNT = "it has no account in the running season"


class ShadowSerializer(serializers.Serializer[Any]):
    """An account as it would stand under another fill model; figures are null until it has been valued."""

    fill_model = serializers.CharField()
    equity = ExactDecimalField(allow_null=True)
    mid_equity = ExactDecimalField(allow_null=True)
    return_pct = ExactDecimalField(allow_null=True, help_text="since `optimism_since`, percent of the equity then")
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
    def get_shadows(self, told: Any) -> Any:
        """Return the shadows with their returns."""
        optimism = optimism_in(told)
        if optimism is None:
            return []
        for shadow in optimism.shadows:
            shadow.return_pct = optimism.return_pct(shadow.fill_model)  # type: ignore[attr-defined]
        return ShadowSerializer(optimism.shadows, many=True).data

    def get_optimism_reason(self, told: Any) -> str | None:
        """Return why nothing can be compared."""
        optimism = optimism_in(told)
        return NO_ACCOUNT if optimism is None else optimism.reason or None


def optimism_in(told: Any) -> Optimism | None:
    """Return the optimism of a contestant or of a deployment's detail; None without an account."""
    return getattr(told, "optimism", None)
