"""Channels, rules and deliveries in JSON. Secrets are write-only."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from dashboard.notifications.models import Channel, ChannelKind, Delivery, Rule, RuleKind
from portfolios.serializers import RowSerializer


class _Known(serializers.ModelSerializer[Any]):
    """A row; unknown keys are errors that name them."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the values of the fields.

        Raises:
            ValidationError: per field.
        """
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, dict) else []
        if unknown:
            known = ", ".join(name for name, each in self.fields.items() if not each.read_only)
            raise serializers.ValidationError({name: [f"unknown; expected one of {known}"] for name in unknown})
        return super().to_internal_value(data)


class ChannelSerializer(_Known):
    """Where to send."""

    kind = serializers.ChoiceField(choices=ChannelKind.choices)
    target = serializers.CharField(
        max_length=500, write_only=True, help_text="webhook URL, Telegram chat id, or e-mail address"
    )
    secret = serializers.CharField(
        max_length=200,
        write_only=True,
        required=False,
        allow_blank=True,
        help_text="webhook: signing key, generated when left out; Telegram: bot token",
    )
    shown_target = serializers.CharField(read_only=True)

    class Meta:
        model = Channel
        fields: tuple[str, ...] = (
            *("id", "name", "kind", "target", "secret", "shown_target", "is_enabled", "created_at"),
        )


class MadeChannelSerializer(ChannelSerializer):
    """A new channel, with its generated signing key: shown only in this response."""

    signing_key = serializers.CharField(read_only=True, allow_null=True)

    class Meta(ChannelSerializer.Meta):
        fields = (*ChannelSerializer.Meta.fields, "signing_key")


class RuleSerializer(_Known, RowSerializer):
    """Which events are sent to a channel."""

    kind = serializers.ChoiceField(choices=RuleKind.choices)
    deployments = serializers.ListField(
        child=serializers.CharField(max_length=60), required=False, help_text="slugs; empty: all"
    )
    symbols = serializers.ListField(child=serializers.CharField(max_length=30), required=False, help_text="empty: all")

    class Meta:
        model = Rule
        fields = (
            *("id", "name", "channel", "kind", "is_enabled", "deployments", "symbols", "least_result"),
            *("threshold_pct", "hour", "zone", "per_hour", "since"),
        )
        read_only_fields = ("since",)


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    """One message to one channel."""

    rule = serializers.CharField(source="rule.name")
    channel = serializers.CharField(source="rule.channel.name")

    class Meta:
        model = Delivery
        fields = (
            *("id", "rule", "channel", "key", "title", "text", "data", "state", "tries", "answer"),
            *("created_at", "next_try_at", "sent_at"),
        )


class OutcomeSerializer(serializers.Serializer[Any]):
    """The result of a test message."""

    is_sent = serializers.BooleanField()
    answer = serializers.CharField()
