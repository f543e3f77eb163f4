"""Facts as messages of the stream."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Cast, Now


class MessageKind(models.TextChoices):
    """What a message is about."""

    FILL = "fill"
    ORDER = "order"
    ROUND_TRIP = "round_trip", "round trip"
    EVENT = "event"
    FORGOTTEN = "forgotten", "forgotten (all up to here was removed with age)"


class Message(models.Model):
    """A fact as the REST API shows it, written in the transaction that wrote the fact itself.

    Its place is ``(xid, id)``, not ``id`` alone: of two transactions at once the one with the lower id may commit
    last. A reader that goes in this order, and only up to what is older than every open transaction, misses nothing.
    """

    xid = models.BigIntegerField(
        # The 64-bit number of the transaction that writes the row: unlike the 32-bit one it never begins anew.
        db_default=Cast(
            Cast(models.Func(function="pg_current_xact_id", output_field=models.TextField()), models.TextField()),
            models.BigIntegerField(),
        ),
        editable=False,
    )
    kind = models.CharField(max_length=12, choices=MessageKind)
    slug = models.SlugField(max_length=60, db_index=False, help_text="of the deployment")
    data = models.JSONField(help_text="as the REST API shows it")
    written_at = models.DateTimeField(db_default=Now(), editable=False, help_text="wall clock")

    class Meta:
        indexes = (models.Index(fields=("xid", "id"), name="messages_in_their_order"),)

    def __str__(self) -> str:
        return f"{self.kind} of {self.slug}"
