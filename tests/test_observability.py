"""The real processes, watched: metrics of all of them at one address, JSON log lines, spans."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from marketdata import bus
from marketdata.telemetry.reporting import instance_of, living_reports
from strategies.league.files import load_league
from strategies.versions import registry
from tests.leagues import restless_league
from tests.otlp import Collector, attributes, collecting
from tests.processes import free_port, running, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
TALKER = """
import logging

STRATEGY_NAME, STRATEGY_VERSION, SYMBOLS = "talker", "1", ["BTC/USD"]


def generate_signal(data, config, state):
    if not state.get("has_spoken"):
        state["has_spoken"] = True
        logging.getLogger("talker").warning("hello from inside")
"""
CELERY = ("-m", "celery", "-A", "tradingsite", "--quiet")
ALL_KINDS = {"feed", "worker", "warden", "web", "jobs", "beat"}


@pytest.fixture(autouse=True)
def league(transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    bus.redis_client().flushall()
    load_league(restless_league(), by="test")
    monkeypatch.setenv("PADDOCK_LOG_JSON", "1")
    yield
    bus.redis_client().flushall()


def fetched(url: str, **headers: str) -> tuple[str, dict[str, str]]:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
        return answer.read().decode(), dict(answer.headers)


def answers(url: str) -> bool:
    try:
        fetched(url)
    except OSError:
        return False
    return True


class House:
    """Everything at work, each with a log of its own."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.run(stack, "feed", "manage.py", "run_feed", "--source", "simulated", "--seed", "5", "--no-record")
        self.run(stack, "worker", "manage.py", "run_worker")
        self.run(stack, "web", "-m", "daphne", "-b", "127.0.0.1", "-p", str(self.port), "tradingsite.asgi:application")
        self.run(stack, "jobs", *CELERY, "worker", "--pool", "solo", "--loglevel", "INFO")
        self.run(stack, "beat", *CELERY, "beat", "--schedule", str(folder / "beat"), "--pidfile", "")
        wait_until(lambda: answers(f"{self.url}/healthz"), "the site", self.log("web"))
        wait_until(lambda: self.kinds() == ALL_KINDS, "reports of all processes", self.log("jobs"))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, stack: ExitStack, name: str, *command: str) -> None:
        self.log(name).touch()
        stack.enter_context(running(*command, log=self.log(name)))

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def kinds(self) -> set[str]:
        """Return what reports; the site in the test's own process, which other tests speak to, is not of the house."""
        return {report.process for report in living_reports() if report.instance != instance_of()}

    def lines(self, name: str) -> list[dict]:
        """Return what a process has logged; every line is JSON."""
        return [json.loads(line) for line in self.log(name).read_text().splitlines() if line.startswith("{")]

    def sample(self, name: str, **labels: str) -> float:
        families = text_string_to_metric_families(fetched(f"{self.url}/metrics")[0])
        samples = [sample for family in families for sample in family.samples if sample.name == name]
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())


def test_every_process_is_measured_at_one_address_and_logs_in_json_what_it_is_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: object
) -> None:
    (tmp_path / "mine").mkdir()
    settings.STRATEGY_PATHS = [tmp_path / "mine"]
    registry.rescan()
    (tmp_path / "mine" / "talker.py").write_text(TALKER)
    monkeypatch.setenv("STRATEGY_PATHS", str(tmp_path / "mine"))
    with ExitStack() as stack:
        house = House(stack, tmp_path)
        wait_until(lambda: house.sample("paddock_worker_fills_total") > 0, "a fill in the metrics", house.log("worker"))
        fetched(f"{house.url}/", **{"X-Request-Id": "walk-in-0001"})
        asked, _ = fetched(f"{house.url}/api/v1/system/")
        enqueue(house)
        job = "marketdata.remove_old_feed_events"
        wait_until(lambda: house.sample("paddock_jobs_total", task=job, outcome="done") > 0, "a job in the metrics")

        assert house.sample("paddock_feed_messages_total", channel="book") > 0
        assert house.sample("paddock_feed_checksums_total", result="ok") > 0
        assert house.sample("paddock_feed_checksums_total", result="failed") == 0
        assert house.sample("paddock_feed_lag_seconds_count") > 0
        assert house.sample("paddock_feed_publish_seconds_count") > 0
        assert house.sample("paddock_worker_frames_total") > 0
        assert house.sample("paddock_worker_orders_total") >= house.sample("paddock_worker_fills_total") > 0
        assert house.sample("paddock_worker_evaluation_seconds_count", strategy="random_trader") > 0
        assert house.sample("paddock_warden_lives_total") == 1
        assert house.sample("paddock_web_requests_total", route="healthz", status="200") > 0
        assert house.sample("paddock_up", server="database") == 1
        for kind in ALL_KINDS:
            assert house.sample("process_resident_memory_bytes", process=kind) > 10_000_000, kind
        assert {process["kind"] for process in json.loads(asked)["processes"]} == ALL_KINDS

        wait_until(lambda: removals(house), "the job's own line", house.log("jobs"))
        (line,) = removals(house)
        assert line["task"] == job
        assert len(line["task_id"]) == 36
        talker = spoken_by_talker(house)
        assert (talker["deployment"], talker["level"]) == ("talker", "warning")
        assert talker["frame"] > 17_000_000_000
        taken_on = [line for line in house.lines("worker") if line["event"].startswith("takes a deployment on")]
        assert {"talker", "random-0"} <= {line["deployment"] for line in taken_on}

    wait_until(lambda: house.kinds() == set(), "everybody to have said good-bye")


def removals(house: House) -> list[dict]:
    """Return what the job that removes old feed events has said."""
    return [line for line in house.lines("jobs") if line["event"].startswith("removed")]


def enqueue(house: House) -> None:
    """Queue a job that has something to say."""
    from datetime import UTC, datetime

    from marketdata.models import FeedEvent
    from tradingsite.celery import app

    for year in (2020, 2026):  # old is what is old beside the market's newest
        FeedEvent.objects.create(market="kraken", time=datetime(year, 1, 1, tzinfo=UTC), kind="gap", detail="a gap")
    app.send_task("marketdata.remove_old_feed_events")


def spoken_by_talker(house: House) -> dict:
    """Enter a strategy that logs in its own code, and return its line."""
    from portfolios.selectors import current_season
    from strategies.deployments.services import create_deployment

    assert current_season() is not None
    create_deployment(by="test", slug="talker", name="Talker", strategy="talker", symbols=["BTC/USD"])
    wait_until(
        lambda: any(line["event"] == "hello from inside" for line in house.lines("worker")),
        "the strategy's line",
        house.log("worker"),
    )
    return next(line for line in house.lines("worker") if line["event"] == "hello from inside")


def test_a_frame_is_followed_from_the_feed_through_the_worker_to_its_announcement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "500")
        with ExitStack() as stack:
            house = House(stack, tmp_path)
            fetched(f"{house.url}/", **{"X-Request-Id": "walk-in-0002"})
            enqueue(house)
            wait_until(lambda: are_complete(collector), "spans of all processes", house.log("worker"))

        frames = {(span.trace_id, span.span_id): span for span in collector.spans("paddock-feed", "frame")}
        worked = collector.spans("paddock-worker", "work")
        linked = [frames[link.trace_id, link.span_id] for span in worked for link in span.links
                  if (link.trace_id, link.span_id) in frames]  # fmt: skip
        assert attributes(linked[0])["market"] == "simulated:5"
        announced = collector.spans("paddock-worker", "announce")
        written = {span.span_id: span for span in collector.spans("paddock-worker", "write")}
        assert all(span.parent_span_id in written for span in announced)
        assert any(written[span.parent_span_id].links for span in announced)
        request = collector.spans("paddock-web", "GET league")[-1]
        assert attributes(request)["request_id"] == "walk-in-0002"
        assert collector.spans("paddock-jobs", "job marketdata.remove_old_feed_events")
        assert attributes(collector.spans("paddock-feed", "REST OHLC")[0])["interval"] == 1


def are_complete(collector: Collector) -> bool:
    wanted = {"paddock-feed": ["frame", "REST OHLC"], "paddock-worker": ["work", "write", "announce"]}
    wanted |= {"paddock-web": ["GET league"], "paddock-jobs": ["job marketdata"]}
    return all(collector.spans(service, name) for service, names in wanted.items() for name in names)


BEGIN = (
    "import sys; from marketdata.telemetry import tracing; tracing.begin('feed'); print(tracing.is_on(), *sys.modules)"
)


def begun(log: Path) -> list[str]:
    """Begin to trace in a process of its own; return what it said."""
    log.touch()
    with running("manage.py", "shell", "--no-imports", "--command", BEGIN, log=log) as process:
        process.wait(60)
    return log.read_text().splitlines()


def test_without_the_packages_a_line_says_what_to_install_and_the_process_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "opentelemetry").mkdir()
    (tmp_path / "opentelemetry" / "__init__.py").touch()  # stands before the real one, and holds nothing
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")

    error, last = begun(tmp_path / "log")

    assert json.loads(error)["event"] == (
        "OTEL_EXPORTER_OTLP_ENDPOINT is set, but opentelemetry.exporter is not installed: nothing is traced; "
        "pip install -r requirements/tracing.txt"
    )
    assert last.startswith("False ")


def test_unless_it_is_asked_for_nothing_that_traces_is_imported(tmp_path: Path) -> None:
    (said,) = begun(tmp_path / "log")

    assert said.startswith("False ")
    assert "opentelemetry.exporter" not in said
    assert "opentelemetry.sdk.trace" not in said
