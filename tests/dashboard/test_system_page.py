"""The system page and its API, as the servers of the test run tell them."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.db import OperationalError
from django.utils import timezone

from dashboard.panels import SYSTEM_PANELS
from dashboard.system import readings
from marketdata import bus
from marketdata.telemetry import report_store
from marketdata.telemetry.metrics import counter
from marketdata.telemetry.reporting import Report, Reporter
from portfolios.audit import note_change
from strategies.models import DeploymentStatus, Worker
from strategies.worker import leases
from tests.rows import MARKET, enter, open_season, run_feed
from tradingsite.celery import app
from tradingsite.jobs import JOBS

pytestmark = pytest.mark.django_db
LAG_MS = {"newest": 20.0, "p50": 15.0, "p99": 50.0, "is_high": False, "history": []}


@pytest.fixture(autouse=True)
def empty_redis():
    cache.clear()
    bus.redis_client().flushall()
    yield
    bus.redis_client().flushall()


def alive(*kinds: str) -> None:
    for kind in kinds:
        counted = Reporter(kind, lambda: [counter("paddock_jobs", "Jobs.", 1)]).report()
        report = Report(kind, "here:1", counted.families, {"paddock_worker_frame_seconds_sum": 0.25})
        report_store.write_report(report.name, report.encoded)


def working(name: str = "here-1-120000", *, silent_s: float = 0, deployments: int = 0) -> Worker:
    now = timezone.now()
    last_seen = now - timedelta(seconds=silent_s)
    return Worker.objects.create(
        name=name, started_at=now, heartbeat_at=last_seen, deployments=deployments, sequence=100 if deployments else 0
    )


def shown(client) -> str:
    answer = client.get("/system/")
    assert answer.status_code == 200
    return answer.content.decode()


def api_answer(client) -> dict:
    answer = client.get("/api/v1/system/")
    assert answer.status_code == 200
    return json.loads(answer.content)


def test_when_everything_runs_all_systems_are_ok(client):
    season = open_season()
    run_feed(lag_ms=LAG_MS)
    alive("feed", "worker", "web", "jobs", "beat")
    worker, row = working(deployments=1), enter(season, "alpha")
    leases.register_worker(worker.pk)
    leases.claim(row.pk)

    page = shown(client)
    run_feed(lag_ms=LAG_MS)  # again: a frame is news for two seconds
    api = api_answer(client)
    leases.release(row.pk)

    assert "All systems OK" in page
    assert "1 worker runs 1 deployment" in page
    assert (api["tone"], api["causes"], api["season"], api["market"]) == ("good", [], 1, MARKET)
    assert api["workers"][0]["slugs"] == ["alpha"]
    assert "25.0 %" in page
    figures = ("lag_ms", "behind_s", "busiest", "queued_jobs")
    assert {name: api["vitals"][name] for name in figures} == {
        "lag_ms": 20.0, "behind_s": 0.0, "busiest": 0.25, "queued_jobs": 0,
    }  # fmt: skip
    assert "20 ms" in page


def test_every_panel_is_there_and_what_is_not_known_is_a_dash(client):
    page = shown(client)

    assert [panel.name for panel in SYSTEM_PANELS if f'id="{panel.element_id}"' not in page] == []
    assert "System error" in page
    assert "No feed running" in page
    assert "No workers." in page
    assert "not running" in page
    assert "none yet" in page
    assert "No frames published yet" in page
    assert "<dt>Season</dt><dd>none" in page
    assert "manage.py backup" in page


def test_the_last_backup_is_shown_with_its_age(client):
    note_change(by="test", kind="backup", subject="paddock-1.dump", action="made")

    page, api = shown(client), api_answer(client)

    assert api["backup"]["name"] == "paddock-1.dump"
    assert "paddock-1.dump" in page
    assert "<dt>Last backup</dt><dd>none" not in page


def test_a_silent_worker_is_named_with_its_last_heartbeat_and_the_deployments_not_processed(client):
    season = open_season()
    run_feed()
    alive("feed", "worker", "jobs", "beat")
    enter(season, "alpha")
    enter(season, "bravo", status=DeploymentStatus.DISABLED)
    gone = working("here-9-020000", silent_s=400, deployments=1)

    page, api = shown(client), api_answer(client)

    assert "No heartbeat from the only worker" in page
    assert "1 deployment not being processed" in page
    assert f'no heartbeat since <time datetime="{gone.heartbeat_at.astimezone(UTC).isoformat()[:19]}' in page
    assert [cause["code"] for cause in api["causes"]] == ["silent-workers"]
    assert api["deployments_unheld"] == ["alpha"]


def test_a_job_leaves_word_of_its_last_run_and_a_late_one_is_overdue(client):
    alive("jobs", "beat")
    long_ago = (datetime.now(UTC) - timedelta(hours=3)).isoformat()
    report_store.note_run("portfolios.thin_equity_points", {"at": long_ago, "seconds": 1.25, "outcome": "failed"})

    page, api = shown(client), api_answer(client)

    assert "overdue" in page
    assert "1.25 s" in page
    (thin,) = [job for job in api["schedule"] if job["task"] == "portfolios.thin_equity_points"]
    assert (thin["last"]["outcome"], thin["is_overdue"]) == ("failed", True)
    assert "job-failed" in [cause["code"] for cause in api["causes"]]


def test_a_job_that_fails_is_counted_and_its_error_is_celerys_to_report():
    @app.task(name="test.stuck")
    def stuck():
        raise LookupError("nothing to thin")

    result = stuck.apply()
    app.tasks.unregister("test.stuck")

    assert isinstance(result.result, LookupError)
    assert JOBS.runs[("test.stuck", "failed")] == 1
    assert report_store.last_runs()["test.stuck"]["outcome"] == "failed"


def test_queued_jobs_and_streams_are_shown(client):
    bus.redis_client().rpush("celery", *map(str, range(7)))
    newest = int(time.time() * 10)
    for sequence in (newest - 600, newest):
        bus.redis_client().xadd(f"paddock:frames:{MARKET}", {"f": b""}, id=f"{sequence}-0")

    api = api_answer(client)

    assert api["queues"] == {"celery": 7, "notifications": 0}
    (stream,) = api["redis"]["streams"]
    assert (stream["market"], stream["frames"], stream["reaches_back_s"]) == (MARKET, 2, 60)
    assert stream["newest_age_s"] < 30


def test_without_a_database_the_page_says_so_and_shows_the_rest(client, monkeypatch):
    def away():
        raise OperationalError("connection refused")

    monkeypatch.setattr(readings, "database", away)

    page, api = shown(client), api_answer(client)

    assert "The database does not answer: nothing is saved, and workers stop." in page
    assert "manage.py doctor" in page
    assert (api["database"], api["workers"], api["deployments_due"]) == (None, None, None)
    assert api["redis"]["clients"] > 0


def test_without_redis_the_page_says_so_and_shows_the_rest(client, settings, tmp_path):
    settings.REDIS_URL = f"unix://{tmp_path}/nobody.sock"
    bus.redis_client.cache_clear()

    page, api = shown(client), api_answer(client)
    bus.redis_client.cache_clear()

    assert "Redis does not answer" in page
    assert (api["redis"], api["processes"], api["queues"]) == (None, None, None)
    assert api["database"]["bytes"] > 0
    settings.REDIS_URL = ""


def test_the_pages_of_a_closed_site_need_a_login(client, settings):
    settings.PADDOCK_PUBLIC_PAGES = False

    assert client.get("/api/v1/system/").status_code in (401, 403)


def test_the_page_takes_few_queries(client, django_assert_max_num_queries):
    season = open_season()
    for number in range(20):
        enter(season, f"d{number}")

    with django_assert_max_num_queries(14):
        client.get("/system/")


def test_every_page_links_to_the_system(client):
    assert 'id="nav-system" href="/system/"' in shown(client)
