"""Everything at once, as ``python3 start.py`` starts it: up, killed without warning, up again, ended politely."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
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


KINDS = {"feed": 1, "warden": 2, "worker": 2, "web": 1, "jobs": 1, "notify": 1, "beat": 1}
PROCESSES = 9  # the launcher, two servers, feed, two workers, web, jobs, beat


@pytest.fixture
def launched():
    """Give a list for launchers; those that still run at the end are killed, and all they started with them."""
    launchers = []
    yield launchers
    for launcher in launchers:
        launcher.kill()
        launcher.wait()


def launch(data_dir, port, launched, **more):
    """Start everything; return the launcher once it has shown its address, and what it said so far."""
    clean = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}} | more
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


def await_true(condition):
    end_s = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end_s, condition
        time.sleep(0.1)


def is_ready(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=20) as answer:
            return answer.status == 200
    except OSError:
        return False


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


def kinds_of(processes):
    """Return the processes that work, by what they are; a warden and its worker have the same environment."""
    found = {}
    for process_id, text in processes.items():
        pulse = re.search(rb"PADDOCK_PULSE=[^\0]+/pulse/([a-z]+)", text)
        kind = pulse[1].decode() if pulse else "web" if b"daphne" in text else ""
        if kind:
            found.setdefault(kind, []).append(process_id)
    workers = found.pop("worker", [])
    found["warden"] = [process_id for process_id in workers if parent_of(process_id) not in workers]
    found["worker"] = [process_id for process_id in workers if parent_of(process_id) in workers]
    return found


def parent_of(process_id):
    try:
        return int(Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except FileNotFoundError:
        return 0


def counted(data_dir):
    return {kind: len(ids) for kind, ids in kinds_of(processes_on(data_dir)).items()}


def is_gone(process_id):
    return not Path(f"/proc/{process_id}").exists()


def test_every_process_that_is_frozen_is_replaced_and_the_market_goes_on(data_dir, port, launched):
    launcher, _ = launch(data_dir, port, launched, PADDOCK_SILENCE_S="18")
    await_true(lambda: counted(data_dir) == KINDS)
    kinds = kinds_of(processes_on(data_dir))
    # Of two workers one is frozen by itself, the other with its warden alone.
    warden, other = kinds["warden"]
    frozen = [warden, *(each for each in kinds["worker"] if parent_of(each) == other)]
    frozen += [process_id for kind in ("feed", "web", "jobs", "notify", "beat") for process_id in kinds[kind]]
    assert len(frozen) == len(KINDS)

    for process_id in frozen:
        os.kill(process_id, signal.SIGSTOP)
    await_true(lambda: all(map(is_gone, frozen)))

    await_true(lambda: counted(data_dir) == KINDS)
    await_true(lambda: is_ready(port))
    launcher.send_signal(signal.SIGTERM)
    said = launcher.stdout.read()
    assert launcher.wait() == 0, said
    for name in ("feed", "worker-", "web", "jobs", "notify", "beat"):
        assert re.search(rf"ERROR {name}\S* has been stopped by a signal for \d+ s and was killed", said), said
    assert "quarantined" not in said
    assert processes_on(data_dir) == {}
