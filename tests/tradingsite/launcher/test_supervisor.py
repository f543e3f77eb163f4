"""Real processes, watched until each condition holds."""

import io
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from marketdata.telemetry import hanging, pulse
from marketdata.telemetry.hanging import Patience
from marketdata.telemetry.pulse import PulseFile
from tradingsite.launcher import supervisor as supervising
from tradingsite.launcher.console import Console
from tradingsite.launcher.pulses import Answers
from tradingsite.launcher.supervisor import Program, Supervisor, describe_exit

SOON_S = 10.0
SLEEPER = "import time\nprint('up', flush=True)\ntime.sleep(600)"
STUBBORN = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{SLEEPER}"


@pytest.fixture
def screen():
    return io.StringIO()


@pytest.fixture
def supervisor(screen):
    supervisor = Supervisor(Console(out=screen, colour=False))
    yield supervisor
    supervisor.stop()
    supervisor.close()


def python(name, code, **more):
    return Program(name=name, command=[sys.executable, "-c", code], **more)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def came_true(condition) -> bool:
    end_s = time.monotonic() + SOON_S
    while not condition():
        if time.monotonic() > end_s:
            return False
        time.sleep(0.01)
    return True


def test_a_child_that_is_killed_is_named_and_restarted(supervisor, screen):
    child = supervisor.start(python("worker-1", SLEEPER))
    first = child.process.pid
    supervisor.run_until(lambda: "up" in screen.getvalue(), timeout_s=SOON_S)

    os.kill(first, signal.SIGKILL)
    supervisor.run_until(lambda: screen.getvalue().count("| up") == 2, timeout_s=SOON_S)

    assert "ERROR worker-1 died" in screen.getvalue()
    assert "(signal SIGKILL); restarting in 0.5 s" in screen.getvalue()
    assert child.process.pid != first


def test_a_child_that_keeps_dying_is_given_ever_more_time(screen):
    now_s = 0.0
    supervisor = Supervisor(Console(out=screen, colour=False), clock=lambda: now_s)
    supervisor.start(python("feed", "raise SystemExit(3)"))
    deaths = 0

    def next_death_or_restart():
        nonlocal now_s, deaths
        child = supervisor.children[0]
        if child.restart_at_s is not None:
            deaths += 1
            now_s = child.restart_at_s
        return deaths == 8

    while not next_death_or_restart():
        supervisor.run_until(lambda: supervisor.children[0].restart_at_s is not None)
        supervisor._restart_dead()

    delays = [line.split(" in ")[1] for line in screen.getvalue().splitlines() if "exit code 3" in line]
    assert delays == ["0.5 s", "1 s", "2 s", "4 s", "8 s", "16 s", "30 s", "30 s"]
    supervisor.stop()
    supervisor.close()


def test_a_recording_that_has_been_played_to_its_end_is_not_played_again(supervisor, screen):
    supervisor.start(python("feed", "print('the last frame')", may_finish=True))

    supervisor.run_until(lambda: "feed has finished" in screen.getvalue(), timeout_s=SOON_S)

    assert supervisor.children[0].restart_at_s is None
    assert screen.getvalue().count("the last frame") == 1


def test_children_end_in_the_reverse_order_and_those_of_a_kind_together(supervisor, screen):
    goodbye = (
        "import signal, sys\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('bye', flush=True), sys.exit(0)))\n" + SLEEPER
    )
    for name in ("feed", "worker-1", "worker-2", "web"):
        supervisor.start(python(name, goodbye))
    supervisor.run_until(lambda: screen.getvalue().count("| up") == 4, timeout_s=SOON_S)

    supervisor.stop()

    left = [line.split()[0] for line in screen.getvalue().splitlines() if line.endswith("| bye")]
    assert left[0] == "web"
    assert set(left[1:3]) == {"worker-1", "worker-2"}
    assert left[3] == "feed"


def test_a_child_that_ignores_the_request_to_end_is_killed_and_named(supervisor, screen):
    child = supervisor.start(python("jobs", STUBBORN, grace_s=0.2))
    supervisor.run_until(lambda: "up" in screen.getvalue(), timeout_s=SOON_S)
    pid = child.process.pid

    supervisor.stop()

    assert "jobs did not end on its signal; killing it" in screen.getvalue()
    assert not is_alive(pid)


def test_what_a_dead_child_had_started_is_ended_with_it(supervisor, screen):
    code = f"import subprocess, sys\nprint(subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]).pid, flush=True)\n"
    done = supervisor.run_once(python("set-up", code), timeout_s=SOON_S)

    assert came_true(lambda: not is_alive(int(done.last_lines[0])))


def test_a_step_that_fails_tells_its_exit_code_and_its_last_words(supervisor):
    done = supervisor.run_once(python("set-up", "print('no'); raise SystemExit(7)"), timeout_s=SOON_S)

    assert done.exit_code == 7
    assert list(done.last_lines) == ["no"]


def test_a_step_that_hangs_is_ended(supervisor):
    with pytest.raises(TimeoutError, match=r"set-up did not end within 0 s"):
        supervisor.run_once(python("set-up", STUBBORN, grace_s=0.1), timeout_s=0.3)


def test_a_line_without_an_end_is_cut_instead_of_kept_for_ever(supervisor, screen):
    supervisor.start(python("web", "print('x' * 1_000_000, end='', flush=True)\n" + SLEEPER))

    supervisor.run_until(lambda: "up" in screen.getvalue(), timeout_s=SOON_S)

    assert max(map(len, screen.getvalue().splitlines())) < 200_000


@pytest.mark.parametrize(("code", "words"), [(3, "exit code 3"), (-9, "signal SIGKILL"), (-64, "signal SIGRTMAX")])
def test_an_exit_is_described_as_a_person_would(code, words):
    assert describe_exit(code) == words


BEATING = "import time\nfrom marketdata.telemetry import pulse\nprint('up', flush=True)\nwhile True:\n    "
BEATING += "pulse.beat()\n    time.sleep(0.05)"
HANGING = BEATING.replace("while True:", "pulse.beat()\nwhile False:") + "\ntime.sleep(600)"
STOPPED_SOON = Patience(stopped_s=0.6, idle_s=60.0, busy_s=60.0, start_s=60.0)
NO_PATIENCE = Patience(stopped_s=0.3, idle_s=1.0, busy_s=1.0, start_s=30.0)


@pytest.fixture
def quick_looks(monkeypatch):
    monkeypatch.setattr(supervising, "LOOK_EVERY_S", 0.05)


def watched(name, code, tmp_path, patience=NO_PATIENCE, **more):
    file = PulseFile(tmp_path / "pulse" / name)
    return python(name, code, pulse=file, patience=patience, environ={pulse.VARIABLE: str(file.path)}, **more)


def test_a_child_that_a_signal_has_stopped_is_replaced_and_the_reason_is_given_once(
    supervisor, screen, quick_looks, tmp_path
):
    child = supervisor.start(watched("feed", BEATING, tmp_path, STOPPED_SOON))
    first = child.process.pid
    supervisor.run_until(lambda: child.program.pulse.last() is not None, timeout_s=SOON_S)

    os.kill(first, signal.SIGSTOP)
    supervisor.run_until(lambda: screen.getvalue().count("| up") == 2, timeout_s=2 * SOON_S)

    assert child.process.pid != first
    assert screen.getvalue().count("ERROR") == 1
    assert "ERROR feed has been stopped by a signal for 1 s and was killed; restarting in 0.5 s" in screen.getvalue()


def test_a_child_whose_work_stands_still_is_replaced(supervisor, screen, quick_looks, tmp_path):
    supervisor.start(watched("jobs", HANGING, tmp_path))

    supervisor.run_until(lambda: screen.getvalue().count("| up") == 2, timeout_s=2 * SOON_S)

    assert "ERROR jobs has shown no sign of life for 1 s" in screen.getvalue()


def test_a_child_that_waits_for_a_server_that_is_away_does_not_hang(
    supervisor, screen, quick_looks, tmp_path, monkeypatch
):
    looked = []
    monkeypatch.setattr(supervising, "servers_answer", looked.append)
    child = supervisor.start(watched("jobs", HANGING, tmp_path))
    first = child.process.pid

    supervisor.run_until(lambda: len(looked) == 2, timeout_s=2 * SOON_S)

    assert child.process.pid == first
    assert "ERROR" not in screen.getvalue()


MUTE_SITE = (
    "import socket, sys, time\nlistener = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
    "print('up', flush=True)\ntime.sleep(600)"
)


def test_a_web_site_that_takes_requests_and_answers_none_is_replaced(
    supervisor, screen, quick_looks, monkeypatch, unused_tcp_port
):
    monkeypatch.setattr("tradingsite.launcher.pulses.ANSWER_WITHIN_S", 0.5)
    monkeypatch.setattr("tradingsite.launcher.pulses.ASK_EVERY_S", 0.1)
    program = python("web", MUTE_SITE, pulse=Answers(unused_tcp_port), patience=hanging.Patience.with_a_server(0.4))
    program.command.append(str(unused_tcp_port))
    supervisor.start(program)

    supervisor.run_until(lambda: screen.getvalue().count("| up") == 2, timeout_s=2 * SOON_S)

    assert "ERROR web has shown no sign of life for 2 s" in screen.getvalue()


def test_a_web_site_that_answers_is_left_alone(supervisor, screen, quick_looks, monkeypatch, unused_tcp_port):
    monkeypatch.setattr("tradingsite.launcher.pulses.ASK_EVERY_S", 0.05)
    answers = Answers(unused_tcp_port, path="/")
    program = Program(
        name="web",
        command=[sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(unused_tcp_port)],
        pulse=answers,
        patience=Patience(stopped_s=5.0, idle_s=5.0, busy_s=5.0, start_s=60.0),
        least_level="CRITICAL",
    )
    supervisor.start(program)

    supervisor.run_until(lambda: (last := answers.last()) is not None and last.number > 20, timeout_s=2 * SOON_S)

    assert answers.last().number > 20
    assert "ERROR" not in screen.getvalue()


def test_a_child_that_cannot_have_a_pulse_works_unwatched(supervisor, screen, tmp_path):
    (tmp_path / "pulse").touch()

    child = supervisor.start(watched("feed", SLEEPER, tmp_path))

    assert child.is_running
    assert "WARNING feed is not watched for hanging: " in screen.getvalue()


ORPHAN_MAKER = f"""
import sys, threading
from pathlib import Path
from tradingsite.launcher import embedded, programs
from marketdata.telemetry import hanging, pulse
from marketdata.telemetry.hanging import Patience
from marketdata.telemetry.pulse import PulseFile
from tradingsite.launcher import supervisor as supervising
from tradingsite.launcher.console import Console
from tradingsite.launcher.pulses import Answers
from tradingsite.launcher.supervisor import Program, Supervisor

home = Path(sys.argv[1])
account = embedded.server_account()
home = embedded.home_of(home, account)
sockets = embedded.socket_dir_of(home, account)
binaries = embedded.postgres_programs(account, home)
embedded.make_cluster(home / "postgres", programs=binaries, account=account, durable=False)
supervisor = Supervisor(Console())
supervisor.start(
    programs.postgres(home / "postgres", socket_dir=sockets, programs=binaries, account=account)
)
supervisor.start(programs.valkey(Path(sys.argv[1]), socket_dir=sockets))
supervisor.start(Program(name="worker", command=[sys.executable, "-c", {STUBBORN!r}]))
supervisor.run_until(
    lambda: (sockets / ".s.PGSQL.5432").exists() and (sockets / "valkey.sock").exists(), timeout_s=30
)
print("pids", *(child.process.pid for child in supervisor.children), flush=True)
supervisor.run_until(lambda: False)
"""


def test_when_the_launcher_is_killed_the_kernel_ends_every_child(tmp_path):
    import subprocess

    with subprocess.Popen(
        [sys.executable, "-c", ORPHAN_MAKER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as launcher:
        pids = next(line for line in launcher.stdout if line.startswith("pids")).split()[1:]
        assert all(is_alive(int(pid)) for pid in pids)

        launcher.kill()

        assert len(pids) == 3
        assert came_true(lambda: not any(is_alive(int(pid)) for pid in pids))
