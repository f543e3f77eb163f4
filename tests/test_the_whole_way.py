"""Capture → socket → feed → stream → worker → rows → browser, with the real processes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from io import StringIO
from pathlib import Path

import httpx
import pytest
from django.core.management import call_command
from playwright.sync_api import sync_playwright

from marketdata import bus
from portfolios.models import Balance, Checkpoint, Fill, LedgerEntry
from portfolios.selectors import current_season, fills_digest
from strategies.league.files import load_league
from tests.databases import drop
from tests.leagues import CAPTURE, restless_league, written
from tests.processes import free_port, running, wait_until
from tradingsite.backups import put_back

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
FRAMES = 222
DEPLOYMENTS = len(restless_league().deployments)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.touch()
    return path


@pytest.fixture(autouse=True)
def league(transactional_db: None) -> Iterator[None]:
    bus.redis_client().flushall()
    load_league(restless_league(), by="test")
    yield
    bus.redis_client().flushall()


def feed(log: Path, speed: float) -> object:
    return running("manage.py", "run_feed", "--source", f"recording:{CAPTURE}", "--speed", str(speed), log=log)


def worker(log: Path) -> object:
    return running("manage.py", "run_worker", log=log)


def market_is_worked_through() -> bool:
    """Return whether the recording is over and every deployment's cursor stands at its last frame."""
    state = bus.feed_state()
    if not state or not state["finished"]:
        return False
    last = bus.latest_sequence(state["market"])
    return current_season().accounts.filter(standing__sequence__gte=last).count() == DEPLOYMENTS


def replayed(tmp_path: Path) -> dict[str, object]:
    out = StringIO()
    path = written(restless_league(), tmp_path / "league.toml")
    call_command("replay", str(CAPTURE), "--league", str(path), "--json", stdout=out)
    return json.loads(out.getvalue())


def assert_the_books_balance() -> None:
    sums: dict[tuple[int, str], object] = {}
    for entry in LedgerEntry.objects.filter(party="account"):
        key = (entry.account_id, entry.currency)
        sums[key] = sums.get(key, 0) + entry.amount
    assert {(b.account_id, b.currency): b.amount for b in Balance.objects.all()} == sums


@pytest.mark.parametrize("workers", [1, 3])
def test_the_real_capture_through_workers_gives_the_fills_of_a_replay(log: Path, tmp_path: Path, workers: int) -> None:
    with ExitStack() as stack:
        for _ in range(workers):
            stack.enter_context(worker(log))
        stack.enter_context(feed(log, speed=20))
        wait_until(market_is_worked_through, "every deployment at the last frame", log)
        state = bus.feed_state()

    assert (state["checksums_verified"], state["checksum_failures"], state["trades"]) == (2962, 0, 17)
    assert (state["frames"], state["trade_gaps"]) == (FRAMES, 0)
    assert fills_digest(current_season()) == replayed(tmp_path)["fills_sha256"]
    assert Fill.objects.count() > 40
    assert_the_books_balance()


def test_a_worker_killed_in_the_middle_changes_nothing(log: Path, tmp_path: Path) -> None:
    with ExitStack() as stack:
        victim = stack.enter_context(worker(log))
        stack.enter_context(feed(log, speed=3))
        wait_until(lambda: Fill.objects.count() > 10, "some fills", log)
        victim.kill()
        victim.wait()
        cut_at = Checkpoint.objects.order_by("-sequence").first().sequence

        stack.enter_context(worker(log))
        wait_until(market_is_worked_through, "every deployment at the last frame", log)

    assert cut_at < bus.latest_sequence(current_season().market)
    assert fills_digest(current_season()) == replayed(tmp_path)["fills_sha256"]
    assert_the_books_balance()


def test_a_backup_put_back_in_the_middle_changes_nothing(log: Path, tmp_path: Path) -> None:
    with ExitStack() as stack:
        stack.enter_context(worker(log))
        stack.enter_context(feed(log, speed=3))
        wait_until(lambda: Fill.objects.count() > 5, "some fills", log)
        call_command("backup", folder=tmp_path)
        known = Fill.objects.latest("id").pk
        wait_until(lambda: Fill.objects.filter(pk__gt=known + 10).exists(), "fills that the backup lacks", log)
        (backup,) = tmp_path.glob("*.dump")
        before = put_back(backup, by="test")
        wait_until(market_is_worked_through, "every deployment at the last frame", log)

    drop(before)
    assert "the database is gone, and with it the leases" in log.read_text()
    assert fills_digest(current_season()) == replayed(tmp_path)["fills_sha256"]
    assert_the_books_balance()


def test_a_feed_killed_in_the_middle_of_a_recording_republishes_nothing(log: Path, tmp_path: Path) -> None:
    with ExitStack() as stack:
        stack.enter_context(worker(log))
        victim = stack.enter_context(feed(log, speed=3))
        wait_until(lambda: Fill.objects.count() > 10, "some fills", log)
        victim.kill()
        victim.wait()

        stack.enter_context(feed(log, speed=20))
        wait_until(market_is_worked_through, "every deployment at the last frame", log)

    assert fills_digest(current_season()) == replayed(tmp_path)["fills_sha256"]


@pytest.mark.browser
def test_a_trade_appears_on_the_page_without_a_reload(log: Path) -> None:
    port = free_port()
    with ExitStack() as stack:
        stack.enter_context(running("-m", "daphne", "-p", str(port), "tradingsite.asgi:application", log=log))
        wait_until(lambda: _answers(port), "the web site", log)
        stack.enter_context(worker(log))
        browser = stack.enter_context(sync_playwright()).chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        page.evaluate("window.loadedOnce = true")
        assert page.locator(".feed li").count() == 0

        stack.enter_context(feed(log, speed=2))
        page.locator(".feed li").first.wait_for(timeout=60_000)

        assert page.evaluate("window.loadedOnce") is True
        assert "RECORDING" in page.locator("body").inner_text().upper()
        browser.close()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    except httpx.TransportError:
        return False
