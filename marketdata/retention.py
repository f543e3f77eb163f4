"""How long feed events are kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Max, Q

from marketdata import models

BATCH = 5_000  # rows of one transaction: the feed's own writes are not held up


def remove_old_feed_events(*, max_age: timedelta, max_rows: int) -> int:
    """Delete of each market what is older than ``max_age``, and beyond ``max_rows`` the oldest; return how many went.

    Age is measured by the market's clock, from its newest event on: a recording of last year
    keeps the events of its last days. Safe to repeat, and to break off.
    """
    assert max_rows > 0, "a market keeps something"
    newest = models.FeedEvent.objects.order_by().values_list("market").annotate(newest=Max("time"))
    removed = 0
    for market, newest_time in list(newest):
        events = models.FeedEvent.objects.filter(market=market)
        removed += _remove(events, Q(time__lt=newest_time - max_age))
        oldest_kept = events.order_by("-time", "-id").values_list("time", "id")[max_rows - 1 : max_rows].first()
        if oldest_kept is not None:
            time, pk = oldest_kept
            removed += _remove(events, Q(time__lt=time) | Q(time=time, id__lt=pk))
    return removed


def _remove(events: Any, which: Q) -> int:
    removed = 0
    while batch := list(events.filter(which).order_by("time", "id").values_list("pk", flat=True)[:BATCH]):
        removed += models.FeedEvent.objects.filter(pk__in=batch).delete()[0]
    return removed
