"""`manage.py doctor`, on the servers of the test run."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import OperationalError

from dashboard.system import checkup, readings
from marketdata import bus
from marketdata.telemetry import report_store
from marketdata.telemetry.reporting import Report, Reporter
from portfolios.audit import note_change
from portfolios.models import AuditEntry
from strategies.versions import registry

pytestmark = pytest.mark.django_db
NOBODY = "127.0.0.1:9"


@pytest.fixture(autouse=True)
def a_house_of_its_own(db, settings, tmp_path):
    settings.PADDOCK_DATA_DIR = tmp_path
    settings.KRAKEN_WS_URL, settings.KRAKEN_REST_URL = f"ws://{NOBODY}", f"http://{NOBODY}"
    bus.redis_client().flushall()
    bus.announce_market("simulated:7")
    note_change(by="test", kind="backup", subject="paddock-1.dump", action="made")
    for kind in ("feed", "worker", "web", "jobs", "beat"):
        report = Report(kind, "here:1", Reporter(kind).report().families)
        report_store.write_report(report.name, report.encoded)
    yield
    bus.redis_client().flushall()


def examined() -> tuple[int, dict[str, dict]]:
    out = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("doctor", "--json", stdout=out)
    report = json.loads(out.getvalue())
    assert report["ok"] == (end.value.code == 0)
    return end.value.code, {finding["check"]: finding for finding in report["findings"]}


def test_a_healthy_house_is_well_though_a_simulated_league_cannot_reach_the_exchange():
    code, found = examined()

    assert code == 0
    assert {name for name, finding in found.items() if finding["verdict"] != "ok"} == {
        "exchange socket",
        "exchange REST",
    }
    assert found["worker"]["detail"] == "1 running"
    assert all(finding["do"] for finding in found.values() if finding["verdict"] != "ok")


def test_a_league_without_a_backup_is_shown_how_to_make_one():
    AuditEntry.objects.all().delete()

    code, found = examined()

    assert (code, found["backup"]["verdict"]) == (0, "warn")
    assert found["backup"]["do"].startswith("run manage.py backup")


def test_a_league_on_the_real_market_needs_the_exchange():
    bus.announce_market("kraken")

    code, found = examined()

    assert code == 1
    assert found["exchange REST"]["verdict"] == "bad"
    assert NOBODY in found["exchange REST"]["detail"]


def test_what_does_not_run_is_bad_where_the_league_stands_still_without_it():
    report_store.forget_report("worker@here:1")
    report_store.forget_report("beat@here:1")

    code, found = examined()

    assert code == 1
    assert (found["worker"]["verdict"], found["beat"]["verdict"]) == ("bad", "warn")
    assert "manage.py run_worker" in found["worker"]["do"]


def test_without_a_database_every_check_still_says_what_it_can(monkeypatch):
    def away():
        raise OperationalError("connection refused")

    monkeypatch.setattr(readings, "database", away)

    code, found = examined()

    assert code == 1
    assert found["database"] == {
        "check": "database",
        "verdict": "bad",
        "detail": "connection refused",
        "do": "check that PostgreSQL runs and DATABASE_URL is correct",
    }
    assert found["redis"]["verdict"] == "ok"
    assert list(found)[-1] == "versions"


def test_a_data_folder_that_is_not_there_is_bad(settings, tmp_path):
    settings.PADDOCK_DATA_DIR = tmp_path / "nowhere"

    _, found = examined()

    assert found["data folder"]["verdict"] == "bad"
    assert "PADDOCK_DATA_DIR" in found["data folder"]["do"]


def test_a_strategy_that_does_not_load_is_named(settings, tmp_path):
    (tmp_path / "broken.py").write_text("STRATEGY_NAME = ")
    settings.STRATEGY_PATHS = [tmp_path]
    registry.rescan()

    found = [finding for finding in checkup.findings() if finding.check == "strategies"]
    registry.rescan()

    assert [finding.verdict.value for finding in found] == ["warn", "ok"]
    assert "broken.py" in found[0].detail


def test_people_read_a_line_for_each_finding():
    out = StringIO()

    with pytest.raises(SystemExit):
        call_command("doctor", stdout=out, no_color=True)

    lines = out.getvalue().splitlines()
    assert lines[0].startswith("ok    database        PostgreSQL ")
    assert any(line.strip().startswith("do: nothing while the league") for line in lines)
