"""Where to tell, of what, and what became of it."""

from __future__ import annotations

import re
import zoneinfo
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, validate_email
from django.db import models
from django.utils import timezone

from portfolios.models.columns import money

_BOT_TOKEN = re.compile(r"[0-9]{3,}:[A-Za-z0-9_-]{20,}")
_CHAT = re.compile(r"-?[0-9]{1,20}|@[A-Za-z0-9_]{4,}")
MOST_NAMES = 500


class ChannelKind(models.TextChoices):
    """A way to reach somebody."""

    WEBHOOK = "webhook", "webhook (signed POST of JSON)"
    TELEGRAM = "telegram", "Telegram"
    DISCORD = "discord", "Discord"
    EMAIL = "email", "e-mail"


class Channel(models.Model):
    """Somebody to be told. Secrets are kept as they are, for they must be sent; they are never shown again."""

    name = models.CharField(max_length=60, unique=True)
    kind = models.CharField(max_length=10, choices=ChannelKind)
    target = models.CharField(
        max_length=500, help_text="address of the webhook, Telegram's chat id, address of Discord's webhook, or e-mail"
    )
    secret = models.CharField(
        max_length=200,
        blank=True,
        help_text="webhook: the key that signs (empty: one is made); Telegram: the bot's token",
    )
    is_enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse what cannot be reached.

        Raises:
            ValidationError: per field, with what would be right.
        """
        wrong = _wrong_target(self.kind, self.target)
        if wrong:
            raise ValidationError({"target": f"target is {self.target!r}; expected {wrong}"})
        if self.kind == ChannelKind.TELEGRAM and not _BOT_TOKEN.fullmatch(self.secret):
            raise ValidationError({"secret": "the bot's token is needed, as BotFather told it: 123456:ABC-DEF…"})

    @property
    def shown_target(self) -> str:
        """The target without what lets others speak in its place."""
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
        except ValueError:
            is_right = False
        return "" if is_right else "an address that begins with https:// or http://"
    if kind == ChannelKind.TELEGRAM:
        return "" if _CHAT.fullmatch(target) else "a chat id such as -1001234567890, or @name of a channel"
    try:
        validate_email(target)
    except ValidationError:
        return "an e-mail address"
    return ""


class RuleKind(models.TextChoices):
    """What somebody wants to know of."""

    FILL = "fill", "fill: an order was executed"
    ROUND_TRIP = "round_trip", "round trip: a position was closed"
    ERROR = "error", "error: a strategy failed, was quarantined, or met its lender"
    PAUSE = "pause", "pause: a deployment was paused, stopped, flattened or goes on"
    STALE_FEED = "stale_feed", "stale feed: the market is lost, or there again"
    DRAWDOWN = "drawdown", "drawdown: below the peak by so much, once for each peak"
    DAILY_SUMMARY = "daily_summary", "daily summary: the league's last day"


class Rule(models.Model):
    """Of what a channel is told."""

    name = models.CharField(max_length=60, unique=True)
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="rules")
    kind = models.CharField(max_length=15, choices=RuleKind)
    is_enabled = models.BooleanField(default=True)
    deployments = models.JSONField(default=list, blank=True, help_text="slugs; empty: all")
    symbols = models.JSONField(default=list, blank=True, help_text="such as BTC/USD; empty: all")
    least_result = money(
        null=True, blank=True, help_text="only results at least that large, gain or loss; fills that open have none"
    )
    threshold_pct = money(null=True, blank=True, help_text="of a drawdown, percent below the peak")
    hour = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(23)], help_text="of a daily summary"
    )
    zone = models.CharField(max_length=60, default="UTC", help_text="of that hour, such as Europe/Berlin")
    per_hour = models.PositiveSmallIntegerField(
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(1_000)],
        help_text="messages at most; what is more is gathered into one",
    )
    since = models.DateTimeField(default=timezone.now, editable=False, help_text="what happened before is not told")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse what can never match.

        Raises:
            ValidationError: per field, with what would be right.
        """
        wrong: dict[str, Any] = {}
        for name in ("deployments", "symbols"):
            given = getattr(self, name)
            if not isinstance(given, list) or len(given) > MOST_NAMES or not all(isinstance(n, str) for n in given):
                wrong[name] = f"expected a list of at most {MOST_NAMES} names, such as []"
        if self.kind == RuleKind.DRAWDOWN and (self.threshold_pct is None or not 0 < self.threshold_pct <= 100):
            wrong["threshold_pct"] = f"threshold_pct is {self.threshold_pct}; a drawdown needs one above 0, at most 100"
        if self.kind == RuleKind.DAILY_SUMMARY and self.hour is None:
            wrong["hour"] = "a daily summary needs the hour at which it comes, 0 to 23"
        if self.least_result is not None and self.least_result < 0:
            wrong["least_result"] = f"least_result is {self.least_result}; expected 0 or more: losses count as well"
        if self.zone not in zoneinfo.available_timezones():
            wrong["zone"] = f"zone is {self.zone!r}; expected a name such as Europe/Berlin or UTC"
        if wrong:
            raise ValidationError(wrong)


class DeliveryState(models.TextChoices):
    """What became of a message."""

    HELD = "held", "held (more than its rule allows an hour)"
    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    FOLDED = "folded", "folded (told in one message with others)"


class Delivery(models.Model):
    """One message to one channel. A rule and a key have one, however often the fact is read."""

    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, related_name="deliveries")
    key = models.CharField(max_length=160, help_text="of what happened")
    title = models.CharField(max_length=200)
    text = models.TextField(blank=True)
    data = models.JSONField(default=dict, help_text="the fact, as the REST API tells it")
    state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.HELD)
    tries = models.PositiveSmallIntegerField(default=0)
    answer = models.CharField(max_length=300, blank=True, help_text="of the other side, or why there was none")
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
        """What the other side knows it by again, should it come twice."""
        return f"{self.rule_id}:{self.key}"


class Reading(models.Model):
    """How far the stream of facts and the feed's events have been read; one row."""

    xid = models.BigIntegerField()
    message = models.BigIntegerField()
    feed_event = models.BigIntegerField()
