"""From events to messages: each event makes exactly one delivery per matching rule, across crashes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Max

from dashboard.notifications.facts import Event, event_of_feed, event_of_message
from dashboard.notifications.models import Delivery, DeliveryState, Reading, Rule, RuleKind
from dashboard.notifications.summaries import deep_drawdowns, due_summaries
from marketdata.models import FeedEvent
from portfolios.outbox.reading import StreamCursor, messages_after, newest_cursor

TOO_OLD = timedelta(hours=1)  # after a night's downtime, old events are not sent
ONE_HOUR = timedelta(hours=1)
BATCH, ROUNDS = 1_000, 20
MERGED_SHOWN = 10
_LOCK = 7_003  # advisory: one process gathers at a time


@transaction.atomic
def gather(now: datetime) -> None:
    """Read the new events and make the deliveries of the rules they match.

    The cursor and the deliveries are written together: a crash repeats neither.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    rules = list(Rule.objects.filter(is_enabled=True, channel__is_enabled=True))
    reading = Reading.objects.first()
    if reading is None or not rules:
        _start_at_newest(reading)
        return
    events = [*_new_messages(reading, now), *_new_feed_events(reading)]
    reading.save()
    wanted = [(rule, event) for event in events for rule in rules if event.matches(rule)]
    wanted += deep_drawdowns([rule for rule in rules if rule.kind == RuleKind.DRAWDOWN])
    wanted += due_summaries([rule for rule in rules if rule.kind == RuleKind.DAILY_SUMMARY], now)
    _write(wanted)
    for rule in rules:
        release(rule, now)


def _start_at_newest(reading: Reading | None) -> None:
    place = newest_cursor()
    reading = reading or Reading()
    reading.xid, reading.message = place
    reading.feed_event = FeedEvent.objects.aggregate(newest=Max("pk"))["newest"] or 0
    reading.save()


def _new_messages(reading: Reading, now: datetime) -> Iterable[Event]:
    place = StreamCursor(reading.xid, reading.message)
    for _ in range(ROUNDS):
        read = messages_after(place, limit=BATCH)
        place = read.cursor
        for written in read.messages:
            if now - written.written_at <= TOO_OLD:
                event = event_of_message(written, json.loads(written.data))
                if event is not None:
                    yield event
        if read.is_whole:
            break
    reading.xid, reading.message = place


def _new_feed_events(reading: Reading) -> Iterable[Event]:
    for feed_event in FeedEvent.objects.filter(pk__gt=reading.feed_event).order_by("pk")[:BATCH]:
        reading.feed_event = feed_event.pk
        event = event_of_feed(feed_event)
        if event is not None:
            yield event


def _write(wanted: Iterable[tuple[Rule, Event]]) -> None:
    rows = [
        Delivery(rule=rule, key=each.key[:160], title=each.title[:200], text=each.text, data=each.data)
        for rule, each in wanted
        if not rule.deployments or not each.slug or each.slug in rule.deployments
    ]
    Delivery.objects.bulk_create(rows, ignore_conflicts=True)


def release(rule: Rule, now: datetime) -> None:
    """Release what the rule's hourly limit allows; the rest is merged into one message once the limit allows it."""
    queued = list(Delivery.objects.filter(rule=rule, state=DeliveryState.HELD).order_by("pk"))
    if not queued:
        return
    used = Delivery.objects.filter(rule=rule, created_at__gt=now - ONE_HOUR).exclude(
        state__in=(DeliveryState.HELD, DeliveryState.FOLDED)
    )
    room = rule.per_hour - used.count()
    if room <= 0:
        return
    singles = queued if len(queued) <= room else queued[: room - 1]
    Delivery.objects.filter(pk__in=[each.pk for each in singles]).update(state=DeliveryState.WAITING, next_try_at=now)
    if len(singles) < len(queued):
        _merge(rule, queued[len(singles) :], now)


def _merge(rule: Rule, rest: Sequence[Delivery], now: datetime) -> None:
    lines = [each.title for each in rest[:MERGED_SHOWN]]
    if len(rest) > MERGED_SHOWN:
        lines.append(f"and {len(rest) - MERGED_SHOWN} more")
    Delivery.objects.create(
        rule=rule,
        key=f"folded-{rest[-1].pk}",
        title=f"{rule.name}: {len(rest)} more",
        text="\n".join(lines),
        data={"folded": len(rest)},
        state=DeliveryState.WAITING,
        next_try_at=now,
    )
    Delivery.objects.filter(pk__in=[each.pk for each in rest]).update(state=DeliveryState.FOLDED)
