from datetime import UTC, datetime, timedelta

import pytest

from marketdata import retention
from marketdata.models import FeedEvent
from marketdata.retention import remove_old_feed_events
from marketdata.tasks import remove_old_feed_events_job
from tradingsite.celery import app

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 7, 7, 12, tzinfo=UTC)
MONTH = timedelta(days=30)


def store(market: str, *days_ago: float) -> None:
    FeedEvent.objects.bulk_create(
        FeedEvent(market=market, time=NOON - timedelta(days=days), kind="gap", detail=str(days)) for days in days_ago
    )


def kept(market: str) -> list[str]:
    return list(FeedEvent.objects.filter(market=market).values_list("detail", flat=True))


def test_what_is_older_than_a_month_goes_and_the_rest_stays():
    store("kraken", 0, 29.9, 30, 30.1, 400)

    assert remove_old_feed_events(max_age=MONTH, max_rows=100) == 2
    assert kept("kraken") == ["0", "29.9", "30"]
    assert remove_old_feed_events(max_age=MONTH, max_rows=100) == 0


def test_each_market_keeps_its_newest_however_many_another_has():
    store("kraken", *range(9))
    store("simulated:1", 3, 4)

    assert remove_old_feed_events(max_age=MONTH, max_rows=3) == 6
    assert kept("kraken") == ["0", "1", "2"]
    assert kept("simulated:1") == ["3", "4"]


def test_of_events_of_one_moment_no_more_are_kept_than_may_be():
    store("kraken", *[1] * 7)

    assert remove_old_feed_events(max_age=MONTH, max_rows=3) == 4


def test_a_recording_of_last_year_keeps_what_was_received_on_its_last_days():
    store("kraken", 0)
    store("recording:old:ab", 400, 401, 440)

    remove_old_feed_events(max_age=MONTH, max_rows=100)

    assert kept("recording:old:ab") == ["400", "401"]


def test_many_rows_go_in_batches(monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(retention, "BATCH", 10)
    store("kraken", 0, *range(100, 125))

    with django_assert_max_num_queries(10):
        assert remove_old_feed_events(max_age=MONTH, max_rows=100) == 25


def test_the_job_keeps_what_the_settings_say(settings):
    settings.PADDOCK_FEED_EVENTS_DAYS, settings.PADDOCK_FEED_EVENTS_MAX = 10, 2
    store("kraken", 0, 1, 2, 20)

    remove_old_feed_events_job()

    assert kept("kraken") == ["0", "1"]


def test_the_job_is_on_the_schedule_under_the_name_it_has():
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}

    assert remove_old_feed_events_job.name in scheduled
