"""Seasons, and the accounts that deployments have in them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from portfolios.models.columns import money


class Liquidity(models.TextChoices):
    """Whether the deployments of a season take from each other."""

    PRIVATE = "private", "private (each has the market to itself)"
    SHARED = "shared", "shared (what one has taken, the next finds gone)"


class Season(models.Model):
    """A period of the league on one market. A reset ends it and begins the next; nothing is deleted."""

    number = models.PositiveIntegerField(unique=True)
    name = models.CharField(max_length=100)
    market = models.CharField(max_length=120, help_text="kraken, simulated:SEED or recording:NAME:HASH; never mixed")
    liquidity = models.CharField(
        max_length=10, choices=Liquidity, default=Liquidity.PRIVATE, help_text="for the season's life"
    )
    started_at = models.DateTimeField(auto_now_add=True, help_text="wall clock")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="wall clock; empty while it runs")

    class Meta:
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(models.Value(1), condition=Q(ended_at=None), name="one_season_runs_at_a_time"),
        )

    def __str__(self) -> str:
        return f"Season {self.number}: {self.name} on {self.market}"


class SharedBook(models.Model):
    """What the deployments of a season have taken of the book they share, as of ``sequence``."""

    season = models.OneToOneField(Season, on_delete=models.CASCADE, primary_key=True)
    sequence = models.BigIntegerField(help_text="the cursor of all who shared it when it was saved")
    payload = models.BinaryField()
    saved_at = models.DateTimeField(auto_now=True, help_text="wall clock")

    def __str__(self) -> str:
        return f"book of season {self.season_id} at {self.sequence}"


class Account(models.Model):
    """One deployment's isolated money in one season."""

    season = models.ForeignKey(Season, on_delete=models.PROTECT, related_name="accounts")
    slug = models.SlugField(max_length=60, help_text="the deployment's slug")
    currency = models.CharField(max_length=10, default="USD", help_text="of its equity and results")
    cash = money(help_text="stake, in `currency`")
    funding_currency = models.CharField(
        max_length=10,
        default="USD",
        help_text="the stake is paid in as this currency, at the first mid price seen",
    )
    fee_schedule = models.CharField(max_length=60)
    fill_model = models.CharField(max_length=20, default="realistic")
    opened_at = models.DateTimeField(auto_now_add=True, help_text="wall clock")
    first_sequence = models.BigIntegerField(default=0, help_text="it trades from the frame after this one on")
    closed_at = models.DateTimeField(null=True, blank=True, help_text="wall clock; empty while it trades")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("season", "slug"), condition=Q(closed_at=None), name="one_open_account_per_deployment"
            ),
        )

    def __str__(self) -> str:
        return f"{self.slug} (season {self.season_id})"


class Checkpoint(models.Model):
    """All that an engine needs to go on after ``sequence``: account, open orders, strategy state."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, primary_key=True)
    sequence = models.BigIntegerField(help_text="the last frame that is wholly accounted for: the cursor")
    payload = models.BinaryField()
    saved_at = models.DateTimeField(auto_now=True, help_text="wall clock")
