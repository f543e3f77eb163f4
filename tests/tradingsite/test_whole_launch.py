"""Everything at once, as ``python3 start.py`` starts it: up, killed without warning, up again, ended politely."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture
def data_dir(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


PROCESSES = 9  # the launcher, two servers, feed, two workers, web, jobs, beat


@pytest.fixture
def launched():
    """Give a list for launchers; those that still run at the end are killed, and all they started with them."""
    launchers = []
    yield launchers
    for launcher in launchers:
        launcher.kill()
        launcher.wait()


def launch(data_dir, port, launched):
    """Start everything; return the launcher once it has shown its address, and what it said so far."""
    clean = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    launcher = subprocess.Popen(
        [
            *(sys.executable, "-m", "tradingsite.launcher.launch", "--source", "simulated", "--workers", "2"),
            *("--port", str(port), "--data-dir", str(data_dir)),
        ],
        cwd=ROOT,
        env=clean,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    launched.append(launcher)
    said = []
    for line in launcher.stdout:
        said.append(line)
        if f"http://127.0.0.1:{port}/" in line:
            return launcher, "".join(said)
    pytest.fail(f"the launcher ended with {launcher.wait()}: {''.join(said)}")


def managed(*arguments):
    """Run a command of ``manage.py`` from another folder, without the launcher's environment."""
    hidden = {"DATABASE_URL", "REDIS_URL", "PADDOCK_DATA_DIR"}
    clean = {name: value for name, value in os.environ.items() if name not in hidden}
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    return subprocess.run(command, cwd="/", env=clean, capture_output=True, text=True, timeout=180, check=False)


def processes_on(data_dir):
    """Return the processes that have ``data_dir`` in their environment or command line, by their number."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
            is_dead = (folder / "stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
        except OSError:
            continue
        if os.fsencode(data_dir) in text and not is_dead and int(folder.name) != os.getpid():
            found[int(folder.name)] = text
    return found


def test_a_killed_launcher_leaves_nothing_behind_and_the_next_one_ends_when_asked(data_dir, port, launched):
    launcher, said = launch(data_dir, port, launched)
    assert "Password" in said
    end_s = time.monotonic() + 20  # a process that is just being made has no surroundings yet
    while len(processes_on(data_dir)) < PROCESSES and time.monotonic() < end_s:
        time.sleep(0.05)
    assert len(processes_on(data_dir)) >= PROCESSES

    listed = managed("league", "export", "-")
    assert "[[deployments]]" in listed.stdout, listed.stderr
    assert f"http://127.0.0.1:{port}/share/" in managed("share", "--days", "1").stdout

    launcher.kill()
    launcher.wait()
    assert "no Paddock runs on" in managed("league", "export", "-").stderr
    end_s = time.monotonic() + 20
    while (left := processes_on(data_dir)) and time.monotonic() < end_s:
        time.sleep(0.05)
    assert left == {}

    launcher, said = launch(data_dir, port, launched)
    assert "Password" not in said
    launcher.send_signal(signal.SIGTERM)
    rest = launcher.stdout.read()

    assert launcher.wait() == 0, rest
    assert "everything is stopped" in rest
    assert processes_on(data_dir) == {}
