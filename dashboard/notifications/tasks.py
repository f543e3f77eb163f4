"""Jobs: events are gathered every few seconds; each message is sent by its own job."""

from __future__ import annotations

import logging

from celery import shared_task
from django.utils import timezone

from dashboard.notifications.gathering import gather
from dashboard.notifications.models import Delivery, DeliveryState
from dashboard.notifications.sending import send_delivery

AT_ONCE = 200
_log = logging.getLogger("jobs")


@shared_task(name="notifications.gather", expires=60)
def gather_job() -> None:
    """Make the deliveries of new events, and queue those that are due."""
    now = timezone.now()
    gather(now)
    due = Delivery.objects.filter(state=DeliveryState.WAITING, next_try_at__lte=now).order_by("next_try_at", "pk")
    for pk in due.values_list("pk", flat=True)[:AT_ONCE]:
        send_job.delay(pk)


@shared_task(name="notifications.send", expires=600)
def send_job(pk: int) -> None:
    """Try to send one; one that was sent, or that another job has taken, is skipped."""
    outcome = send_delivery(pk, timezone.now())
    if outcome is not None and not outcome.is_sent:
        _log.warning("notification %s was not sent: %s", pk, outcome.answer)
