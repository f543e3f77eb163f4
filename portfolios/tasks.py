"""Jobs over what is owned, run by Celery on the schedule in the settings."""

from __future__ import annotations

import logging
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from portfolios.outbox.reading import remove_old_messages
from portfolios.results.retention import remove_old_reason_counts, thin_equity_points

_log = logging.getLogger("jobs")


@shared_task(name="portfolios.thin_equity_points")
def thin_equity_points_job() -> None:
    """Thin the equity curves with age, and forget the reasons of old."""
    deleted = thin_equity_points(timezone.now())
    if deleted:
        _log.info("thinned the equity curves by %s points", deleted)
    if forgotten := remove_old_reason_counts():
        _log.info("removed %s hourly counts of reasons", forgotten)


@shared_task(name="portfolios.remove_old_messages")
def remove_old_messages_job() -> None:
    """Keep of the stream what its readers may still want to resume from."""
    before = timezone.now() - timedelta(hours=settings.PADDOCK_STREAM_HOURS)
    if removed := remove_old_messages(before=before, most=settings.PADDOCK_STREAM_MAX):
        _log.info("removed %s messages of the stream", removed)
