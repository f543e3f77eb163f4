"""How commands to deployments and to the league are spelled in JSON."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from portfolios.models import Liquidity
from strategies.models import Deployment, ShadowChoice

_OF_THE_ORIGINAL = "left out: as the original's"


class StopSerializer(serializers.Serializer):
    """Why entries are stopped."""

    reason = serializers.CharField(required=False, allow_blank=True, max_length=400, default="")


class CloneSerializer(serializers.ModelSerializer):
    """A copy of a deployment: its name, and what shall differ from the original."""

    name = serializers.CharField(max_length=100)
    slug = serializers.RegexField(
        r"^[a-z0-9][a-z0-9-]{0,59}\Z", required=False, default="", help_text="left out: made of the name"
    )
    config = serializers.DictField(required=False, help_text=f"the whole config; {_OF_THE_ORIGINAL}")
    risk = serializers.DictField(required=False, help_text=_OF_THE_ORIGINAL)
    margin = serializers.DictField(required=False, help_text=_OF_THE_ORIGINAL)
    assets = serializers.DictField(child=serializers.CharField(), required=False, help_text=_OF_THE_ORIGINAL)
    symbols = serializers.ListField(child=serializers.CharField(), required=False, help_text=_OF_THE_ORIGINAL)
    shadow_choice = serializers.ChoiceField(choices=ShadowChoice.values, source="shadows", required=False)

    class Meta:
        model = Deployment
        fields = (
            *("name", "slug", "config", "risk", "margin", "assets", "symbols", "cash", "currency"),
            *("funding_currency", "latency_ms", "latency_sigma", "fill_model", "fee_schedule", "shadow_choice"),
        )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for field in self.fields.values():
            if field.field_name != "name":
                field.required = False

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what nobody knows."""
        unknown = sorted(set(self.initial_data) - set(self.fields))
        if unknown:
            known = ", ".join(self.fields)
            raise serializers.ValidationError({name: [f"unknown; expected one of {known}"] for name in unknown})
        return attrs


class BeginSeasonSerializer(serializers.Serializer):
    """A new season for all deployments."""

    confirm = serializers.IntegerField(
        min_value=0, help_text="the number of the running season, which ends; 0 when none runs"
    )
    name = serializers.CharField(required=False, max_length=100)
    liquidity = serializers.ChoiceField(
        choices=Liquidity.choices, required=False, help_text="left out: as in the season before"
    )
