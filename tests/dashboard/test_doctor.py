"""`manage.py doctor`, on the servers of the test run."""

from __future__ import annotations

import errno
import json
import os
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import OperationalError

from dashboard.system import checkup, machine_checks, readings
from marketdata import bus
from marketdata.telemetry import report_store
from marketdata.telemetry.reporting import Report, Reporter
from portfolios.audit import note_change
from portfolios.models import AuditEntry
from strategies.versions import registry

pytestmark = pytest.mark.django_db
NOBODY = "127.0.0.1:9"


@pytest.fixture(autouse=True)
def a_house_of_its_own(db, settings, tmp_path, monkeypatch):
    for name in machine_checks.proxies():
        monkeypatch.delenv(name)
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


def test_a_simulated_league_is_wholly_well_without_an_exchange():
    code, found = examined()

    assert code == 0
    assert {name for name, finding in found.items() if finding["verdict"] != "ok"} == set()
    assert found["exchange"]["detail"] == "not needed: the league runs on simulated:7"
    assert found["worker"]["detail"] == "1 running"


@pytest.fixture
def set_up_redis():
    """Set Redis's configuration for a test."""
    client = bus.redis_client()
    before = {name: client.config_get(name)[name] for name in ("maxmemory", "maxmemory-policy")}

    def change(**settings):
        for name, value in settings.items():
            client.config_set(name.replace("_", "-"), value)

    yield change
    change(**before)


def test_a_redis_that_evicts_is_bad_once_it_has_lost_a_key(set_up_redis):
    client = bus.redis_client()
    client.config_resetstat()
    used = client.info("memory")["used_memory"]
    set_up_redis(maxmemory=used + 3_000_000, maxmemory_policy="allkeys-lru")
    _, before = examined()
    for number in range(60):
        client.set(f"heavy-{number}", bytes(100_000))

    code, after = examined()

    set_up_redis(maxmemory="0")
    client.config_resetstat()
    assert before["redis keeping"]["verdict"] == "warn"
    assert before["redis keeping"]["detail"].startswith("maxmemory-policy is allkeys-lru")
    assert (code, after["redis keeping"]["verdict"]) == (1, "bad")
    assert "keys were evicted" in after["redis keeping"]["detail"]
    assert after["redis keeping"]["do"] == "raise maxmemory, and set maxmemory-policy to noeviction"


def test_a_redis_that_is_full_refuses_and_is_not_said_to_be_away(set_up_redis):
    set_up_redis(maxmemory="1", maxmemory_policy="noeviction")

    code, found = examined()

    assert (code, found["redis"]["verdict"]) == (1, "ok")
    assert found["redis writing"]["detail"].startswith("refused: ")
    assert found["redis writing"]["do"].startswith("raise its maxmemory")


def test_a_clock_that_is_wrong_is_named_as_the_feed_s(monkeypatch):
    monkeypatch.setattr(readings, "clock_ahead_of_exchange_s", lambda _: -7.5)

    code, found = examined()

    assert (code, found["clock"]["verdict"], found["clock of feed"]["verdict"]) == (1, "ok", "bad")
    assert found["clock of feed"]["detail"] == "the feed's clock is -7.50 s against the exchange"


def test_a_feed_that_has_measured_no_clock_is_not_judged():
    assert readings.clock_ahead_of_exchange_s(None) is None
    assert readings.clock_ahead_of_exchange_s({"source": "kraken"}) is None


@pytest.mark.parametrize("name", ["https_proxy", "HTTP_PROXY", "all_proxy"])
def test_a_proxy_that_cannot_be_reached_is_named_by_its_variable_and_its_password_is_not(name, monkeypatch):
    monkeypatch.setenv(name, f"http://ann:secret@{NOBODY}")
    bus.announce_market("kraken")

    code, found = examined()

    assert (code, found["proxy"]["verdict"]) == (1, "bad")
    assert found["proxy"]["detail"] == f"{name} names {NOBODY}, which cannot be reached (Connection refused)"
    assert name in found["exchange REST"]["do"]


def test_a_disk_without_room_for_files_is_bad_though_it_has_bytes(monkeypatch):
    monkeypatch.setattr(readings, "disk", lambda: readings.Disk("/data", 50 * 10**9, 100 * 10**9, 12))

    code, found = examined()

    assert (code, found["disk"]["detail"]) == (1, "room for 12 more files")
    assert "inodes" in found["disk"]["do"]


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "no space left"), (errno.EACCES, "not allowed"), (errno.EROFS, "the disk is read-only")],
)
def test_a_data_folder_that_takes_nothing_says_whether_it_is_full_or_forbidden(number, words, monkeypatch):
    def refused(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(machine_checks.tempfile, "TemporaryFile", refused)

    code, found = examined()

    assert (code, found["data folder"]["verdict"], found["data folder"]["detail"]) == (1, "bad", words)


def test_a_data_folder_that_is_too_slow_is_a_warning(monkeypatch):
    monkeypatch.setattr(machine_checks, "SLOW_DISK_S", 0.0)

    code, found = examined()

    assert (code, found["data folder"]["verdict"]) == (0, "warn")
    assert "is too slow: 1 MB took" in found["data folder"]["detail"]


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
    assert any(line.startswith("ok    exchange        not needed: the league") for line in lines)
