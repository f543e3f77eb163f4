"""How long what grows with time is kept, and at which density: a page shows at most some thousand equity points."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection
from django.db.models import F

from portfolios.models import ReasonCount

FLAT = timedelta(minutes=1)  # so far apart are the points of an account whose figures stand still
# Older than this: one point in each stretch of that length.
THINNING = (
    (timedelta(hours=6), timedelta(minutes=1)),
    (timedelta(days=3), timedelta(minutes=10)),
    (timedelta(days=60), timedelta(hours=1)),
)

REASONS_KEPT = timedelta(days=60)  # of market time

_THIN = """
    DELETE FROM portfolios_equitypoint WHERE (account_id, time) IN (
        SELECT account_id, time FROM (
            SELECT account_id, time, row_number() OVER (
                PARTITION BY account_id, floor(extract(epoch FROM time) / %s) ORDER BY time DESC
            ) AS place
            FROM portfolios_equitypoint WHERE time < %s
        ) AS ranked WHERE place > 1
    )
"""


def stretch_at(age: timedelta) -> timedelta:
    """Return how far apart points of that age may be."""
    passed = [stretch for older_than, stretch in THINNING if age > older_than]
    return passed[-1] if passed else FLAT


def thin_equity_points(now: datetime) -> int:
    """Keep the last point of each stretch and delete the others; return how many went. Safe to repeat."""
    deleted = 0
    with connection.cursor() as cursor:
        for age, stretch in THINNING:
            cursor.execute(_THIN, [int(stretch.total_seconds()), now - age])
            deleted += cursor.rowcount
    return deleted


def remove_old_reason_counts() -> int:
    """Remove the hourly counts of reasons that are older than is kept; return how many went. Safe to repeat."""
    old = ReasonCount.objects.filter(hour_end__lt=F("account__standing__as_of") - REASONS_KEPT)
    return old.delete()[0]
