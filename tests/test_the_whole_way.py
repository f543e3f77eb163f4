"""Capture → socket → feed → stream → worker → rows → browser, with the real processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from django.core.management import call_command
from playwright.sync_api import sync_playwright

from marketdata import bus
from portfolios.models import Balance, Checkpoint, Fill
from portfolios.selectors import current_season
from strategies.league.files import load_league
from tests.databases import drop
from tests.leagues import restless_league
from tests.processes import free_port, running, wait_until
from tests.season import feed, ledger_sums, market_is_worked_through, replayed, season_digest, worker
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


def all_is_worked_through() -> bool:
    return market_is_worked_through(DEPLOYMENTS)


def replayed_digest(tmp_path: Path) -> str:
    return replayed(restless_league(), tmp_path)["fills_sha256"]


def assert_the_books_balance() -> None:
    assert {(b.account_id, b.currency): b.amount for b in Balance.objects.all()} == ledger_sums()


@pytest.mark.parametrize("workers", [1, 3])
def test_the_real_capture_through_workers_gives_the_fills_of_a_replay(log: Path, tmp_path: Path, workers: int) -> None:
    with ExitStack() as stack:
        for _ in range(workers):
            stack.enter_context(worker(log))
        stack.enter_context(feed(log, speed=20))
        wait_until(all_is_worked_through, "every deployment at the last frame", log)
        state = bus.feed_state()

    assert (state["checksums_verified"], state["checksum_failures"], state["trades"]) == (2962, 0, 17)
    assert (state["frames"], state["trade_gaps"]) == (FRAMES, 0)
    assert season_digest() == replayed_digest(tmp_path)
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
        wait_until(all_is_worked_through, "every deployment at the last frame", log)

    assert cut_at < bus.latest_sequence(current_season().market)
    assert season_digest() == replayed_digest(tmp_path)
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
        before = put_back(backup, by="test").before
        wait_until(all_is_worked_through, "every deployment at the last frame", log)

    drop(before)
    assert "the database is gone, and with it the leases" in log.read_text()
    assert season_digest() == replayed_digest(tmp_path)
    assert_the_books_balance()


def test_a_feed_killed_in_the_middle_of_a_recording_republishes_nothing(log: Path, tmp_path: Path) -> None:
    with ExitStack() as stack:
        stack.enter_context(worker(log))
        victim = stack.enter_context(feed(log, speed=3))
        wait_until(lambda: Fill.objects.count() > 10, "some fills", log)
        victim.kill()
        victim.wait()

        stack.enter_context(feed(log, speed=20))
        wait_until(all_is_worked_through, "every deployment at the last frame", log)

    assert season_digest() == replayed_digest(tmp_path)


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
