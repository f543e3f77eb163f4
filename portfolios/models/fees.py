"""Fee schedules that this installation added to the published ones."""

from __future__ import annotations

from django.db import models


class FeeSchedule(models.Model):
    """A table of fees that this installation added. Its name stands for that table for ever: it is never altered."""

    name = models.CharField(max_length=60, unique=True, help_text="FAMILY-YYYY-MM, like my-broker-2026-11")
    valid_from = models.DateField(help_text="the first day on which those who follow its family are charged by it, UTC")
    tiers = models.JSONField(help_text="rows of text: USD traded in thirty days, taker %, maker %; ascending")
    reference = models.CharField(max_length=300, blank=True, help_text="where the rates were published")
    by = models.CharField(max_length=150, help_text="who added it")
    added_at = models.DateTimeField(auto_now_add=True, help_text="wall clock")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
