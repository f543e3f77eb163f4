"""Event records of a deployment: each is written once, and once sent to the stream."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from portfolios.models import Message, MessageKind
from portfolios.outbox.writing import body_of, write_messages
from portfolios.rows.bulk import insert_new
from strategies.models import Deployment, DeploymentEvent


def event_of(
    deployment: Deployment,
    event_id: str,
    kind: str,
    summary: str,
    *,
    time: datetime,
    detail: str = "",
    sequence: int = 0,
    since: datetime | None = None,
) -> DeploymentEvent:
    """Return an event that is not written yet; its summary is cut to what its column holds."""
    return DeploymentEvent(
        deployment=deployment,
        event_id=event_id,
        kind=kind,
        summary=summary[:300],
        detail=detail,
        sequence=sequence,
        since=since,
        time=time,
    )


@transaction.atomic
def record_events(events: Iterable[DeploymentEvent]) -> None:
    """Write events and send them to the stream; one that is written already stays as it is and is not sent again."""
    new = insert_new(DeploymentEvent, list(events), ("deployment", "event_id"))
    if new:
        write_messages(
            Message(kind=MessageKind.EVENT, slug=event.deployment.slug, data=body_of(event, hidden=("id",)))
            for event in new
        )
