"""Jobs of the site itself: sessions and login pauses that have ended are removed."""

from __future__ import annotations

import logging

from celery import shared_task
from django.core.management import call_command

from tradingsite.access import attempts

_log = logging.getLogger("jobs")


@shared_task(name="access.remove_ended", expires=3_600)
def remove_ended() -> None:
    """Remove sessions that have ended, and login pauses that nobody needs any more."""
    call_command("clearsessions")
    _log.info("removed ended sessions and %d login pauses", attempts.forget_old())
