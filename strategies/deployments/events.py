"""Event records of a deployment: each is written once, and once sent to the stream."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portfolios.models import Message, MessageKind
from portfolios.outbox.writing import body_of, write_messages
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
    """Write an event and send it to the stream; one that is written already stays as it is and is not sent again."""
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
        body = body_of(event, hidden=("id",))
        write_messages([Message(kind=MessageKind.EVENT, slug=deployment.slug, data=body)])
