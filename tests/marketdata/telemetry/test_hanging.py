"""When a process counts as hung: with a patience of a minute, looked at once a second."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from marketdata.telemetry.hanging import Patience, Silence, Vitals, servers_answer, silence_s, vitals_of
from marketdata.telemetry.pulse import Beat
from tests.processes import wait_until

PATIENCE = Patience.of(60.0)  # 10 s stopped, 60 s idle, 300 s busy, 180 s before the first sign of life
BEATEN = Beat(1, 0.0)
SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


class Watched:
    """A process under watch; time passes for it in seconds."""

    def __init__(self, patience: Patience = PATIENCE, beat: Beat | None = BEATEN) -> None:
        self.silence = Silence(patience)
        self.beat = beat
        self.now_s = self.wanted_s = 0.0
        self.look()

    def look(self, *, stopped: bool = False, wanted_s: float | None = 0.0) -> str:
        vitals = Vitals(stopped, None if wanted_s is None else self.wanted_s)
        return self.silence.look(self.beat, vitals, now_s=self.now_s)

    def passes(self, seconds: int, *, busy: float = 0.0, stopped: bool = False, known: bool = True) -> int | None:
        """Let time pass; return after how many seconds the process counted as hung, None if it did not."""
        for second in range(1, seconds + 1):
            self.now_s += 1.0
            self.wanted_s += busy
            if self.look(stopped=stopped, wanted_s=0.0 if known else None):
                return second
        return None


def test_a_process_that_does_nothing_for_a_minute_hangs() -> None:
    assert Watched().passes(100) == 60


def test_a_slow_process_that_works_is_left_alone_for_five_minutes() -> None:
    assert Watched().passes(1_000, busy=0.1) == 300


def test_where_the_kernel_does_not_say_whether_it_works_it_is_given_as_long() -> None:
    assert Watched().passes(1_000, known=False) == 300


def test_a_process_that_a_signal_has_stopped_hangs_after_ten_seconds() -> None:
    assert Watched().passes(100, stopped=True) == 10


def test_a_process_that_begins_has_three_minutes_to_show_its_first_sign_of_life() -> None:
    assert Watched(beat=None).passes(1_000) == 180
    assert Watched(Patience.with_a_server(60.0), beat=None).passes(1_000, busy=1.0) == 300


def test_a_server_that_answers_nobody_hangs_after_half_a_minute_whatever_it_does() -> None:
    assert Watched(Patience.with_a_server(60.0)).passes(100, busy=1.0) == 30


def test_each_sign_of_life_begins_a_new_minute() -> None:
    watched = Watched()
    for count in range(10):
        watched.beat = Beat(count, 0.0)
        assert watched.passes(59) is None


def test_a_long_job_is_waited_for_as_long_as_it_was_announced() -> None:
    assert Watched(beat=Beat(1, 900.0)).passes(2_000) == 960


def test_after_a_laptop_slept_everybody_begins_anew() -> None:
    watched = Watched()
    assert watched.passes(59) is None

    watched.now_s += 3_600.0

    assert watched.look() == ""
    assert watched.passes(100) == 60


def test_a_watcher_that_is_slow_itself_counts_less_time_than_has_passed() -> None:
    watched = Watched()

    for _ in range(10):
        watched.now_s += 8.0
        assert watched.look() == ""


def test_what_is_wrong_is_a_clause_with_the_seconds() -> None:
    idle, busy, stopped = Watched(), Watched(), Watched()
    for watched, how in ((idle, {}), (busy, {"busy": 1.0}), (stopped, {"stopped": True})):
        watched.passes(1_000, **how)  # type: ignore[arg-type]  # of three kinds

    assert idle.look() == "has shown no sign of life for 60 s and does nothing"
    assert busy.look().endswith("for 300 s though it is busy")
    assert stopped.look(stopped=True) == "has been stopped by a signal for 10 s"


def test_the_kernel_says_who_is_stopped_and_who_has_worked() -> None:
    with subprocess.Popen(SLEEPER) as process:
        before = vitals_of(process.pid)
        process.send_signal(signal.SIGSTOP)
        wait_until(lambda: vitals_of(process.pid).is_stopped, "a process that is stopped")
        process.kill()

    assert not before.is_stopped
    assert vitals_of(2**30) == Vitals(is_stopped=False, wanted_s=None)
    ours = vitals_of(os.getpid()).wanted_s
    assert ours is not None
    assert ours > 0


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "90000"])
def test_a_patience_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"PADDOCK_SILENCE_S is .*: expected seconds, from 0"):
        silence_s({"PADDOCK_SILENCE_S": text})


def test_the_servers_of_the_test_run_answer() -> None:
    assert servers_answer()


@contextlib.contextmanager
def mute(folder: Path) -> Iterator[Path]:
    """Yield a socket that takes connections and says nothing, as a stopped server does."""
    path = folder / ".s.PGSQL.5432"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        yield path


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_a_server_that_is_stopped_or_gone_does_not_answer(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marketdata.telemetry.hanging.ANSWER_WITHIN_S", 0.1)
    url = f"postgresql:///x?host={tmp_path}" if name == "DATABASE_URL" else f"unix://{tmp_path}/.s.PGSQL.5432?db=0"

    with mute(tmp_path):
        assert not servers_answer({name: url})
    assert not servers_answer({name: url})
