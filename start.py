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

import errno
import fcntl
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NoReturn

from tradingsite.launcher.streams import open_streams, say

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / ".venv.lock"
REQUIREMENTS = ROOT / "requirements"
LEAST_PYTHON = (3, 11)
CONFIG = VENV / "pyvenv.cfg"  # without it, ``PYTHON`` is the system's, and would install there
UNFINISHED = VENV / ".paddock-unfinished"  # there while something is being installed
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
    open_streams()
    if sys.version_info < LEAST_PYTHON:
        fail(f"this is Python {sys.version.split()[0]}: expected 3.11 or newer")
    if arguments[:1] in (["-h"], ["--help"]):
        say(sys.stdout, str(__doc__))
        sys.exit(0)
    word = arguments[0] if arguments and not arguments[0].startswith("-") else ""
    if word and word not in MODULES:
        fail(f"unknown command {word!r}: expected {', '.join(MODULES)}, or options that start with -")
    # A request to end is an interruption here, too: what was begun is ended with us.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        prepare("dev" if word else "default")
    except KeyboardInterrupt:
        fail("interrupted while the environment was being made; the next start goes on from here")
    except OSError as error:
        fail(f"the environment in {VENV} cannot be used: {error}; {remedy(error)}")
    become(word, arguments)


def become(word: str, arguments: Sequence[str]) -> NoReturn:
    """Replace this process by the command: signals and the exit code need no passing on."""
    module = MODULES.get(word, "tradingsite.launcher.launch")
    path = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = f"{ROOT}{os.pathsep}{path}" if path else str(ROOT)
    os.environ["PADDOCK_STARTED_S"] = str(STARTED_S)
    if word:
        os.chdir(ROOT)
    else:
        # Ctrl-C waits until the launcher can end what it has begun.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    given: Sequence[str] = arguments[1 if word else 0 :]
    if word == "test":
        given = {(): ALL_TESTS, ("--fast",): FAST_TESTS}.get(tuple(given), given)
    try:
        os.execv(PYTHON, [str(PYTHON), "-m", module, *given])
    except OSError as error:
        fail(f"{PYTHON} cannot be run ({error.strerror}): delete {VENV}, the next start makes it anew")


def prepare(kind: str) -> None:
    """Make the virtual environment hold the locked requirements of ``kind``, unless it already does.

    Interrupted at whatever point, it is made anew by the next start: it is marked as unfinished until it is whole.
    """
    if is_stamped(kind):
        return
    with LOCK.open("w+") as lock:
        claim(lock)
        if is_stamped(kind):
            return
        if UNFINISHED.exists() or not CONFIG.exists() or runs([PYTHON, "-m", "pip", "--version"], lock) is not None:
            make_venv(lock)
        UNFINISHED.touch()
        for stamped in ("default", "dev"):
            stamp_path(stamped).unlink(missing_ok=True)
        install(REQUIREMENTS / f"{kind}.txt", lock)
        # The development requirements hold the default ones.
        for stamped in {kind, "default"}:
            write_stamp(stamped)
        UNFINISHED.unlink()


def claim(lock: IO[str]) -> None:
    """Hold ``lock``; what an interrupted start has left running holds it, too, until it ends."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        step("another start makes the environment; waiting for it")
        fcntl.flock(lock, fcntl.LOCK_EX)


def is_stamped(kind: str) -> bool:
    """Return whether the environment was last made for just these requirements, and nothing was deleted from it."""
    try:
        known, *packages = stamp_path(kind).read_text().splitlines()
    except (OSError, ValueError):
        return False
    if UNFINISHED.exists() or not (CONFIG.exists() and PYTHON.exists()) or known != fingerprint(kind):
        return False
    missing = sorted(set(packages) - installed())
    if missing:
        step(f"{len(missing)} files are missing in .venv, such as {missing[0]}; it is made anew")
        stamp_path(kind).unlink()
        UNFINISHED.touch()
    return not missing


def installed() -> set[str]:
    """Return what lies in the environment's folder of packages."""
    names: set[str] = set()
    for folder in VENV.glob("lib/python3*/site-packages"):
        names.update(path.name for path in folder.iterdir() if not path.name.startswith("__"))
    return names


def write_stamp(kind: str) -> None:
    """Remember for which requirements the environment was made, and what that has put there."""
    draft = VENV / ".paddock-stamp"
    draft.write_text("\n".join([fingerprint(kind), *sorted(installed())]) + "\n")
    draft.replace(stamp_path(kind))


def stamp_path(kind: str) -> Path:
    """Return the file that remembers what was installed."""
    return VENV / f".paddock-{kind}"


def fingerprint(kind: str) -> str:
    """Return what an environment for ``kind`` depends on, in short: this Python and the locked files."""
    return hashlib.sha256(f"{sys.version}\n{(REQUIREMENTS / f'{kind}.txt').read_text()}".encode()).hexdigest()


def make_venv(lock: IO[str]) -> None:
    """Make an empty virtual environment in ``.venv``."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        fail(f"python3-venv is missing: install it (Debian, Ubuntu: apt install python{version}-venv)")
    if not VENV.is_dir() and (VENV.exists() or VENV.is_symlink()):
        fail(f"{VENV} is no folder: delete it, the environment belongs there")
    VENV.mkdir(exist_ok=True)
    UNFINISHED.touch()
    for path in VENV.iterdir():
        if path != UNFINISHED:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    wrong = runs([sys.executable, "-m", "venv", VENV], lock)
    if wrong is not None:
        fail(f"no virtual environment could be made in {VENV}: {wrong}")
    step("virtual environment made in .venv")


def install(locked: Path, lock: IO[str]) -> None:
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
    wrong = runs([*pip, "--no-deps", "--target", tool, "--upgrade", "-r", REQUIREMENTS / "bootstrap.txt"], lock)
    if wrong is None:
        step("uv fetched")
        uv: list[str | Path] = [tool / "bin" / "uv", "pip", "install", "--quiet", "--require-hashes"]
        wrong = runs([*uv, "--python", PYTHON, "-r", locked], lock)
        # Sixty megabytes that only the next change of the requirements would use.
        shutil.rmtree(tool)
    if wrong is not None:
        step(f"uv cannot be used here ({wrong[:60]}); pip takes a little longer")
        wrong = runs([*pip, "-r", locked], lock)
    if wrong is not None:
        fail(f"{locked.relative_to(ROOT)} could not be installed: {wrong}")
    step(f"{locked.relative_to(ROOT)} installed")


def runs(command: Sequence[str | Path], lock: IO[str]) -> str | None:
    """Run ``command`` to its end; return None, or what went wrong, in its last words.

    It holds ``lock``, too, and so does whatever it starts: an empty file as standard input is what they all inherit.
    Should this process be ended, the next start waits for them.
    """
    environ = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_LINK_MODE": "hardlink"}
    try:
        done = subprocess.run(
            command,
            stdin=lock,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            env=environ,
        )
    except OSError as error:
        return str(error)
    return None if done.returncode == 0 else last_line(done)


def remedy(error: OSError) -> str:
    """Return what to do about a file that cannot be used."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "free some space on its disk"
    if error.errno == errno.EROFS:
        return f"{ROOT} is read-only: copy Paddock to a folder that can be written"
    if error.errno in {errno.EACCES, errno.EPERM}:
        return f"give user {os.getuid()} the right to write in {ROOT}, or copy Paddock to a folder of its own"
    return f"delete {VENV}, the next start makes it anew"


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the last line that a failed command wrote, where tools say what went wrong."""
    lines = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()
    return lines[-1].strip()


def step(text: str) -> None:
    """Show that a step of the set-up is done, with the seconds since the start."""
    say(sys.stdout, f"· {text:<66} {time.monotonic() - STARTED_S:6.1f} s")


def fail(text: str) -> NoReturn:
    """End with one line that says why."""
    say(sys.stderr, f"paddock cannot start: {text}")
    sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
