"""Real processes for tests: started on the test's own database, always stopped, awaited by condition."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from django.db import connection

ROOT = Path(__file__).resolve().parent.parent
WITHIN_S = 120.0


def environment() -> dict[str, str]:
    """Return this process's environment, pointed at the database that pytest-django has made."""
    settings = connection.settings_dict
    host, port = quote(settings["HOST"] or "", safe=""), settings["PORT"] or ""
    login = settings["USER"] + (f":{quote(settings['PASSWORD'], safe='')}" if settings["PASSWORD"] else "")
    query = f"?host={host}" if "%2F" in host else ""
    place = f"@/{settings['NAME']}{query}" if query else f"@{host}:{port or 5432}/{settings['NAME']}"
    return {**os.environ, "DATABASE_URL": f"postgresql://{login}{place}", "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}


@contextmanager
def running(*command: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``python COMMAND`` until the block ends; its output goes to ``log``."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=environment(), stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise AssertionError(f"{command} did not stop on SIGTERM:\n{log.read_text()}") from None


def wait_until(condition: Callable[[], object], what: str, log: Path | None = None) -> None:
    """Wait for ``condition``; fail with what was waited for and the last lines of the log."""
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        if time.monotonic() > deadline:
            tail = log.read_text()[-4_000:] if log is not None else ""
            raise AssertionError(f"{what}: not within {WITHIN_S} s\n{tail}")
        time.sleep(0.05)


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
