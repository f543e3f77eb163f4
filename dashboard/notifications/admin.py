"""Channels, rules and deliveries in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from dashboard.notifications import services
from dashboard.notifications.models import Channel, Delivery, Rule
from marketdata.admin import ReadOnlyAdmin

MOST_TESTED = 3


class ChannelForm(forms.ModelForm[Channel]):
    """A channel; an empty secret field keeps the stored secret."""

    class Meta:
        model = Channel
        fields = ("name", "kind", "target", "secret", "is_enabled")
        widgets = {"secret": forms.PasswordInput(attrs={"autocomplete": "off"})}

    def clean_secret(self) -> str:
        """Return the entered secret, else the stored one."""
        return self.cleaned_data["secret"] or (self.instance.secret if self.instance.pk else "")


class NamesField(forms.CharField):
    """Comma-separated names."""

    def prepare_value(self, value: Any) -> Any:
        """Return the text of a list."""
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        """Return the names of a text."""
        return [name.strip() for name in str(super().clean(value)).split(",") if name.strip()]


class RuleForm(forms.ModelForm[Rule]):
    """A rule; an empty list of names means all."""

    deployments = NamesField(required=False, help_text="comma-separated slugs; empty: all")
    symbols = NamesField(required=False, help_text="such as BTC/USD, XRP/USD; empty: all")

    class Meta:
        model = Rule
        fields = (
            *("name", "kind", "channel", "is_enabled", "deployments", "symbols", "least_result", "threshold_pct"),
            *("hour", "zone", "per_hour"),
        )


class Audited(admin.ModelAdmin[Any]):
    """Rows that are saved and removed by services, which write the audit log."""

    list_per_page = 50

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Remove it."""
        services.remove(obj, by=request.user.get_username())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Remove them."""
        for row in queryset:
            services.remove(row, by=request.user.get_username())


@admin.register(Channel)
class ChannelAdmin(Audited):
    """Where notifications can be sent."""

    form = ChannelForm
    list_display = ("name", "kind", "shown_target", "is_enabled")
    list_filter = ("kind", "is_enabled")
    actions = ("test",)

    def save_model(self, request: HttpRequest, obj: Channel, form: Any, change: bool) -> None:
        """Save it, and show a signing key that was generated for it."""
        made = services.save_channel(obj, by=request.user.get_username())
        if made:
            self.message_user(request, f"Signing key, shown only once: {made}", messages.WARNING)

    @admin.action(description="Send a test message", permissions=["change"])
    def test(self, request: HttpRequest, channels: QuerySet[Channel]) -> None:
        """Send a test message to the chosen channels and show their responses."""
        if (count := channels.count()) > MOST_TESTED:  # each may take its ten seconds of this page
            self.message_user(request, f"{count} channels chosen: choose at most {MOST_TESTED}.", messages.ERROR)
            return
        for channel in channels:
            outcome = services.try_channel(channel, by=request.user.get_username())
            level = messages.SUCCESS if outcome.is_sent else messages.ERROR
            self.message_user(request, f"{channel}: {outcome.answer}", level)


@admin.register(Rule)
class RuleAdmin(Audited):
    """Which events are sent to which channel."""

    form = RuleForm
    list_display = ("name", "kind", "channel", "is_enabled", "per_hour")
    list_filter = ("kind", "channel", "is_enabled")
    list_select_related = ("channel",)
    fieldsets = (
        (None, {"fields": ("name", "kind", "channel", "is_enabled")}),
        ("Filters", {"fields": ("deployments", "symbols", "least_result")}),
        ("Threshold, time and limit", {"fields": ("threshold_pct", "hour", "zone", "per_hour")}),
    )

    def save_model(self, request: HttpRequest, obj: Rule, form: Any, change: bool) -> None:
        """Save it."""
        services.save_rule(obj, by=request.user.get_username())


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """Messages and their delivery status."""

    list_display = ("created_at", "title", "rule", "state", "tries", "answer")
    list_filter = ("state", "rule", "rule__channel")
    list_select_related = ("rule",)
    search_fields = ("title",)
    actions = ("send_again",)

    @admin.action(description="Send failed messages again")
    def send_again(self, request: HttpRequest, deliveries: QuerySet[Delivery]) -> None:
        """Queue the chosen deliveries again."""
        for delivery in deliveries:
            try:
                services.send_again(delivery, by=request.user.get_username())
            except ValidationError as error:
                self.message_user(request, f"{delivery}: {'; '.join(error.messages)}", messages.WARNING)
