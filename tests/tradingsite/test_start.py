"""The bootstrap, as far as it goes without making an environment."""

import contextlib
import errno
import fcntl
import os
import random
import shutil
import signal
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

import start
from tradingsite.launcher.streams import say

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments):
    return subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def test_help_is_given_before_anything_is_installed():
    done = run("start.py", "--help")

    assert done.returncode == 0
    assert "--source auto|kraken|simulated|recording:PATH" in done.stdout


def test_an_unknown_command_is_refused_with_those_there_are():
    done = run("start.py", "tset")

    assert done.returncode == 1
    assert done.stderr == (
        "paddock cannot start: unknown command 'tset': "
        "expected test, coverage, check, bench, or options that start with -\n"
    )


def test_a_python_without_venv_names_the_package_to_install():
    done = run("-c", "import sys; sys.modules['ensurepip'] = None; import start; start.make_venv(None)")

    assert done.returncode == 1
    assert done.stderr.startswith("paddock cannot start: python3-venv is missing: install it (Debian, Ubuntu: apt")


def test_an_unknown_benchmark_is_refused_with_those_there_are():
    done = run("-m", "tradingsite.bench", "warp")

    assert done.returncode == 1
    assert done.stderr.startswith("no benchmark is named 'warp': expected one of ")


def test_an_unknown_check_is_refused_with_those_there_are():
    done = run("-m", "tradingsite.check", "spelling")

    assert done.returncode == 1
    assert done.stderr.startswith("no check is named 'spelling': expected some of 'formatting', ")


@pytest.fixture
def made(tmp_path, monkeypatch):
    """An environment that was made, as far as `start` looks at it."""
    monkeypatch.setattr(start, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(start, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(start, "CONFIG", tmp_path / ".venv" / "pyvenv.cfg")
    monkeypatch.setattr(start, "UNFINISHED", tmp_path / ".venv" / ".paddock-unfinished")
    packages = tmp_path / ".venv" / "lib" / "python3.99" / "site-packages"
    for folder in (start.PYTHON.parent, packages / "django", packages / "celery"):
        folder.mkdir(parents=True)
    start.PYTHON.symlink_to(sys.executable)
    start.CONFIG.touch()
    start.write_stamp("default")
    return packages


def test_an_environment_that_is_whole_is_used_as_it_is(made):
    (made / "another").mkdir()

    assert start.is_stamped("default")
    assert not start.is_stamped("dev")


def lose_python(_packages):
    start.PYTHON.unlink()


def lose_packages(packages):
    packages.rename(packages.with_name("elsewhere"))


def lose_one_package(packages):
    (packages / "django").rmdir()


def lose_the_mark_of_an_environment(_packages):
    start.CONFIG.unlink()


def leave_unfinished(_packages):
    start.UNFINISHED.touch()


def garble_the_stamp(_packages):
    start.stamp_path("default").write_bytes(b"\xff\xfe")


@pytest.mark.parametrize(
    "harm",
    [
        *(lose_python, lose_packages, lose_one_package, lose_the_mark_of_an_environment),
        *(leave_unfinished, garble_the_stamp),
    ],
)
def test_an_environment_that_is_not_whole_is_made_anew(made, harm):
    harm(made)

    assert not start.is_stamped("default")


def test_what_is_missing_from_an_environment_is_named(made, capsys):
    lose_one_package(made)

    start.is_stamped("default")

    assert "1 files are missing in .venv, such as django; it is made anew" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "free some space on its disk"),
        (errno.EROFS, "is read-only: copy Paddock to a folder that can be written"),
        (errno.EACCES, "give user "),
        (errno.ENOEXEC, "delete "),
    ],
)
def test_a_file_that_cannot_be_used_comes_with_what_to_do(number, words):
    assert words in start.remedy(OSError(number, "no"))


@pytest.fixture
def checkout(tmp_path):
    """A Paddock that needs no package and, once it has its environment, says so."""
    launcher, requirements = tmp_path / "tradingsite" / "launcher", tmp_path / "requirements"
    launcher.mkdir(parents=True)
    requirements.mkdir()
    for name in (
        "start.py",
        "tradingsite/__init__.py",
        "tradingsite/launcher/__init__.py",
        "tradingsite/launcher/streams.py",
    ):
        shutil.copy(ROOT / name, tmp_path / name)
    (launcher / "launch.py").write_text("import sys, pip\nprint('started', sys.prefix, flush=True)\n")
    for name in ("bootstrap", "default", "dev"):
        (requirements / f"{name}.txt").touch()
    return tmp_path


def begin(checkout):
    system = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    return subprocess.Popen(
        [system, checkout / "start.py"], cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


MOMENTS = random.Random(20_260_707).sample(
    [(number, tenths / 10) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL) for tenths in range(1, 30)], 4
)


@pytest.mark.slow
def test_whenever_the_first_start_is_interrupted_the_next_goes_on_from_there(checkout):
    for number, after_s in MOMENTS:
        process = begin(checkout)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(after_s)
        process.send_signal(number)
        said, _ = process.communicate(timeout=60)
        assert "Traceback" not in said, said
        assert process.returncode in {0, 1, -number}, said

    said, _ = begin(checkout).communicate(timeout=120)

    assert f"started {checkout / '.venv'}" in said
    assert not (checkout / ".venv" / ".paddock-unfinished").exists()
    again, _ = begin(checkout).communicate(timeout=60)
    assert again == f"started {checkout / '.venv'}\n"


def test_a_start_that_finds_another_one_at_work_says_that_it_waits(checkout):
    with (checkout / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = begin(checkout)
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)

    assert "another start makes the environment; waiting for it" in first
    assert "interrupted while the environment was being made" in said


@pytest.mark.parametrize(
    ("command", "closed"),
    [
        *product(("start.py --help", "start.py tset"), ("<&-", ">&-", "2>&-", "<&- >&- 2>&-", "> /dev/full")),
        *product(("manage.py help",), ("<&- >&- 2>&-", "> /dev/full")),
    ],
)
def test_a_closed_stream_is_no_reason_for_a_traceback(command, closed, tmp_path):
    environ = {**os.environ, "PADDOCK_DATA_DIR": str(tmp_path)}
    line = f"exec {sys.executable} {command} {closed}"

    done = subprocess.run(
        ["bash", "-c", line], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False
    )

    assert "Traceback" not in done.stderr
    assert done.returncode in {0, 1}


def test_nobody_who_reads_is_no_error(tmp_path):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as broken:
        say(broken, "first")
        say(broken, "second")
