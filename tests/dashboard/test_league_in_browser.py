"""What a person sees: a real Chromium on a real daphne."""

import pytest
from playwright.sync_api import expect

from marketdata import bus
from marketdata.models import FeedEvent
from portfolios.models import EquityPoint
from portfolios.outbox.announcements import Announcer
from tests.browsing import CHROMIUM, DESK, browser, complaints_of, in_a_browser, serve, stop, web
from tests.processes import free_port
from tests.rows import MARKET, NOON, enter, fill, open_season, run_feed, shadow, stand

__all__ = ["CHROMIUM", "browser", "free_port", "serve", "stop", "web"]
pytestmark = in_a_browser


@pytest.fixture
def league():
    run_feed()
    season = open_season()
    rows = {slug: enter(season, slug) for slug in ("alpha", "bravo", "charlie")}
    for slug, equity in {"alpha": "103", "bravo": "102", "charlie": "101"}.items():
        stand(rows[slug], equity)
    fill(rows["alpha"], 1)
    shadow(rows["alpha"], "optimistic", "104.25")
    shadow(rows["alpha"], "pessimistic", "87.5")
    yield rows
    bus.clear_feed_state()


@pytest.fixture
def page(browser, league, web):
    """The league page, watched for complaints and for anything fetched from elsewhere."""
    tab = browser.new_page(viewport=DESK)
    complaints = complaints_of(tab, web)
    tab.goto(web)
    expect(tab.locator("html")).to_have_attribute("data-socket", "open")
    yield tab
    tab.close()
    assert complaints == []


def test_a_row_moves_up_and_a_trade_appears_without_a_reload(page, league):
    page.evaluate("window.isSamePage = true")
    page.get_by_role("link", name="Bravo").focus()

    stand(league["charlie"], "140.25", fills=1, last_fill_at=NOON)
    fill(league["charlie"], 2, reason="below the lower band")
    Announcer().announce(["charlie"])

    expect(page.locator("#board-rows tr").first).to_contain_text("140.25")
    expect(page.locator("#board-rows tr").first).to_contain_text("Charlie")
    expect(page.get_by_role("log")).to_contain_text("below the lower band")
    assert page.evaluate("window.isSamePage")
    assert page.evaluate("document.activeElement.id") == "link-bravo"


def test_prices_tick(page):
    from tests.rows import quote

    run_feed(symbols={"BTC/USD": quote("65432.1", "65432.2")})

    expect(page.locator("#last-btcusd")).to_have_text("65,432.1")


def test_the_keyboard_filters_moves_opens_and_returns(page, web):
    page.keyboard.press("/")
    page.keyboard.type("a")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("j")
    on_second = page.evaluate("document.activeElement.id")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_url("**/deployments/alpha")
    page.keyboard.press("g")
    page.keyboard.press("l")
    page.wait_for_url(f"{web}/")

    assert on_second == "link-bravo"


def test_a_filter_outlives_what_the_socket_brings(page, league):
    page.locator("#filter").fill("charlie")

    stand(league["charlie"], "111.11")
    Announcer().announce(["charlie"])

    expect(page.locator("#row-charlie")).to_contain_text("111.11")
    expect(page.locator("#row-alpha")).to_be_hidden()
    expect(page.locator("#filter")).to_have_value("charlie")
    expect(page.locator("#filter-count")).to_have_text("1 of 3")


def test_help_opens_with_a_question_mark_and_closes_with_escape(page):
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()

    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()


def test_the_theme_follows_the_system_until_one_is_chosen_and_is_remembered(page):
    shade = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(shade)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(shade)
    page.locator("#theme-toggle").click()
    page.locator("#theme-toggle").click()

    page.reload()

    assert light != dark
    assert page.locator("html").get_attribute("data-theme") == "light"
    assert page.evaluate(shade) == light


def test_the_feed_page_turns_bad_by_itself_when_the_exchange_is_lost(page, web):
    page.keyboard.press("g")
    page.keyboard.press("f")
    page.wait_for_url(f"{web}/feed/")
    expect(page.locator("html")).to_have_attribute("data-socket", "open")
    expect(page.locator(".trust-answer")).to_contain_text("Market data OK")
    page.evaluate("window.isSamePage = true")
    page.locator("#kind-gap").focus()

    FeedEvent.objects.create(market=MARKET, time=NOON, kind="gap", symbol="BTC/USD", detail="3 trades: ids 5 to 7")
    run_feed(connected=False, messages_per_s=0.0)

    expect(page.locator(".trust-answer")).to_contain_text("Market data down")
    expect(page.locator("#feed-rate")).to_have_text("0")
    expect(page.locator(".feed-events")).to_contain_text("ids 5 to 7", timeout=10_000)
    assert page.evaluate("window.isSamePage")
    assert page.evaluate("document.activeElement.id") == "kind-gap"


@pytest.mark.parametrize("address", ["/", "/deployments/alpha", "/feed/"])
def test_a_phone_needs_no_scrolling_sideways(page, web, address):
    page.set_viewport_size({"width": 390, "height": 844})

    page.goto(web + address)

    expect(page.locator("html")).to_have_attribute("data-socket", "open")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_a_deployments_page_draws_its_curve_and_follows(page, web, league):
    EquityPoint.objects.create(account=league["alpha"].account, time=NOON, equity=100, mid_equity=100)
    page.goto(f"{web}/deployments/alpha")
    expect(page.locator("#equity-chart canvas").first).to_be_visible()

    stand(league["alpha"], "155.5")
    Announcer().announce(["alpha"])

    expect(page.locator("#figure-equity")).to_have_text("155.5000")
    expect(page.locator("#equity-chart canvas").first).to_be_visible()


def test_a_page_whose_socket_is_lost_says_so_and_recovers(browser, league):
    port = free_port()
    web = serve(port)
    tab = browser.new_page()
    tab.goto(f"http://127.0.0.1:{port}/")
    expect(tab.locator("html")).to_have_attribute("data-socket", "open")

    stop(web)

    expect(tab.locator("#socket-state")).to_contain_text("not live")
    web = serve(port)
    stand(league["alpha"], "199")
    expect(tab.locator("#row-alpha")).to_contain_text("199.00", timeout=20_000)
    expect(tab.locator("#socket-state")).to_be_hidden()
    stop(web)
