"""Channels and rules in the admin: drawn as forms, tested with a button, their deliveries to be looked at."""

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


class ChannelForm(forms.ModelForm[Channel]):
    """A channel; what was secret stays as it is where nothing is typed."""

    class Meta:
        model = Channel
        fields = ("name", "kind", "target", "secret", "is_enabled")
        widgets = {"secret": forms.PasswordInput(attrs={"autocomplete": "off"})}

    def clean_secret(self) -> str:
        """Return what was typed, else what is kept."""
        return self.cleaned_data["secret"] or (self.instance.secret if self.instance.pk else "")


class NamesField(forms.CharField):
    """Names, each after a comma."""

    def prepare_value(self, value: Any) -> Any:
        """Return the text of a list."""
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        """Return the names of a text."""
        return [name.strip() for name in str(super().clean(value)).split(",") if name.strip()]


class RuleForm(forms.ModelForm[Rule]):
    """A rule; an empty list of names means all."""

    deployments = NamesField(required=False, help_text="slugs, each after a comma; empty: all")
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
    """Who can be told."""

    form = ChannelForm
    list_display = ("name", "kind", "shown_target", "is_enabled")
    list_filter = ("kind", "is_enabled")
    actions = ("test",)

    def save_model(self, request: HttpRequest, obj: Channel, form: Any, change: bool) -> None:
        """Save it, and tell a signing key that was made for it."""
        made = services.save_channel(obj, by=request.user.get_username())
        if made:
            self.message_user(request, f"The key that signs, told this once: {made}", messages.WARNING)

    @admin.action(description="Test: tell it that it can be reached", permissions=["change"])
    def test(self, request: HttpRequest, channels: QuerySet[Channel]) -> None:
        """Tell the chosen channels, and show what they answered."""
        for channel in channels:
            outcome = services.try_channel(channel, by=request.user.get_username())
            level = messages.SUCCESS if outcome.is_sent else messages.ERROR
            self.message_user(request, f"{channel}: {outcome.answer}", level)


@admin.register(Rule)
class RuleAdmin(Audited):
    """Of what they are told."""

    form = RuleForm
    list_display = ("name", "kind", "channel", "is_enabled", "per_hour")
    list_filter = ("kind", "channel", "is_enabled")
    list_select_related = ("channel",)
    fieldsets = (
        (None, {"fields": ("name", "kind", "channel", "is_enabled")}),
        ("Only of these", {"fields": ("deployments", "symbols", "least_result")}),
        ("When", {"fields": ("threshold_pct", "hour", "zone", "per_hour")}),
    )

    def save_model(self, request: HttpRequest, obj: Rule, form: Any, change: bool) -> None:
        """Save it."""
        services.save_rule(obj, by=request.user.get_username())


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """What was told, and what came of it."""

    list_display = ("created_at", "title", "rule", "state", "tries", "answer")
    list_filter = ("state", "rule", "rule__channel")
    list_select_related = ("rule",)
    search_fields = ("title",)
    actions = ("send_again",)

    @admin.action(description="Send again what failed")
    def send_again(self, request: HttpRequest, deliveries: QuerySet[Delivery]) -> None:
        """Let the chosen deliveries wait for another try."""
        for delivery in deliveries:
            try:
                services.send_again(delivery, by=request.user.get_username())
            except ValidationError as error:
                self.message_user(request, f"{delivery}: {'; '.join(error.messages)}", messages.WARNING)
