"""Putting on record what a reader of a deployment should know, and telling the stream of it, once."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from rest_framework import serializers

from portfolios.models import Message, MessageKind
from portfolios.outbox.writing import tell
from strategies.models import (
    Deployment,
    DeploymentEvent,
)


@transaction.atomic
def record_event(
    deployment: Deployment,
    event_id: str,
    kind: str,
    summary: str,
    *,
    time: datetime,
    detail: str = "",
    sequence: int = 0,
    since: datetime | None = None,
) -> None:
    """Write an event and tell of it; one that is written already is left as it is and not told again."""
    event, is_new = DeploymentEvent.objects.get_or_create(
        deployment=deployment,
        event_id=event_id,
        defaults={
            "kind": kind,
            "summary": summary[:300],
            "detail": detail,
            "sequence": sequence,
            "since": since,
            "time": time,
        },
    )
    if is_new:
        told = DeploymentEventSerializer(event).data
        tell([Message(kind=MessageKind.EVENT, slug=deployment.slug, data=told)])


class DeploymentEventSerializer(serializers.ModelSerializer):
    class Meta:
        model = DeploymentEvent
        exclude = ("id", "deployment")
