"""The warden with workers of a line or two, in processes of their own."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT, wait_until

BEGIN = """
import ctypes, os, signal, sys, time
from strategies.warden import search, warden
from marketdata.telemetry.hanging import Patience
from strategies.warden.watchdog import Limits
warden.FIRST_DELAY_S = search.LEAST_TRIAL_S = 0.01
quarantined = []
def quarantine(deployment_id, sentence, detail):
    quarantined.append(deployment_id)
    print("quarantined", deployment_id, sentence, flush=True)
def work(box):
    print("life", os.getpid(), flush=True)
    box.begin(10)
"""
END = """
os._exit(warden.Warden(Limits(budget_s=0.1, hang_s=0.3, memory_bytes=10**9), work, quarantine, Patience(
    stopped_s=0.5, idle_s=1.5, busy_s=60, start_s=60)).run())
"""


def start(life: str, log: Path) -> subprocess.Popen[bytes]:
    script = BEGIN + "".join(f"    {line}\n" for line in life.splitlines()) + END
    with log.open("wb") as output:
        return subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def lives(log: Path) -> list[int]:
    return [int(line.split()[1]) for line in log.read_text().splitlines() if line.startswith("life")]


def test_a_worker_that_leaves_on_purpose_ends_the_warden_in_peace(log: Path) -> None:
    warden = start("pass", log)

    assert warden.wait(20) == 0
    assert len(lives(log)) == 1


def test_a_worker_that_keeps_dying_with_nobody_to_blame_is_given_up_loudly(log: Path) -> None:
    warden = start("os._exit(3)", log)

    assert warden.wait(20) == 1
    assert len(lives(log)) == 5
    assert "the worker died 5 times in a row, and no deployment is to blame: giving up" in log.read_text()


def test_deaths_with_somebody_to_blame_do_not_count_towards_giving_up(log: Path) -> None:
    warden = start("box.enter(7)\nctypes.string_at(0)", log)
    wait_until(lambda: log.exists() and len(lives(log)) > 8, "many lives", log)
    warden.send_signal(signal.SIGTERM)

    assert warden.wait(20) == 0
    assert "quarantined 7 crashed its worker (SIGSEGV, in native code)" in log.read_text()


def test_a_worker_that_is_full_is_ended_and_who_filled_it_is_quarantined(log: Path) -> None:
    warden = start("if quarantined: return\nbox.note_greedy(7, 5 * 10**8)\nbox.request_end()\ntime.sleep(600)", log)

    assert warden.wait(20) == 0
    assert "quarantined 7 took 477 MB of memory; its whole worker may hold 954 MB" in log.read_text()


def test_a_request_to_stop_reaches_the_worker(log: Path) -> None:
    warden = start(
        "signal.signal(signal.SIGTERM, lambda *_: print('stopping', flush=True))\n"
        "print('ready', flush=True)\nsignal.pause()",
        log,
    )
    wait_until(lambda: log.exists() and "ready" in log.read_text(), "a worker", log)
    warden.send_signal(signal.SIGINT)

    assert warden.wait(20) == 0
    assert log.read_text().splitlines()[-1] == "stopping"


def test_a_worker_that_hangs_is_ended_also_while_the_warden_stops(log: Path) -> None:
    warden = start(
        "signal.signal(signal.SIGUSR1, signal.SIG_IGN)\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "box.enter(7)\nprint('ready', flush=True)\ntime.sleep(600)",
        log,
    )
    wait_until(lambda: log.exists() and "ready" in log.read_text(), "a worker", log)
    warden.send_signal(signal.SIGTERM)

    assert warden.wait(20) == 0
    assert "quarantined 7 hung at frame 10" in log.read_text()
    assert len(lives(log)) == 1


def test_a_worker_that_a_signal_stopped_in_an_evaluation_is_replaced_and_nobody_is_quarantined(log: Path) -> None:
    warden = start("if box.record.lives > 1: return\nbox.enter(7)\nos.kill(os.getpid(), signal.SIGSTOP)", log)

    assert warden.wait(20) == 0
    assert "has been stopped by a signal for 1 s: it is ended, and another one begins" in log.read_text()
    assert "quarantined" not in log.read_text()
    assert len(lives(log)) == 2


def test_a_worker_that_hangs_outside_of_any_evaluation_is_replaced_with_its_last_words(log: Path) -> None:
    warden = start("if box.record.lives > 1: return\nbox.beat()\ntime.sleep(600)", log)

    assert warden.wait(20) == 0
    assert "has shown no sign of life for 2 s and does nothing: it is ended" in log.read_text()
    assert "most recent call first" in log.read_text()
    assert "quarantined" not in log.read_text()
    assert len(lives(log)) == 2


def test_a_worker_whose_loop_goes_round_is_left_alone(log: Path) -> None:
    warden = start("for _ in range(25):\n        box.beat()\n        time.sleep(0.1)", log)

    assert warden.wait(20) == 0
    assert len(lives(log)) == 1


ENDS_WITH_THREE = """
everybody = set(range(1, 9)) - set(quarantined)
while True:
    hosted = everybody - box.held_back
    box.note_hosted(hosted)
    time.sleep(0.02)
    if 3 in hosted or 6 in hosted:
        os._exit(5)
    if hosted == everybody and not box.held_back:
        print("all is well with", sorted(hosted), flush=True)
        break
"""


def test_workers_that_keep_dying_are_given_fewer_deployments_until_the_culprits_are_known(log: Path) -> None:
    warden = start(ENDS_WITH_THREE, log)

    assert warden.wait(60) == 0
    said = log.read_text()
    reason = "ended its worker (exit code 5) each time, and workers live without it"
    found = sorted(line for line in said.splitlines() if line.startswith("quarantined"))
    assert found == [f"quarantined {each} {reason}" for each in (3, 6)]
    assert "all is well with [1, 2, 4, 5, 7, 8]" in said
    assert "giving up" not in said


def test_a_worker_without_its_database_has_no_deployment_to_blame(log: Path) -> None:
    warden = start('box.note_hosted([1, 2])\nraise SystemExit("the database is gone")', log)

    assert warden.wait(20) == 1
    assert "quarantined" not in log.read_text()
    assert "looks for the deployment" not in log.read_text()
