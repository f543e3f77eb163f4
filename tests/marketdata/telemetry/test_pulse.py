"""A process's pulse: the times of a file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from marketdata.telemetry import pulse
from marketdata.telemetry.pulse import PulseFile


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PulseFile:
    file = PulseFile(tmp_path / "pulse" / "feed")
    monkeypatch.setenv(pulse.VARIABLE, str(file.path))
    monkeypatch.setattr(pulse, "_heart", pulse._Heart())
    return file


def test_a_process_that_has_just_been_started_has_no_pulse_yet(file: PulseFile) -> None:
    pulse.beat()

    file.begin()

    assert file.last() is None


def test_each_beat_is_another_one_and_says_how_much_longer_the_next_may_take(file: PulseFile) -> None:
    file.begin()
    pulse.beat()
    first = file.last()

    pulse.beat(900.0)

    last = file.last()
    assert first is not None
    assert last is not None
    assert first.allowed_s == 0.0
    assert last.allowed_s == pytest.approx(900.0)
    assert last.number > first.number


def test_beats_that_follow_at_once_cost_nothing(file: PulseFile) -> None:
    file.begin()
    pulse.beat()
    first = file.last()

    for _ in range(10):
        pulse.beat()

    assert file.last() == first


def test_a_process_without_a_watcher_or_a_folder_for_its_pulse_works_on(
    file: PulseFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulse.beat()

    monkeypatch.delenv(pulse.VARIABLE)
    pulse.beat()

    assert file.last() is None


def test_what_was_forked_from_a_process_does_not_beat_for_it(file: PulseFile) -> None:
    file.begin()
    code = (
        "import os\nfrom marketdata.telemetry import pulse\npulse.BEAT_EVERY_S = 0.0\npulse.beat()\n"
        f"before = os.stat({str(file.path)!r}).st_mtime_ns\n"
        "if os.fork() == 0:\n    pulse.beat(7.0)\n    os._exit(0)\nos.wait()\n"
        f"assert os.stat({str(file.path)!r}).st_mtime_ns == before\n"
    )

    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).resolve().parents[3], env=os.environ)
