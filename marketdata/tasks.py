"""Jobs over the market's rows, run by Celery on the schedule in the settings."""

from __future__ import annotations

import logging
from datetime import timedelta

from celery import shared_task
from django.conf import settings

from marketdata.retention import remove_old_feed_events

_log = logging.getLogger("jobs")


@shared_task(name="marketdata.remove_old_feed_events")
def remove_old_feed_events_job() -> None:
    """Remove feed events that are past their time."""
    removed = remove_old_feed_events(
        max_age=timedelta(days=settings.PADDOCK_FEED_EVENTS_DAYS), max_rows=settings.PADDOCK_FEED_EVENTS_MAX
    )
    if removed:
        _log.info("removed %s old feed events", removed)
