"""Channels, rules and deliveries."""

from __future__ import annotations

import re
import zoneinfo
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, validate_email
from django.db import models
from django.utils import timezone

from dashboard.notifications.addresses import is_forbidden_literal
from marketdata.kraken.symbols import UnknownPairName, symbols_of
from portfolios.models.columns import money

_BOT_TOKEN = re.compile(r"[0-9]{3,}:[A-Za-z0-9_-]{20,}")
_CHAT = re.compile(r"-?[0-9]{1,20}|@[A-Za-z0-9_]{4,}")
MOST_NAMES = 500


class ChannelKind(models.TextChoices):
    """How a message is sent."""

    WEBHOOK = "webhook", "webhook (signed POST of JSON)"
    TELEGRAM = "telegram", "Telegram"
    DISCORD = "discord", "Discord"
    EMAIL = "email", "e-mail"


class Channel(models.Model):
    """Where to send. Secrets are stored in clear text because they are sent; they are never shown again."""

    name = models.CharField(max_length=60, unique=True)
    kind = models.CharField(max_length=10, choices=ChannelKind)
    target = models.CharField(
        max_length=500, help_text="webhook URL, Telegram chat id, Discord webhook URL, or e-mail address"
    )
    secret = models.CharField(
        max_length=200,
        blank=True,
        help_text="webhook: signing key (empty: one is generated); Telegram: bot token",
    )
    is_enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Reject a target that cannot be reached.

        Raises:
            ValidationError: per field, with what would be right.
        """
        wrong = _wrong_target(self.kind, self.target)
        if wrong:
            raise ValidationError({"target": f"target is {self.target!r}; expected {wrong}"})
        if self.kind == ChannelKind.TELEGRAM and not _BOT_TOKEN.fullmatch(self.secret):
            raise ValidationError({"secret": "bot token required, as given by BotFather: 123456:ABC-DEF…"})

    @property
    def shown_target(self) -> str:
        """The target without its secret part."""
        if self.kind not in {ChannelKind.WEBHOOK, ChannelKind.DISCORD}:
            return self.target
        parts = urlsplit(self.target)
        return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}/…{parts.path[1:][-3:]}"


def _wrong_target(kind: str, target: str) -> str:
    """Return what a target should have been; empty when it is right."""
    if kind in {ChannelKind.WEBHOOK, ChannelKind.DISCORD}:
        try:
            parts = urlsplit(target)
            is_right = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
            if is_right and is_forbidden_literal(parts.hostname or ""):
                return "a receiver outside this machine and private networks; PADDOCK_NOTIFY_NETWORKS allows others"
        except ValueError:
            is_right = False
        return "" if is_right else "a URL that starts with https:// or http://"
    if kind == ChannelKind.TELEGRAM:
        return "" if _CHAT.fullmatch(target) else "a chat id such as -1001234567890, or @name of a channel"
    try:
        validate_email(target)
    except ValidationError:
        return "an e-mail address"
    return ""


class RuleKind(models.TextChoices):
    """The kind of event that a rule sends."""

    FILL = "fill", "fill: an order was executed"
    ROUND_TRIP = "round_trip", "round trip: a position was closed"
    ERROR = "error", "error: strategy error, quarantine, margin call or liquidation"
    PAUSE = "pause", "pause: a deployment was paused, stopped, flattened or resumed"
    STALE_FEED = "stale_feed", "stale feed: market data lost or back"
    DRAWDOWN = "drawdown", "drawdown: equity below its peak by the threshold, once per peak"
    DAILY_SUMMARY = "daily_summary", "daily summary: the league's last 24 h"


class Rule(models.Model):
    """Which events are sent to a channel."""

    name = models.CharField(max_length=60, unique=True)
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="rules")
    kind = models.CharField(max_length=15, choices=RuleKind)
    is_enabled = models.BooleanField(default=True)
    deployments = models.JSONField(default=list, blank=True, help_text="slugs; empty: all")
    symbols = models.JSONField(default=list, blank=True, help_text="such as BTC/USD; empty: all")
    least_result = money(
        null=True,
        blank=True,
        verbose_name="minimum P&L",
        help_text="only P&L of at least this size, profit or loss; opening fills have none",
    )
    threshold_pct = money(null=True, blank=True, help_text="drawdown: percent below the peak")
    hour = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(23)], help_text="daily summary: hour of the day, 0 to 23"
    )
    zone = models.CharField(max_length=60, default="UTC", help_text="time zone of that hour, such as Europe/Berlin")
    per_hour = models.PositiveSmallIntegerField(
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(1_000)],
        help_text="maximum messages per hour; the rest is merged into one",
    )
    since = models.DateTimeField(default=timezone.now, editable=False, help_text="earlier events are not sent")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Reject a rule that can never match.

        Raises:
            ValidationError: per field, with what would be right.
        """
        wrong: dict[str, Any] = {}
        for name in ("deployments", "symbols"):
            given = getattr(self, name)
            if not isinstance(given, list) or len(given) > MOST_NAMES or not all(isinstance(n, str) for n in given):
                wrong[name] = f"expected a list of at most {MOST_NAMES} names, such as []"
        if "symbols" not in wrong:
            try:
                self.symbols = list(symbols_of(self.symbols))
            except UnknownPairName as error:
                wrong["symbols"] = str(error)
        if self.kind == RuleKind.DRAWDOWN and (self.threshold_pct is None or not 0 < self.threshold_pct <= 100):
            wrong["threshold_pct"] = f"threshold_pct is {self.threshold_pct}; expected above 0, at most 100"
        if self.kind == RuleKind.DAILY_SUMMARY and self.hour is None:
            wrong["hour"] = "a daily summary needs its hour, 0 to 23"
        if self.least_result is not None and self.least_result < 0:
            wrong["least_result"] = f"least_result is {self.least_result}; expected 0 or more: losses count as well"
        if self.zone not in zoneinfo.available_timezones():
            wrong["zone"] = f"zone is {self.zone!r}; expected a name such as Europe/Berlin or UTC"
        if wrong:
            raise ValidationError(wrong)


class DeliveryState(models.TextChoices):
    """Delivery status of a message."""

    HELD = "held", "queued"
    WAITING = "waiting", "waiting"
    SENT = "sent", "sent"
    FAILED = "failed", "failed"
    FOLDED = "folded", "merged"


class Delivery(models.Model):
    """One message to one channel. One per rule and key, however often the event is read."""

    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, related_name="deliveries")
    key = models.CharField(max_length=160, help_text="identifies the event")
    title = models.CharField(max_length=200)
    text = models.TextField(blank=True)
    data = models.JSONField(default=dict, help_text="the event, as in the REST API")
    state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.HELD)
    tries = models.PositiveSmallIntegerField(default=0)
    answer = models.CharField(max_length=300, blank=True, help_text="response of the receiver, or why there was none")
    created_at = models.DateTimeField(auto_now_add=True)
    next_try_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "deliveries"
        constraints = (models.UniqueConstraint(fields=("rule", "key"), name="one_delivery_of_a_fact_by_a_rule"),)
        indexes = (
            models.Index(fields=("rule", "-created_at"), name="deliveries_of_a_rule"),
            models.Index(fields=("next_try_at",), condition=models.Q(state="waiting"), name="deliveries_that_wait"),
        )

    def __str__(self) -> str:
        return self.title

    @property
    def event_id(self) -> str:
        """The id by which the receiver recognises a repeated message."""
        return f"{self.rule_id}:{self.key}"


class Reading(models.Model):
    """How far the stream of facts and the feed's events have been read; one row."""

    xid = models.BigIntegerField()
    message = models.BigIntegerField()
    feed_event = models.BigIntegerField()
