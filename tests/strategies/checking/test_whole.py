"""What a strategy is rehearsed on: the requested recording, else the newest that serves, else a simulation."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketdata.framing.records import Kind, Record
from marketdata.recording.files import InvalidRecording
from strategies.checking.findings import Finding, Mark, Report
from strategies.checking.whole import Wanted, checked
from strategies.versions.registry import LIBRARY
from tests.marketdata.recorded import captured_day, fresh_listener, write_file
from tests.marketdata.wire import CAPTURE_2026

EAGER = LIBRARY / "random_trader"
SLOW = """
from trading.signals import NoSignal
STRATEGY_NAME, STRATEGY_VERSION, SYMBOLS, WARMUP = "slow", "1.0.0", ["BTC/USD"], {"1h": 50}
def generate_signal(data, config, state):
    return NoSignal("waits")
"""


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root, day = tmp_path_factory.mktemp("recordings"), captured_day()
    memory = Record(Kind.MEMORY, day[0].time_ns, fresh_listener().memory())
    write_file(root / "simulated-1" / "20260707-1200.paddock", [memory, *day])
    return root


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    (tmp_path / "slow.py").write_text(SLOW)
    return tmp_path / "slow.py"


def run_of(report: Report) -> Finding:
    return next(finding for finding in report.findings if finding.check == "run")


def test_the_newest_recording_of_the_feed_is_taken(recordings):
    report = checked(EAGER, Wanted(minutes=1, recordings=recordings))

    assert report.figures["source"] == "1 min of 20260707-1200.paddock"
    assert report.figures["evaluations"] > 100
    assert not report.is_broken


def test_a_recording_on_which_it_is_never_evaluated_gives_way_to_the_simulated_market(recordings, slow):
    report = checked(slow, Wanted(minutes=1, recordings=recordings))

    assert report.figures["source"] == "1 min of the simulated market with BTC/USD"
    assert report.figures["evaluations"] == 600
    assert "it was never evaluated there, mostly for warming_up" in run_of(report).lines[0]


def test_a_damaged_newest_recording_is_passed_over_and_named(tmp_path, slow):
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / "20260708.paddock").write_bytes(b"no recording at all, but long enough to look like one")

    report = checked(slow, Wanted(minutes=1, recordings=tmp_path / "recordings"))

    assert report.figures["source"].endswith("the simulated market with BTC/USD")
    assert run_of(report).lines[0].startswith("not rehearsed on 1 min of 20260708.paddock: ")


def test_a_requested_recording_is_the_only_one(slow):
    report = checked(slow, Wanted(minutes=1, recording=CAPTURE_2026))

    assert report.figures["source"] == f"1 min of {CAPTURE_2026.name}"
    assert (run_of(report).mark, report.figures["evaluations"]) == (Mark.WARNING, 0)
    assert "it was never evaluated" in run_of(report).lines[-1]


def test_a_requested_recording_that_cannot_be_read_is_an_error(tmp_path, slow):
    (tmp_path / "bad.ndjson").write_text("nonsense\n")

    with pytest.raises(InvalidRecording, match="line 1"):
        checked(slow, Wanted(minutes=1, recording=tmp_path / "bad.ndjson"))


@pytest.mark.parametrize("path", [p for p in sorted(LIBRARY.iterdir()) if not p.name.startswith("_") and p.is_dir()])
def test_every_strategy_of_the_library_keeps_the_contract(path):
    report = checked(path, Wanted(minutes=1))

    assert [finding for finding in report.findings if finding.mark is Mark.BROKEN] == []
