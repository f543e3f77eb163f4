"""The system page as a person sees it: a real Chromium on a real daphne."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone
from playwright.sync_api import Browser, expect

from marketdata import bus
from marketdata.telemetry import report_store
from marketdata.telemetry.reporting import Report, Reporter
from strategies.models import Worker
from tests.browsing import browser, complaints_of, faults_of, in_a_browser, web
from tests.rows import enter, open_season, run_feed

__all__ = ["browser", "web"]
pytestmark = in_a_browser
SIZES = [(1440, 900, "dark"), (1440, 900, "light"), (390, 844, "dark"), (390, 844, "light")]


@pytest.fixture(autouse=True)
def house() -> Iterator[None]:
    cache.clear()
    bus.redis_client().flushall()
    enter(open_season(), "alpha")
    run_feed()
    yield
    bus.redis_client().flushall()


def everybody_reports() -> None:
    for kind in ("feed", "worker", "warden", "jobs", "beat"):
        report = Report(kind, "here:1", Reporter(kind).report().families)
        report_store.write_report(report.name, report.encoded)


def a_worker(*, silent_s: float) -> Worker:
    now = timezone.now()
    return Worker.objects.create(
        name="here-1-020000", started_at=now, heartbeat_at=now - timedelta(seconds=silent_s), deployments=1
    )


@contextmanager
def visiting(browser: Browser, home: str, width: int, height: int, scheme: str, path: str = "/system/"):
    """Open the page; yield it with what went wrong on its console and what was fetched from elsewhere."""
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    amiss = complaints_of(page, home)
    page.goto(home + path)
    yield page, amiss
    context.close()


@pytest.mark.parametrize(("width", "height", "scheme"), SIZES)
def test_a_woken_person_reads_what_is_amiss_and_a_machine_finds_no_barrier(browser, web, width, height, scheme):
    everybody_reports()
    a_worker(silent_s=600)
    with visiting(browser, web, width, height, scheme) as (page, amiss):
        answer = page.locator(".trust-answer")
        expect(answer).to_contain_text("System error")
        expect(page.locator(".system-do")).to_contain_text("manage.py run_worker")
        expect(page.locator("#worker-here-1-020000")).to_contain_text("no heartbeat since")

        found = faults_of(page)
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")

    assert found == []
    assert overflow == 0
    assert amiss == []


def test_the_page_follows_what_happens_without_being_loaded_again(browser, web):
    everybody_reports()
    worker = a_worker(silent_s=600)
    with visiting(browser, web, 1440, 900, "light") as (page, amiss):
        expect(page.locator(".trust-sentence").first).to_contain_text("No heartbeat from the only worker")
        page.evaluate("window.isTheSame = true")

        for _ in range(40):  # its heartbeat and the feed's, until they are on the page
            Worker.objects.filter(pk=worker.pk).update(heartbeat_at=timezone.now())
            run_feed()
            everybody_reports()
            if "running" in page.locator("#worker-here-1-020000").inner_text():
                break
            page.wait_for_timeout(500)

        expect(page.locator("#worker-here-1-020000")).to_contain_text("running")
        assert page.evaluate("window.isTheSame") is True
    assert amiss == []


def test_the_keyboard_alone_reaches_the_page_and_the_deployments_of_a_worker(browser, web):
    everybody_reports()
    a_worker(silent_s=0)
    with visiting(browser, web, 1440, 900, "dark", "/") as (page, _):
        page.keyboard.press("g")
        page.keyboard.press("s")
        page.wait_for_url("**/system/")

        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        expect(page.locator("#nav-system")).to_have_attribute("aria-current", "page")


def test_the_feed_page_has_no_barrier_either(browser, web):
    with visiting(browser, web, 390, 844, "light", "/feed/") as (page, amiss):
        expect(page.locator(".trust-answer")).to_be_visible()

        assert faults_of(page) == []
    assert amiss == []
