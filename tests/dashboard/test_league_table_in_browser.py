"""The league's table as a person bends it to their will: order, columns, selection, windows, the past."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from marketdata import bus
from portfolios.outbox.announcements import Announcer
from tests.browsing import DESK, PHONE, browser, complaints_of, faults_of, in_a_browser, web
from tests.rows import NOON, drawn_curve, enter, fill, open_season, run_feed, stand

__all__ = ["browser", "web"]
pytestmark = in_a_browser
FIGURES = {
    "alpha": {"equity": "103", "fees": 2, "fills": 8, "round_trips": 4, "wins": 3, "realised": 3, "unrealised": 0},
    "bravo": {"equity": "102", "fees": 5, "fills": 4, "round_trips": 2, "wins": 0, "realised": 1, "unrealised": 1},
    "charlie": {"equity": "98", "fees": 1, "fills": 0, "round_trips": 0, "wins": 0, "realised": 0, "unrealised": -2},
}


@pytest.fixture
def league():
    run_feed(market_time=NOON.isoformat())
    season = open_season()
    rows = {slug: enter(season, slug, strategy="ema_cross") for slug in FIGURES}
    rows["hold"] = enter(season, "hold")
    for number, (slug, figures) in enumerate(FIGURES.items()):
        drawn_curve(rows[slug], points=180, seed=number)
        stand(rows[slug], **figures)
    stand(rows["hold"], "99")
    fill(rows["alpha"], 1, result=3)
    fill(rows["bravo"], 2, side="sell", result=-1)
    yield rows
    bus.clear_feed_state()


@pytest.fixture
def page(browser, league, web):
    tab = browser.new_page(viewport=DESK)
    complaints = complaints_of(tab, web)
    tab.goto(web)
    expect(tab.locator("html")).to_have_attribute("data-socket", "open")
    yield tab
    tab.close()
    assert complaints == []


def order(page):
    return page.evaluate("[...document.querySelectorAll('#board-rows tr')].map((row) => row.id.replace('row-', ''))")


def by_fees(page):
    page.get_by_role("button", name="Fees").click()


def test_cash_stands_where_nothing_was_gained_and_benchmarks_can_be_hidden(page):
    assert order(page) == ["alpha", "bravo", "yardstick-cash", "hold", "charlie"]

    page.locator("#chooser summary").click()
    page.get_by_label("rows of benchmarks").uncheck()

    expect(page.locator("#yardstick-cash")).to_be_hidden()
    expect(page.locator("#row-hold")).to_be_hidden()
    expect(page.locator("#row-alpha")).to_be_visible()


def test_an_order_outlives_what_the_socket_brings_and_a_reload(page, league):
    by_fees(page)
    assert order(page)[:3] == ["hold", "charlie", "alpha"]
    assert page.locator("#head-fees").get_attribute("aria-sort") == "ascending"
    by_fees(page)

    stand(league["charlie"], "140.25", fees=9)
    Announcer().announce(["charlie"])

    expect(page.locator("#row-charlie")).to_contain_text("140.25")
    assert order(page)[:2] == ["charlie", "bravo"]
    page.reload()
    assert order(page)[:2] == ["charlie", "bravo"]


def test_columns_that_are_not_wanted_stay_away(page):
    page.locator("#chooser summary").click()
    page.get_by_label("Exposure").uncheck()
    page.keyboard.press("Escape")

    expect(page.locator("#head-exposure")).to_be_hidden()
    expect(page.locator("#row-alpha .c-exposure")).to_be_hidden()
    page.reload()
    expect(page.locator("#head-exposure")).to_be_hidden()
    expect(page.locator("#head-fees")).to_be_visible()


def test_rows_are_picked_summed_up_and_compared(page, web, league):
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    summary = page.locator("#board-summary")

    expect(summary).to_contain_text("2 selected")
    expect(summary.locator(".c-equity")).to_have_text("205.00")
    expect(summary.locator(".c-return")).to_have_text("+5.00")
    expect(summary.locator(".c-fees")).to_have_text("7.00")
    expect(summary.locator(".c-wins")).to_have_text("50 n 6")
    stand(league["alpha"], "104.50", fees=3, realised=3, unrealised="1.5")
    Announcer().announce(["alpha"])
    expect(summary.locator(".c-equity")).to_have_text("206.50")
    summary.get_by_role("link", name="compare").click()
    page.wait_for_url(f"{web}/compare/?with=alpha&with=bravo")


def test_a_window_tells_what_was_made_within_it(page, web):
    page.get_by_role("link", name="1h", exact=True).click()
    page.wait_for_url(f"{web}/?window=1h")
    expect(page.locator("html")).to_have_attribute("data-socket", "open")

    expect(page.locator("#window-1h")).to_have_attribute("aria-current", "true")
    expect(page.locator("#row-alpha .line svg")).to_have_attribute("aria-label", re.compile("P&L now"))
    expect(page.locator("#panel-totals")).to_contain_text("1h")


def test_trades_are_filtered(page, league):
    page.locator("#feed-side").select_option("sell")
    expect(page.locator("#feed-count")).to_have_text("1 of the newest 2")
    page.locator("#feed-result").select_option("gain")
    expect(page.locator("#feed-empty")).to_be_visible()
    page.locator("#feed-side").select_option("")

    fill(league["charlie"], 3, result=5, time=NOON + timedelta(seconds=1), reason="above the upper band")
    Announcer().announce(["charlie"])

    expect(page.locator("#feed-count")).to_have_text("2 of the newest 3")
    expect(page.get_by_role("log")).to_contain_text("above the upper band")


def test_the_time_machine_scrubs_by_keyboard_and_comes_back(page, web):
    page.keyboard.press("t")
    for _ in range(60):
        page.keyboard.press("ArrowLeft")

    page.wait_for_url("**/?at=2026-07-07T11*")
    expect(page.locator("html")).to_have_attribute("data-socket", "past")
    expect(page.locator("#row-alpha .c-health")).to_contain_text("not recorded")
    expect(page.locator("#panel-prices")).to_be_hidden()
    expect(page.locator("#past-words")).to_contain_text("as of")
    shown = page.locator("#equity-alpha").text_content()
    page.reload()
    expect(page.locator("#equity-alpha")).to_have_text(shown)
    assert shown != "103.00"

    page.keyboard.press("Escape")

    page.wait_for_url(f"{web}/?")
    expect(page.locator("html")).to_have_attribute("data-socket", "open")
    expect(page.locator("#equity-alpha")).to_have_text("103.00")


def test_a_tab_that_nobody_looks_at_leaves_its_socket_and_catches_up(page, league):
    hide = "Object.defineProperty(document, 'hidden', {{value: {}, configurable: true}});"
    hide += "document.dispatchEvent(new Event('visibilitychange'))"
    page.evaluate(hide.format("true"))
    expect(page.locator("html")).to_have_attribute("data-socket", "resting", timeout=10_000)

    stand(league["alpha"], "150")
    Announcer().announce(["alpha"])
    page.evaluate(hide.format("false"))

    expect(page.locator("html")).to_have_attribute("data-socket", "open")
    expect(page.locator("#equity-alpha")).to_have_text("150.00")


def test_a_new_leader_is_announced_once(page, league):
    stand(league["charlie"], "190")
    Announcer().announce(["charlie"])

    expect(page.locator("#lead")).to_have_text("Charlie is now first in the season.")


@pytest.mark.parametrize("path", ["/", "/?window=24h", "/?at=2026-07-07T11:00:00Z"])
def test_everybody_can_use_it(browser, league, web, path):
    for size in (DESK, PHONE):
        for scheme in ("dark", "light"):
            tab = browser.new_context(viewport=size, color_scheme=scheme).new_page()
            complaints = complaints_of(tab, web)
            tab.goto(web + path)
            expect(tab.locator("#row-alpha")).to_be_visible()
            tab.locator(".pick").first.check()

            assert faults_of(tab) == [], (size, scheme)
            assert tab.evaluate("document.documentElement.scrollWidth") == size["width"]
            assert complaints == []
            tab.close()
