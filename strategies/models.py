"""The rows of who trades. Written by `strategies.services`, read through `strategies.selectors`."""

from __future__ import annotations

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models

from portfolios.models import Account, money


class DeploymentStatus(models.TextChoices):
    """Whether a deployment is asked for signals."""

    ENABLED = "enabled"
    PAUSED = "paused", "paused (resting orders and stops live on)"
    DISABLED = "disabled", "disabled (no worker takes it)"
    QUARANTINED = "quarantined", "quarantined (it harmed its worker; no worker takes it until it is enabled)"


class Deployment(models.Model):
    """A strategy version with a config, entered in the league with an account."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=100)
    strategy = models.CharField(max_length=60, help_text="STRATEGY_NAME of a package the registry found")
    symbols = models.JSONField(default=list, blank=True, help_text="empty: the strategy's own SYMBOLS")
    config = models.JSONField(default=dict, blank=True, help_text="what differs from the strategy's defaults")
    risk = models.JSONField(default=dict, blank=True, help_text="risk limits; empty: the engine's defaults")
    cash = money(default=100, validators=[MinValueValidator(1)], help_text="stake in the account's currency")
    currency = models.CharField(max_length=10, default="USD")
    funding_currency = models.CharField(max_length=10, default="USD", validators=[RegexValidator(r"^[A-Z0-9.]{2,10}$")])
    latency_ms = models.PositiveIntegerField(default=200, help_text="from signal to exchange")
    fill_model = models.CharField(max_length=20, default="realistic")
    fee_schedule = models.CharField(max_length=60, default="kraken-spot-2026-07")
    status = models.CharField(max_length=12, choices=DeploymentStatus, default=DeploymentStatus.ENABLED)
    status_reason = models.CharField(max_length=500, blank=True)
    account = models.OneToOneField(Account, on_delete=models.PROTECT, null=True, blank=True)
    revision = models.PositiveIntegerField(default=1, help_text="grows with every change; workers reload on it")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("slug",)

    def __str__(self) -> str:
        return self.slug


class DeploymentEvent(models.Model):
    """Something a reader should know: an error, a pause, a gap, a change of config."""

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="events")
    event_id = models.CharField(max_length=120)
    kind = models.CharField(
        max_length=20,
        help_text="error, paused, quarantined, gap, resumed, reset, config, margin_call, margin_restored, "
        "liquidation, bankrupt",
    )
    summary = models.CharField(max_length=300)
    detail = models.TextField(blank=True)
    sequence = models.BigIntegerField(default=0)
    time = models.DateTimeField()

    class Meta:
        ordering = ("-time",)
        constraints = (models.UniqueConstraint(fields=("deployment", "event_id"), name="an_event_is_written_once"),)


class DeploymentCost(models.Model):
    """What a deployment costs its worker; times are of the last five minutes, measured in one frame of eight."""

    deployment = models.OneToOneField(Deployment, on_delete=models.CASCADE, related_name="cost")
    evaluations = models.PositiveIntegerField(default=0, help_text="that were measured")
    mean_us = models.PositiveBigIntegerField(null=True, help_text="microseconds of one evaluation")
    worst_us = models.PositiveBigIntegerField(null=True, help_text="microseconds of the longest")
    state_bytes = models.PositiveBigIntegerField(default=0, help_text="the strategy's state, packed")
    grown_bytes = models.PositiveBigIntegerField(
        default=0, help_text="by which its worker's memory grew in its evaluations"
    )
    errors = models.PositiveIntegerField(default=0)
    interruptions = models.PositiveIntegerField(default=0, help_text="evaluations beyond the time budget")
    as_of = models.DateTimeField(help_text="wall clock")

    def __str__(self) -> str:
        return f"{self.deployment_id}: {self.mean_us} µs"


class Worker(models.Model):
    """A `run_worker` process. Alive while its heartbeat is fresh."""

    name = models.CharField(max_length=100, unique=True)
    started_at = models.DateTimeField(help_text="wall clock")
    heartbeat_at = models.DateTimeField(help_text="wall clock")
    deployments = models.PositiveIntegerField(default=0)
    sequence = models.BigIntegerField(default=0, help_text="last frame it has worked through")

    def __str__(self) -> str:
        return self.name
