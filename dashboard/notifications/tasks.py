"""Jobs: events are gathered every few seconds; one job a channel sends what waits for it.

A receiver that is slow or silent holds up its own channel and no other: the jobs that send have a queue and a pool of
their own, and a channel never takes more than one place in it.
"""

from __future__ import annotations

import logging
import time

from celery import shared_task
from django.db import connection
from django.utils import timezone

from dashboard.notifications.gathering import gather
from dashboard.notifications.models import Delivery, DeliveryState
from dashboard.notifications.sending import send_delivery

AT_ONCE = 200
SENDS_FOR_S = 30.0  # then the next job goes on
_CHANNEL = 7_303  # namespace of the advisory locks: a channel that is being sent to
_log = logging.getLogger("jobs")


@shared_task(name="notifications.gather", expires=60)
def gather_job() -> None:
    """Make the deliveries of new events, and queue a job for each channel for which some are due."""
    now = timezone.now()
    gather(now)
    due = Delivery.objects.filter(state=DeliveryState.WAITING, next_try_at__lte=now)
    for channel in due.order_by().values_list("rule__channel", flat=True).distinct():
        send_to_channel_job.delay(channel)


@shared_task(name="notifications.send_to_channel", expires=60)
def send_to_channel_job(channel: int) -> None:
    """Send what is due on a channel, in order, until one is not reached; another job that does so is left alone."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_CHANNEL, channel])
        if not cursor.fetchone()[0]:
            return
        try:
            _send_due(channel)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_CHANNEL, channel])


def _send_due(channel: int) -> None:
    ends_s = time.monotonic() + SENDS_FOR_S
    due = Delivery.objects.filter(
        rule__channel=channel, state=DeliveryState.WAITING, next_try_at__lte=timezone.now()
    ).order_by("next_try_at", "pk")
    for pk in due.values_list("pk", flat=True)[:AT_ONCE]:
        outcome = send_delivery(pk, timezone.now())
        if outcome is not None and not outcome.is_sent:
            _log.warning("notification %s was not sent: %s", pk, outcome.answer)
        if time.monotonic() > ends_s or (outcome is not None and outcome.may_try_again):
            return  # the others wait for the next job: a receiver that is away is not asked for each
