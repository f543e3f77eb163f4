"""What a person has commanded of an account, carried out by the worker that holds it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from portfolios.models.accounts import Account


class FlatteningState(models.TextChoices):
    """What became of a command to flatten."""

    ASKED = "asked", "asked (the worker has not taken it up yet)"
    UNDER_WAY = "under_way", "under way (orders are cancelled, positions closed)"
    DONE = "done"
    WITHDRAWN = "withdrawn"


OPEN_STATES = (FlatteningState.ASKED, FlatteningState.UNDER_WAY)


class Flattening(models.Model):
    """A command to cancel all open orders and to close every position at market."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="flattenings")
    by = models.CharField(max_length=150)
    asked_at = models.DateTimeField(auto_now_add=True, help_text="wall clock")
    state = models.CharField(max_length=10, choices=FlatteningState, default=FlatteningState.ASKED)
    sentence = models.CharField(
        max_length=500, blank=True, help_text="what it waits for, what was left as dust, or why it was withdrawn"
    )
    orders = models.PositiveIntegerField(default=0, help_text="market orders that it took")
    sequence = models.BigIntegerField(null=True, blank=True, help_text="the frame after which it was given")
    begun_at = models.DateTimeField(null=True, blank=True, help_text="the market's clock")
    done_sequence = models.BigIntegerField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True, help_text="the market's clock")

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=("account",), condition=Q(state__in=OPEN_STATES), name="one_flattening_at_a_time"
            ),
        )

    def __str__(self) -> str:
        return f"flatten by {self.by}: {self.state}"

    @property
    def is_open(self) -> bool:
        """True until it was carried out or withdrawn."""
        return self.state in OPEN_STATES
