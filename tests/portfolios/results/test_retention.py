from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from portfolios.models import Account, EquityPoint, Season
from portfolios.results.retention import thin_equity_points
from portfolios.tasks import thin_equity_points_job
from tradingsite.celery import app

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 7, 8, 12, tzinfo=UTC)


@pytest.fixture
def account() -> Account:
    season = Season.objects.create(number=1, name="test", market="kraken")
    return Account.objects.create(season=season, slug="a", cash=100, fee_schedule="kraken-spot-2026-07")


def add_points(account: Account, first: datetime, count: int, every: timedelta) -> None:
    EquityPoint.objects.bulk_create(
        EquityPoint(account=account, time=first + n * every, equity=100 + n, mid_equity=100) for n in range(count)
    )


def test_young_points_are_all_kept(account: Account) -> None:
    add_points(account, NOW - timedelta(hours=1), 700, timedelta(seconds=5))

    assert thin_equity_points(NOW) == 0


def test_old_points_are_thinned_to_the_last_of_each_stretch(account: Account) -> None:
    add_points(account, NOW - timedelta(days=1), 120, timedelta(seconds=5))

    assert thin_equity_points(NOW) == 110
    times = list(EquityPoint.objects.order_by("time").values_list("time", flat=True))
    assert [t.second for t in times] == [55] * 10
    assert thin_equity_points(NOW) == 0


def test_the_job_is_on_the_schedule_under_the_name_it_has() -> None:
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}

    assert thin_equity_points_job.name in scheduled
