"""The health check of a container: it looks once, and ends what hangs."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from marketdata.telemetry import pulse
from tradingsite.launcher import alive


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing, the only child of the container's init."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        monkeypatch.setattr(alive, "_children_of_init", lambda: [process.pid])
        yield process
        process.kill()


@pytest.fixture(autouse=True)
def in_a_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(pulse.VARIABLE, str(tmp_path / "pulse"))
    monkeypatch.setattr(alive, "_LAST_ANSWER", tmp_path / "answer")


def beaten(*, seconds_ago: float, allowed_s: float = 0.0) -> None:
    path = Path(os.environ[pulse.VARIABLE])
    path.touch()
    os.utime(path, (time.time() - seconds_ago, time.time() - seconds_ago + allowed_s))


def test_a_process_with_a_pulse_is_healthy(process: subprocess.Popen[bytes]) -> None:
    beaten(seconds_ago=5)

    assert alive.main(["pulse"]) == 0
    assert process.poll() is None


def test_a_process_whose_pulse_is_late_is_unhealthy_before_it_is_ended(process: subprocess.Popen[bytes]) -> None:
    beaten(seconds_ago=45)

    assert alive.main(["pulse"]) == 1
    assert process.poll() is None


def test_a_process_whose_pulse_has_stopped_is_ended_so_that_the_container_restarts(
    process: subprocess.Popen[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    beaten(seconds_ago=61)

    assert alive.main(["pulse"]) == 1
    assert process.wait(20) == -9
    assert "no sign of life for 61 s" in capsys.readouterr().out


def test_a_long_job_is_waited_for(process: subprocess.Popen[bytes]) -> None:
    beaten(seconds_ago=600, allowed_s=900)

    assert alive.main(["pulse"]) == 0


def test_a_process_that_waits_for_a_server_that_is_away_is_left_alone(
    process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alive, "servers_answer", lambda: False)
    beaten(seconds_ago=3_600)

    assert alive.main(["pulse"]) == 1
    assert process.poll() is None


def test_a_process_that_works_without_a_pulse_is_given_five_minutes(
    process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    vitals = iter([0.0, 0.9] * 2)
    monkeypatch.setattr(alive, "vitals_of", lambda _: alive.hanging.Vitals(is_stopped=False, wanted_s=next(vitals)))
    beaten(seconds_ago=200)
    assert alive.main(["pulse"]) == 1
    assert process.poll() is None

    beaten(seconds_ago=301)
    alive.main(["pulse"])

    assert process.wait(20) == -9


@pytest.fixture
def site() -> Iterator[str]:
    """A web site that answers."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_a_site_that_answers_is_healthy_and_one_that_has_not_for_half_a_minute_is_ended(
    process: subprocess.Popen[bytes], site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert alive.main([site]) == 0
    monkeypatch.setattr(alive, "_age_s", lambda _: 1_000.0)
    nobody = "http://127.0.0.1:9/healthz"
    os.utime(alive._LAST_ANSWER, (0, time.time() - 20))
    assert alive.main([nobody]) == 1
    assert process.poll() is None

    os.utime(alive._LAST_ANSWER, (0, time.time() - 31))
    alive.main([nobody])

    assert process.wait(20) == -9


def test_the_answers_of_the_process_before_say_nothing_of_the_one_that_begins(
    process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    alive._LAST_ANSWER.touch()
    os.utime(alive._LAST_ANSWER, (0, time.time() - 3_600))
    monkeypatch.setattr(alive, "_age_s", lambda _: 20.0)

    assert alive.main(["http://127.0.0.1:9/healthz"]) == 1
    assert process.poll() is None


def test_outside_of_a_container_nothing_is_ended() -> None:
    beaten(seconds_ago=3_600)

    assert alive._children_of_init() == []
    assert alive.main(["pulse"]) == 1


def test_a_check_that_is_not_known_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert alive.main(["puls"]) == 2
    assert "expected `pulse` or http://HOST:PORT/PATH, got puls" in capsys.readouterr().err
