"""Every page, on a desk and on a phone, dark and light, by keyboard: nothing is in anybody's way."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from dashboard.notifications.models import Channel, Delivery, Rule
from marketdata.models import FeedEvent
from portfolios.audit import note_change
from strategies.models import DeploymentEvent
from tests.browsing import DESK, PHONE, browser, complaints_of, faults_of, in_a_browser, web
from tests.listening import ReceivedMarket, forget_all, list_pair, store
from tests.rows import MARKET, NOON, drawn_curve, enter, fill, open_season, run_feed, shadow, stand
from tradingsite.access.roles import give_role

__all__ = ["browser", "web"]
pytestmark = in_a_browser
BOOK = """
    640003 x 30
    ---
    640000 x 10
"""
PUBLIC = (
    *("/", "/?window=24h", "/deployments/alpha", "/compare/?with=alpha&with=bravo", "/markets/", "/markets/BTC-USD/"),
    *("/feed/", "/system/", "/docs/fills/", "/docs/strategies/", "/docs/stream/", "/fills/{fill}/", "/nowhere/"),
    *("/login/", "/api/docs/"),
)
FOR_TRADERS = (
    *("/notifications/", "/audit/", "/admin/", "/admin/strategies/deployment/", "/admin/strategies/deployment/add/"),
    *("/admin/notifications/rule/add/", "/admin/portfolios/season/", "/account/", "/account/password/"),
    *("/account/second-factor/", "/login/confirm/"),
)


@pytest.fixture
def league():
    forget_all()
    market = ReceivedMarket()
    market.tell(BOOK, trades="buy 640003 x 5")
    run_feed(market_time=NOON.isoformat())
    list_pair()
    store([64_000 + at % 9 for at in range(120)], end=NOON)
    season = open_season()
    rows = {slug: enter(season, slug) for slug in ("alpha", "bravo")}
    for number, row in enumerate(rows.values()):
        drawn_curve(row, points=60, seed=number)
        stand(row, "103", fills=2, round_trips=1, wins=1)
    rows["fill"] = fill(rows["alpha"], 1)
    shadow(rows["alpha"], "optimistic", "104.25")
    DeploymentEvent.objects.create(deployment=rows["alpha"], event_id="e", kind="error", summary="a fault", time=NOON)
    FeedEvent.objects.create(market=MARKET, time=NOON, kind="gap", symbol="BTC/USD", detail="3 trades: ids 5 to 7")
    channel = Channel.objects.create(name="me", kind="webhook", target="https://example.com/x", secret="key")
    rule = Rule.objects.create(name="fills", channel=channel, kind="fill")
    Delivery.objects.create(rule=rule, key="a", title="alpha: bought", state="failed", answer="503 Unavailable")
    note_change(by="ada", kind="deployment", subject="alpha", action="paused", sentence="looking at its fees")
    yield rows
    forget_all()


@pytest.fixture
def trader():
    user = User.objects.create_user("tess", password="correct horse 42")
    give_role(user=user, role="trader", by="test")


def visited(tab, web, path, league):
    tab.goto(web + path.format(fill=league["fill"].pk))
    tab.wait_for_load_state("load")
    if tab.locator("#socket").count():
        expect(tab.locator("html")).to_have_attribute("data-socket", "open")


def wrong_with(tab, web, paths, league, size):
    """Return what is wrong with the pages, each beside its address."""
    found = []
    for path in paths:
        complaints = complaints_of(tab, web, expected="status of 404")
        visited(tab, web, path, league)
        if faults := [fault for fault in faults_of(tab) if fault[1] in ("serious", "critical")]:
            found.append((path, faults))
        if (width := tab.evaluate("document.documentElement.scrollWidth")) > size["width"]:
            found.append((path, f"{width} pixels wide"))
        found += [(path, said) for said in complaints]
        if tab.title() == "":
            found.append((path, "no title"))
    return found


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_no_page_is_in_anybodys_way(browser, web, league, size, scheme):
    tab = browser.new_context(viewport=size, color_scheme=scheme).new_page()

    assert wrong_with(tab, web, PUBLIC, league, size) == []


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_no_page_of_a_trader_is_in_his_way(browser, web, league, trader, size):
    tab = browser.new_context(viewport=size).new_page()
    tab.goto(f"{web}/admin/login/")
    tab.get_by_label("Username").fill("tess")
    tab.get_by_label("Password").fill("correct horse 42")
    tab.keyboard.press("Enter")
    tab.wait_for_url(f"{web}/admin/")

    assert wrong_with(tab, web, FOR_TRADERS, league, size) == []


def test_a_person_with_a_keyboard_alone_goes_everywhere(browser, web, league):
    tab = browser.new_page(viewport=DESK)
    visited(tab, web, "/", league)
    for keys, path in (("gm", "/markets/"), ("gf", "/feed/"), ("gs", "/system/"), ("gl", "/")):
        for key in keys:
            tab.keyboard.press(key)
        tab.wait_for_url(web + path)
        expect(tab.locator("html")).to_have_attribute("data-socket", "open")
    tab.keyboard.press("Tab")
    expect(tab.locator(".skip")).to_be_focused()
    tab.keyboard.press("Enter")
    tab.keyboard.press("j")
    tab.keyboard.press("Enter")

    tab.wait_for_url(f"{web}/deployments/*")
    reached = set()
    for _ in range(60):
        tab.keyboard.press("Tab")
        reached.add(tab.evaluate("document.activeElement.tagName"))
        outline = tab.evaluate(
            "(() => { const style = getComputedStyle(document.activeElement);"
            " return style.outlineStyle !== 'none' || style.textDecorationLine === 'underline'; })()"
        )
        is_beyond_the_end = tab.evaluate("document.activeElement === document.body")
        assert outline or is_beyond_the_end, tab.evaluate("document.activeElement.outerHTML.slice(0, 200)")
    assert {"A", "BUTTON"} <= reached
