"""PostgreSQL or Valkey is restarted: no page that is requested afterwards fails, and what is live goes on."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg
import pytest
from asgiref.sync import sync_to_async
from websockets.asyncio.client import connect

from tests.processes import environment, wait_until
from tests.rows import enter, open_season, stand
from tests.serving import Site
from tradingsite.launcher import embedded

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
NAME = "site-that-is-restarted-under"
CONNECTIONS = 4
WITHIN_S = 5.0
PAGES = ["/", "/feed/", "/markets/", "/system/", "/api/v1/league/", "/api/v1/feed/", "/healthz", "/audit/"]


class Valkey:
    """A Valkey that can be restarted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = embedded.valkey_url(folder)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = embedded.valkey_command(self.folder, socket_dir=self.folder)
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd="/")
        wait_until((self.folder / "valkey.sock").exists, "valkey")

    def stop(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()

    def restart(self) -> None:
        self.stop()
        self.start()


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    valkey = Valkey(tmp_path_factory.mktemp("vk"))
    valkey.start()
    yield valkey
    valkey.stop()


@pytest.fixture
def site(tmp_path: Path, valkey: Valkey) -> Iterator[Site]:
    site = Site(tmp_path / "log", PADDOCK_DATABASE_POOL=str(CONNECTIONS), REDIS_URL=valkey.url, PGAPPNAME=NAME)
    site.start()
    yield site
    site.end()


def statuses(site: Site) -> dict[str, int]:
    """Request every page at the same time; return their statuses."""
    with ThreadPoolExecutor(len(PAGES)) as readers:
        answers = readers.map(lambda path: httpx.get(site.url + path, timeout=60, follow_redirects=True), PAGES)
        return {path: answer.status_code for path, answer in zip(PAGES, answers, strict=True)}


def end_connections() -> int:
    """End the site's connections to the database, as its restart does; return how many there were."""
    with psycopg.connect(environment()["DATABASE_URL"], autocommit=True) as server:
        ended = server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", [NAME]
        )
        return len(ended.fetchall())


def test_no_page_fails_after_a_restart(site, valkey):
    before = statuses(site)
    assert set(before.values()) == {200}

    ended = end_connections()
    after_postgres = statuses(site)
    valkey.restart()
    after_valkey = statuses(site)

    assert ended >= CONNECTIONS
    assert (after_postgres, after_valkey) == (before, before), site.log.read_text()[-3_000:]


def test_while_valkey_is_away_pages_show_what_the_database_has(site, valkey):
    valkey.stop()
    try:
        assert set(statuses(site).values()) == {200}, site.log.read_text()[-3_000:]
    finally:
        valkey.start()


@pytest.mark.usefixtures("closed_connections")
async def test_a_live_page_goes_on_after_both_were_restarted(site, valkey):
    row = await sync_to_async(lambda: enter(open_season(), "a"))()
    async with connect(f"ws://127.0.0.1:{site.port}/ws/league/", origin=site.url) as reader:
        await reader.recv()
        await sync_to_async(end_connections)()
        await sync_to_async(valkey.restart)()
        began_s = time.monotonic()
        await sync_to_async(stand)(row, "123.45")
        while "123.45" not in str(await reader.recv()):
            pass

    assert time.monotonic() - began_s < 2 * WITHIN_S
