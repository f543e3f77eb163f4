"""The rows of who trades: written and read through `strategies.deployments`."""

from __future__ import annotations

from django.db import models

from portfolios.models import Account, money
from strategies.terms import column


class DeploymentStatus(models.TextChoices):
    """Whether a deployment is evaluated, and may trade."""

    ENABLED = "enabled"
    ENTRIES_STOPPED = "entries_stopped", "entries stopped (exits, stops and targets keep working)"
    PAUSED = "paused", "paused (no new signals; open orders, stops and targets stay active)"
    DISABLED = "disabled", "disabled (no worker runs it)"
    QUARANTINED = "quarantined", "quarantined (it harmed its worker; no worker runs it until it is enabled)"


class Deployment(models.Model):
    """A strategy version entered in the league with an account, on the terms that `strategies.terms` declares."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=100)
    strategy = models.CharField(max_length=60, help_text="STRATEGY_NAME of its package")
    strategy_hash = models.CharField(
        max_length=64, blank=True, default="", help_text="the version it trades; empty: not hosted yet since an upgrade"
    )
    symbols = models.JSONField(**column("symbols"))
    config = models.JSONField(**column("config"))
    risk = models.JSONField(**column("risk"))
    margin = models.JSONField(**column("margin"))
    cash = money(**column("cash"))
    assets = models.JSONField(**column("assets"))
    currency = models.CharField(**column("currency"))
    funding_currency = models.CharField(**column("funding_currency"))
    latency_ms = models.PositiveIntegerField(**column("latency_ms"))
    latency_sigma = models.FloatField(**column("latency_sigma"))
    latency_spread_ms = models.PositiveIntegerField(**column("latency_spread_ms"))
    fill_model = models.CharField(**column("fill_model"))
    fee_schedule = models.CharField(**column("fee_schedule"))
    shadows = models.CharField(**column("shadows"))
    status = models.CharField(max_length=20, choices=DeploymentStatus, default=DeploymentStatus.ENABLED)
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
        help_text="error, paused, stopped, flatten, quarantined, gap, resumed, reset, config, version, margin_call, "
        "margin_restored, liquidation, bankrupt, load",
    )
    summary = models.CharField(max_length=300)
    detail = models.TextField(blank=True)
    sequence = models.BigIntegerField(default=0)
    time = models.DateTimeField()
    since = models.DateTimeField(null=True, blank=True, help_text="of a gap: no data from then until `time`")

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
    surplus = models.JSONField(
        default=dict, help_text="what it emitted beyond the bounds and was left out -> how often: reasons, log lines, …"
    )
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
    lag_ms = models.PositiveBigIntegerField(default=0, help_text="behind the newest frame, at its heartbeat")
    shed = models.PositiveSmallIntegerField(default=0, help_text="how much it leaves undone because it is behind")

    def __str__(self) -> str:
        return self.name


class StrategyVersion(models.Model):
    """A version of a strategy that was found once, with its files; what trades it goes on when they are edited."""

    name = models.CharField(max_length=60)
    version = models.CharField(max_length=60, help_text="STRATEGY_VERSION; two versions differ by hash")
    hash = models.CharField(max_length=64, unique=True, help_text="SHA-256 of its files, names included")
    first_seen_at = models.DateTimeField(help_text="wall clock")
    sources = models.BinaryField(help_text="its files, packed")
    description = models.TextField(blank=True)
    symbols = models.JSONField(default=list)
    trigger = models.CharField(max_length=20)
    warmup = models.JSONField(default=dict)
    schema = models.JSONField(default=dict, help_text="JSON Schema of its config")

    class Meta:
        ordering = ("name", "-first_seen_at", "-id")

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.hash[:8]})"


class DeploymentRevision(models.Model):
    """One change of a deployment: who, when, what, and all settings as they were from then on."""

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField(help_text="the deployment's revision that this change made")
    at = models.DateTimeField(help_text="wall clock")
    by = models.CharField(max_length=150)
    action = models.CharField(max_length=20, help_text="created, changed, enabled, paused, rolled back, …")
    note = models.CharField(max_length=500, blank=True)
    changes = models.JSONField(default=list, help_text="key, before, after; one left out: the default")
    settings = models.JSONField(default=dict, help_text="every field that can be changed, and the status")
    strategy_version = models.CharField(max_length=60, blank=True)
    strategy_hash = models.CharField(max_length=64, blank=True)
    sequence = models.BigIntegerField(
        null=True,
        blank=True,
        help_text="the frame after which its worker applied it; empty: not yet; 0: from before that was recorded",
    )

    class Meta:
        ordering = ("-number",)
        constraints = (models.UniqueConstraint(fields=("deployment", "number"), name="a_revision_is_written_once"),)

    def __str__(self) -> str:
        return f"{self.deployment} {self.number}"
