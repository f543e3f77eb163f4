"""How commands to deployments and to the league are spelled in JSON."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from portfolios.models import Liquidity
from strategies.serializers.terms import term_fields

_OF_THE_ORIGINAL = "left out: as the original's"


class StopSerializer(serializers.Serializer[Any]):
    """Why entries are stopped."""

    reason = serializers.CharField(required=False, allow_blank=True, max_length=400, default="")


class CloneSerializer(serializers.Serializer[Any]):
    """A copy of a deployment: its name, and what shall differ from the original."""

    name = serializers.CharField(max_length=100)
    slug = serializers.RegexField(
        r"^[a-z0-9][a-z0-9-]{0,59}\Z", required=False, default="", help_text="left out: made of the name"
    )

    def get_fields(self) -> dict[str, Any]:
        """Return name and slug, and the terms; a config given is the whole config."""
        return {**super().get_fields(), **term_fields(_OF_THE_ORIGINAL, required=False)}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what nobody knows."""
        unknown = sorted(set(self.initial_data) - set(self.fields))
        if unknown:
            known = ", ".join(self.fields)
            raise serializers.ValidationError({name: [f"unknown; expected one of {known}"] for name in unknown})
        return attrs


class BeginSeasonSerializer(serializers.Serializer[Any]):
    """A new season for all deployments."""

    confirm = serializers.IntegerField(
        min_value=0, help_text="the number of the running season, which ends; 0 when none runs"
    )
    name = serializers.CharField(required=False, max_length=100)
    liquidity = serializers.ChoiceField(
        choices=Liquidity.choices, required=False, help_text="left out: as in the season before"
    )
