"""Who may come in without a password: programs with a token, guests with a link. Secrets are kept as hashes alone."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class Scope(models.TextChoices):
    """What a token may be used for; never more than its user may."""

    READ = "read", "read what the pages show"
    TRADE = "trade", "change deployments: pause, flatten, close, cancel, clone, …"
    ADMIN = "admin", "everything else: the audit log, notifications, seasons, fee schedules"


class Pass(models.Model):
    """Something secret that opens a door until it expires or is revoked."""

    digest = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256 of the secret")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="empty: never")
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def is_valid(self) -> bool:
        """Whether it still opens its door."""
        return self.revoked_at is None and (self.expires_at is None or timezone.now() < self.expires_at)

    @property
    def state(self) -> str:
        """What has become of it, in one word."""
        if self.revoked_at is not None:
            return "revoked"
        return "valid" if self.is_valid else "expired"


class ApiToken(Pass):
    """A program's key to the API, in the name of a user."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=60, help_text="what uses it")
    scopes = models.JSONField(default=list, help_text="of read, trade, admin")
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="to the minute")

    class Meta:
        ordering = ("-id",)
        constraints = (models.UniqueConstraint(fields=("user", "name"), name="one_token_of_a_name_per_user"),)

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"


class ShareLink(Pass):
    """A guest's way to the pages: to read, never to change."""

    note = models.CharField(max_length=200, blank=True, help_text="whom it is for")
    by = models.CharField(max_length=150)
    opened = models.PositiveIntegerField(default=0, help_text="how often it was followed")

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return self.note or f"link {self.pk}"


class LoginPause(models.Model):
    """Failed logins of one user name or address, and until when no other is looked at."""

    key = models.CharField(max_length=80, unique=True, help_text="address:…, or user: or code: and a hash of the name")
    failures = models.PositiveIntegerField(default=0)
    until = models.DateTimeField(help_text="no attempt before")
    last_at = models.DateTimeField(help_text="of the last attempt that was looked at")

    class Meta:
        indexes = (models.Index(fields=("last_at",), name="old_login_pauses"),)

    def __str__(self) -> str:
        return self.key


class RecoveryCode(models.Model):
    """Stands in for the second factor once: for who has lost the telephone."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the code")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("user", "digest"), name="one_recovery_code_of_a_kind"),)

    def __str__(self) -> str:
        return f"recovery code of {self.user}"
