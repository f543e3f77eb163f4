"""Who changed what, and when."""

from __future__ import annotations

from django.db import models


class AuditEntry(models.Model):
    """One change that a person or a program made. Written with the change, never altered."""

    at = models.DateTimeField(auto_now_add=True, help_text="wall clock")
    by = models.CharField(max_length=150, help_text="a login, or the command that was run")
    kind = models.CharField(max_length=20, help_text="what was changed: deployment, payment, season, user, token, …")
    subject = models.CharField(max_length=150, help_text="which one: its slug, name or number")
    action = models.CharField(max_length=40, help_text="created, changed, paused, …")
    sentence = models.CharField(max_length=500, blank=True, help_text="what is different now")

    class Meta:
        ordering = ("-id",)
        indexes = (models.Index(fields=("kind", "-id"), name="audit_by_kind"),)
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.kind} {self.subject} {self.action} by {self.by}"
