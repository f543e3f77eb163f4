"""Pages as a person sees them: a real Chromium on a real daphne, watched for complaints."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import connection
from playwright.sync_api import Browser, Page, sync_playwright

from tests.processes import environment, free_port

CHROMIUM = "/usr/bin/chromium"
LAUNCH = {"executable_path": CHROMIUM, "args": ["--no-sandbox", "--disable-dev-shm-usage"]}
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
in_a_browser = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="no chromium: apt-get install chromium"),
]


def serve(port: int) -> subprocess.Popen[bytes]:
    """Start daphne on the database of this process; return it once it answers."""
    command = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(port), "tradingsite.asgi:application"]
    with TemporaryFile() as output:
        web = subprocess.Popen(command, env=environment(), stdout=output, stderr=subprocess.STDOUT)
        for _ in range(200):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1)
                return web
            except OSError:
                time.sleep(0.1)
        stop(web)
        output.seek(0)
        raise RuntimeError(f"daphne did not answer within 20 seconds: {output.read().decode()[-2000:]}")


def stop(web: subprocess.Popen[bytes]) -> None:
    """End daphne, at once if it does not want to."""
    web.terminate()
    try:
        web.wait(timeout=3)
    except subprocess.TimeoutExpired:
        # A request that was under way holds daphne's thread, and that the interpreter, for ever.
        web.kill()
        web.wait()


@contextmanager
def served() -> Iterator[str]:
    """Serve the pages; yield their address."""
    port = free_port()
    web = serve(port)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(web)


@pytest.fixture(scope="module")
def web(django_db_setup: None) -> Iterator[str]:
    """Serve the pages to all tests of a module; its address."""
    with served() as address:
        yield address


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    """Start a Chromium."""
    # Playwright's synchronous face keeps a loop in this thread. Django takes what is written meanwhile for
    # written from a coroutine: it must be allowed, and its connection is another one, closed here.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(**LAUNCH)  # type: ignore[arg-type]
        yield chromium
        chromium.close()
        connection.close()


def complaints_of(tab: Page, site: str, expected: str = "\0") -> list[str]:
    """Return what will go wrong on the tab: its console, and what it fetches from elsewhere.

    Messages with ``expected`` in them are what the test is about.
    """
    complaints: list[str] = []

    def hear(kind: str, text: str) -> None:
        if kind in ("error", "warning") and expected not in text:
            complaints.append(text)

    tab.on("console", lambda message: hear(message.type, message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("request", lambda r: None if r.url.startswith((site, "data:")) else complaints.append(r.url))
    return complaints


def faults_of(tab: Page) -> list[tuple[str, str, list[list[str]]]]:
    """Return what axe finds that people who see, hear or move otherwise would stumble over."""
    # Its own look at style sheets would write them into a page anew, which the pages' policy forbids.
    found = Axe().run(tab, options={"preload": False}).response["violations"]
    return [(f["id"], f["impact"], [node["target"] for node in f["nodes"]]) for f in found]
