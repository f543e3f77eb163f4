from collections import Counter

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from dashboard.system import readings
from marketdata import bus
from marketdata.telemetry import report_store
from marketdata.telemetry.metrics import Histogram, counter, histogram
from marketdata.telemetry.reporting import Report, Reporter
from tests.rows import MARKET
from tradingsite.access.tokens import make_token
from tradingsite.models import Scope
from tradingsite.web_metrics import WebTally

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def empty_redis():
    bus.redis_client().flushall()
    yield
    bus.redis_client().flushall()


def report_of(process: str, instance: str, *metrics) -> None:
    report = Reporter(process, lambda: metrics).report()
    report = Report(process, instance, report.families)
    report_store.write_report(report.name, report.encoded)


def scraped(client) -> dict:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    text = answer.content.decode()
    heads = Counter(line.split()[2] for line in text.splitlines() if line.startswith("# TYPE"))
    assert [name for name, times in heads.items() if times > 1] == []
    return {family.name: family for family in read_text(text)}


def test_two_processes_and_the_servers_are_read_back_by_prometheus_own_parser(client):
    took = Histogram((0.1, 1.0))
    took.observe(0.5)
    for instance in ("here:1", "there:2"):
        report_of(
            "worker",
            instance,
            counter("paddock_worker_frames", "Frames.", 7),
            histogram("paddock_worker_write_seconds", "Writes.", {('odd "name"\n',): took}, ["strategy"]),
        )

    families = scraped(client)

    frames = families["paddock_worker_frames"]
    assert (frames.type, [sample.value for sample in frames.samples]) == ("counter", [7, 7])
    assert {sample.name for sample in frames.samples} == {"paddock_worker_frames_total"}
    assert {sample.labels["instance"] for sample in frames.samples} == {"here:1", "there:2"}
    writes = families["paddock_worker_write_seconds"]
    assert writes.type == "histogram"
    assert {sample.labels["strategy"] for sample in writes.samples} == {'odd "name"\n'}
    buckets = [s for s in writes.samples if s.name.endswith("_bucket") and s.labels["instance"] == "here:1"]
    assert [(sample.labels["le"], sample.value) for sample in buckets] == [("0.1", 0), ("1.0", 1), ("+Inf", 1)]
    assert families["paddock_database_size_bytes"].samples[0].value > 1_000_000
    assert families["paddock_disk_free_bytes"].samples[0].value > 0
    assert families["paddock_redis_clients"].samples[0].value >= 1
    assert [s.value for s in families["paddock_up"].samples] == [1, 1]


def test_a_scraper_that_prefers_openmetrics_gets_it(client):
    report_of("worker", "here:1", counter("paddock_worker_frames", "Frames.", 7))

    answer = client.get("/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"})

    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    names = [family.name for family in read_openmetrics(answer.content.decode())]
    assert "paddock_worker_frames" in names


def test_streams_and_queues_are_shown(client):
    bus.redis_client().xadd(f"paddock:frames:{MARKET}", {"f": b""}, id="17-0")
    bus.redis_client().rpush("celery", "a job", "another")
    report_store.note_run("portfolios.thin", {"at": "2026-07-07T12:00:00+00:00", "seconds": 0.1, "outcome": "done"})

    families = scraped(client)

    assert families["paddock_stream_frames"].samples[0].labels == {"market": MARKET}
    queues = {sample.labels["queue"]: sample.value for sample in families["paddock_job_queue_length"].samples}
    assert queues == {"celery": 2, "notifications": 0}
    assert families["paddock_job_last_run_timestamp_seconds"].samples[0].value == 1_783_425_600


def test_who_may_not_read_the_pages_needs_a_token(client, settings):
    settings.PADDOCK_PUBLIC_PAGES = False
    user = get_user_model().objects.create_user("prometheus")
    _, secret = make_token(user=user, name="scraper", scopes=[Scope.READ], by="test")

    refused = client.get("/metrics", headers={"Accept": "text/plain"})
    let_in = client.get("/metrics", headers={"Authorization": f"Bearer {secret}"})

    assert refused.status_code in (401, 403)
    assert (let_in.status_code, b"paddock_up" in let_in.content) == (200, True)


def test_a_token_that_may_not_read_is_refused_even_where_pages_are_public(client):
    user = get_user_model().objects.create_user("prometheus")
    _, secret = make_token(user=user, name="trader", scopes=[Scope.TRADE], by="test")

    refused = client.get("/metrics", headers={"Authorization": f"Bearer {secret}"})

    assert refused.status_code == 403
    assert refused.json()["detail"] == "the token lacks the scope read"


def test_without_a_database_the_rest_is_shown(client, monkeypatch):
    def away():
        raise OperationalError("connection refused")

    monkeypatch.setattr(readings, "database", away)

    families = scraped(client)

    up = {sample.labels["server"]: sample.value for sample in families["paddock_up"].samples}
    assert up == {"database": 0, "redis": 1}
    assert "paddock_database_size_bytes" not in families


def test_requests_are_counted_by_route_so_that_no_address_makes_a_label_of_its_own(client):
    tally = WebTally()

    for path in range(1_000):
        tally.note_request("unmatched", f"BREW{path}", 404, 0.01)

    assert dict(tally.requests) == {("unmatched", "other", "404"): 1_000}
