#!/usr/bin/env python3
"""Start Paddock, on a machine that has nothing but Python 3.11 or newer.

    python3 start.py [--source auto|kraken|simulated|recording:PATH] [--speed X]
                     [--faults SPEC] [--duration SECONDS] [--port 8000] [--workers 2] [--data-dir data]
    python3 start.py test [pytest arguments]     run the tests
    python3 start.py test --fast                 run those of the pure parts: no server, no socket, under a minute
    python3 start.py coverage [MODULE]           how much of a module its own test file runs
    python3 start.py check                       formatting, lint, types, imports, migrations, templates
    python3 start.py bench [NAME] [--json]       run a benchmark, or list them

Standard library only: this file makes the virtual environment, then hands over to it.
"""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = ROOT / "requirements"
LEAST_PYTHON = (3, 11)
STARTED_S = time.monotonic()
# All tests at once use two cores; a module's tests stay together, for they share what is dear to start.
ALL_TESTS = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
FAST_TESTS = ("--fast", "-q", "-n", "2", "--dist", "worksteal")
MODULES = {
    "test": "pytest",
    "coverage": "tradingsite.coverage",
    "check": "tradingsite.check",
    "bench": "tradingsite.bench",
}


def main(arguments: list[str]) -> NoReturn:
    """Prepare the environment, then become the command asked for."""
    if sys.version_info < LEAST_PYTHON:
        fail(f"this is Python {sys.version.split()[0]}: expected 3.11 or newer")
    if arguments[:1] in (["-h"], ["--help"]):
        sys.stdout.write(f"{__doc__}\n")
        sys.exit(0)
    word = arguments[0] if arguments and not arguments[0].startswith("-") else ""
    if word and word not in MODULES:
        fail(f"unknown command {word!r}: expected {', '.join(MODULES)}, or options that start with -")
    try:
        prepare("dev" if word else "default")
    except KeyboardInterrupt:
        fail("interrupted while the environment was being made; the next start goes on from here")
    module = MODULES.get(word, "tradingsite.launcher.launch")
    path = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = f"{ROOT}{os.pathsep}{path}" if path else str(ROOT)
    os.environ["PADDOCK_STARTED_S"] = str(STARTED_S)
    if word:
        os.chdir(ROOT)
    given: Sequence[str] = arguments[1 if word else 0 :]
    if word == "test":
        given = {(): ALL_TESTS, ("--fast",): FAST_TESTS}.get(tuple(given), given)
    # This process becomes the command: signals and the exit code need no passing on.
    os.execv(PYTHON, [str(PYTHON), "-m", module, *given])


def prepare(kind: str) -> None:
    """Make the virtual environment hold the locked requirements of ``kind``, unless it already does."""
    if is_stamped(kind):
        return
    with (ROOT / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_stamped(kind):
            return
        if not (PYTHON.exists() and run([PYTHON, "-m", "pip", "--version"]).returncode == 0):
            make_venv()
        install(REQUIREMENTS / f"{kind}.txt")
        # The development requirements hold the default ones.
        for stamped in {kind, "default"}:
            stamp_path(stamped).write_text(fingerprint(stamped))


def is_stamped(kind: str) -> bool:
    """Return whether the environment was last made for just these requirements."""
    stamp = stamp_path(kind)
    return PYTHON.exists() and stamp.exists() and stamp.read_text() == fingerprint(kind)


def stamp_path(kind: str) -> Path:
    """Return the file that remembers what was installed."""
    return VENV / f".paddock-{kind}"


def fingerprint(kind: str) -> str:
    """Return what an environment for ``kind`` depends on, in short: this Python and the locked files."""
    return hashlib.sha256(f"{sys.version}\n{(REQUIREMENTS / f'{kind}.txt').read_text()}".encode()).hexdigest()


def make_venv() -> None:
    """Make an empty virtual environment in ``.venv``."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        fail(f"python3-venv is missing: install it (Debian, Ubuntu: apt install python{version}-venv)")
    made = run([sys.executable, "-m", "venv", "--clear", VENV])
    if made.returncode != 0:
        fail(f"no virtual environment could be made in {VENV}: {last_line(made)}")
    step("virtual environment made in .venv")


def install(locked: Path) -> None:
    """Install ``locked``, each file checked by its hash: through uv when it can be had, else pip."""
    tool = VENV / ".uv"
    pip: list[str | Path] = [
        PYTHON,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
    ]
    had = run([*pip, "--no-deps", "--target", tool, "--upgrade", "-r", REQUIREMENTS / "bootstrap.txt"])
    done = had
    if had.returncode == 0:
        step("uv fetched")
        uv: list[str | Path] = [tool / "bin" / "uv", "pip", "install", "--quiet", "--require-hashes"]
        done = run([*uv, "--python", PYTHON, "-r", locked])
        # Sixty megabytes that only the next change of the requirements would use.
        shutil.rmtree(tool)
    if done.returncode != 0:
        step(f"uv cannot be used here ({last_line(done)[:60]}); pip takes a little longer")
        done = run([*pip, "-r", locked])
    if done.returncode != 0:
        fail(f"{locked.relative_to(ROOT)} could not be installed: {last_line(done)}")
    step(f"{locked.relative_to(ROOT)} installed")


def run(command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    """Run ``command``, its output kept for the case that it fails."""
    environ = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_LINK_MODE": "hardlink"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environ)


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the last line that a failed command wrote, where tools say what went wrong."""
    lines = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()
    return lines[-1].strip()


def step(text: str) -> None:
    """Show that a step of the set-up is done, with the seconds since the start."""
    sys.stdout.write(f"· {text:<66} {time.monotonic() - STARTED_S:6.1f} s\n")
    sys.stdout.flush()


def fail(text: str) -> NoReturn:
    """End with one line that says why."""
    sys.stderr.write(f"paddock cannot start: {text}\n")
    sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
