"""Jobs over what is owned, run by Celery on the schedule in the settings."""

from __future__ import annotations

import logging

from celery import shared_task
from django.utils import timezone

from portfolios.retention import thin_equity_points

_log = logging.getLogger("jobs")


@shared_task(name="portfolios.thin_equity_points")
def thin_equity_points_job() -> None:
    """Thin the equity curves with age."""
    deleted = thin_equity_points(timezone.now())
    if deleted:
        _log.info("thinned the equity curves by %s points", deleted)
