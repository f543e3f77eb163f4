"""A market's page as a person uses it: a real Chromium on a real daphne."""

import threading
from datetime import timedelta
from itertools import product

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from marketdata.models import Candle
from portfolios.outbox.announcements import Announcer
from tests.dashboard.test_league_in_browser import browser, free_port, pytestmark, serve, stop  # noqa: F401
from tests.listening import ReceivedMarket, forget_all, list_pair, store
from tests.rows import NOON, enter, fill, open_season, quote, run_feed

BOOK = """
    640003 x 30
    640001 x 20
    ---
    640000 x 10
    639998 x 15
"""
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
# The last of the candles ends where the drawn frames begin.
CANDLES_END = NOON + timedelta(hours=12)


class Feed:
    """A feed that goes on telling until it is stopped."""

    def __init__(self):
        self.market = ReceivedMarket()
        self.symbols = {"BTC/USD": quote("64000.0", "64000.1"), "ETH/USD": quote("3000.0", "3000.1")}
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep_telling, daemon=True)

    def start(self):
        self._tell()
        self._thread.start()

    def stop(self):
        self._is_stopping.set()
        self._thread.join()

    def _keep_telling(self):
        while not self._is_stopping.wait(1):
            self._tell()

    def _tell(self):
        run_feed(market_time=CANDLES_END.isoformat(), symbols=self.symbols)


@pytest.fixture
def feed(db):
    forget_all()
    running = Feed()
    running.market.tell(BOOK, trades="buy 640001 x 5\nsell 640000 x 7")
    running.start()
    yield running
    running.stop()
    forget_all()


@pytest.fixture
def league(feed):
    list_pair()
    list_pair("ETH/USD")
    season = open_season()
    store([64_000 + at % 9 for at in range(650)], end=CANDLES_END)
    store([64_000 + at % 9 for at in range(100)] + [0] * 7 + [64_000] * 200, timeframe="5m", end=CANDLES_END)
    alpha, bravo = enter(season, "alpha"), enter(season, "bravo")
    fill(alpha, 1, time=CANDLES_END - timedelta(minutes=5))
    fill(bravo, 2, time=CANDLES_END - timedelta(minutes=30), side="sell", result=-1)
    return {"alpha": alpha, "bravo": bravo}


@pytest.fixture
def site(league):
    port = free_port()
    web = serve(port)
    yield f"http://127.0.0.1:{port}"
    stop(web)


@pytest.fixture
def page(browser, site):  # noqa: F811
    """The page of BTC/USD with its candles drawn, watched for complaints and for anything fetched from elsewhere."""
    tab = browser.new_page(viewport=DESK)
    complaints = []
    # Chromium itself notes a refused request; that the page tells it is tested.
    is_expected = "status of 400"
    tab.on(
        "console",
        lambda m: complaints.append(m.text) if m.type in ("error", "warning") and is_expected not in m.text else None,
    )
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("request", lambda r: None if r.url.startswith((site, "data:")) else complaints.append(r.url))
    tab.goto(f"{site}/markets/BTC-USD/")
    expect(tab.locator("html")).to_have_attribute("data-socket", "open")
    expect(tab.locator("#chart-summary")).to_contain_text("closed 1m candles")
    yield tab
    tab.close()
    assert complaints == []


def column(page, side):
    rows = page.locator(f".ladder .{side} tr").all()
    return [tuple(cell.text_content().split()[-1] for cell in row.locator("td").all()) for row in rows]


def test_the_ladder_is_the_newest_frames_book_and_follows_it(page, feed):
    expect(page.locator(".ladder .bids tr")).to_have_count(2)

    assert column(page, "asks") == [("64,000.3", "0.0030", "0.0050"), ("64,000.1", "0.0020", "0.0020")]
    assert column(page, "bids") == [("64,000.0", "0.0010", "0.0010"), ("63,999.8", "0.0015", "0.0025")]

    feed.market.tell("640009 x 1\n---\n640008 x 3", trades="buy 640009 x 2")

    expect(page.locator(".ladder .asks tr")).to_have_count(1)
    expect(page.locator(".ladder .bids .ladder-price")).to_contain_text("64,000.8")
    expect(page.locator(".tape tbody tr").first).to_contain_text("64,000.9")
    expect(page.locator("#chart-legend")).to_contain_text("C 64,000.9")
    expect(page.locator("#chart-legend")).to_contain_text("forming")


def test_the_chart_tells_in_words_what_it_shows(page):
    summary = page.locator("#chart-summary")

    expect(summary).to_contain_text("500 closed 1m candles")
    expect(summary).to_contain_text("2 fills of 2 deployments")
    expect(summary).to_contain_text("No gaps")
    expect(page.locator("#market-chart canvas").first).to_be_visible()


def test_a_candle_that_closes_is_read_and_an_indicator_with_it(page, feed):
    page.locator("#indicators-open").click()
    page.select_option("#indicator-name", "sma")
    page.get_by_role("button", name="Add to the chart").click()
    expect(page.locator("#chart-plots")).to_contain_text("sma 20")

    # The feed closes the minute, writes its candle, and goes on.
    feed.market.wait(60)
    store([65_000], end=CANDLES_END + timedelta(minutes=1))
    feed.market.tell(trades="buy 640009 x 2")

    expect(page.locator("#chart-summary")).to_contain_text("501 closed", timeout=10_000)
    expect(page.locator("#chart-summary")).to_contain_text("Last close 65,000.0")


def test_a_candle_that_is_written_late_is_read_though_nobody_trades_any_more(page, feed):
    with page.expect_response(lambda answer: "since=" in answer.url):
        feed.market.wait(60)  # the page sees the minute end, and requests its candle too early
    store([65_000], end=CANDLES_END + timedelta(minutes=1))

    expect(page.locator("#chart-summary")).to_contain_text("501 closed", timeout=10_000)


def test_the_keyboard_alone_chooses_timeframes_moves_and_goes_on_to_the_next_market(page, site):
    page.keyboard.press("2")
    expect(page.locator("[data-timeframe='5m']")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#chart-summary")).to_contain_text("1 gap: 7 candles without data")
    page.keyboard.press("1")
    expect(page.locator("#chart-summary")).to_contain_text("500 closed 1m candles")
    page.locator("#market-chart").focus()

    for _ in range(12):
        page.keyboard.press("-")
        page.evaluate("new Promise(requestAnimationFrame)")

    expect(page.locator("#chart-summary")).to_contain_text("650 closed 1m candles")
    page.keyboard.press("]")
    page.wait_for_url(f"{site}/markets/ETH-USD/")
    page.keyboard.press("[")
    page.wait_for_url(f"{site}/markets/BTC-USD/")
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.wait_for_url(f"{site}/markets/")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.id") == "link-btc-usd"


def test_a_bad_parameter_is_shown_beside_its_field(page):
    page.locator("#indicators-open").click()
    page.select_option("#indicator-name", "wavetrend")
    for name in ("channel", "average", "smooth"):
        page.locator(f"#parameter-{name}").fill("500")

    with page.expect_response(lambda r: "wavetrend" in r.url) as refused:
        page.get_by_role("button", name="Add to the chart").click()

    expect(page.locator("#indicator-error")).to_contain_text("expected at most 1500")
    assert refused.value.status == 400
    assert page.evaluate("document.activeElement.id") == "parameter-channel"


def test_indicators_are_drawn_kept_and_removed(page):
    for name in ("bollinger_series", "rsi"):
        page.locator("#indicators-open").click()
        page.select_option("#indicator-name", name)
        page.get_by_role("button", name="Add to the chart").click()
        expect(page.locator("#indicators")).to_be_hidden()
    page.reload()
    expect(page.locator("#chart-plots li")).to_have_count(2)

    page.get_by_role("button", name="Remove rsi 14").click()

    expect(page.locator("#chart-plots li")).to_have_count(1)
    expect(page.locator("#chart-plots")).to_contain_text("bollinger_series 20, 2")


def test_fills_are_marked_listed_and_narrowed_to_one_deployment(page, league):
    expect(page.locator("#chart-summary")).to_contain_text("2 fills of 2 deployments.")
    page.locator(".fill-button").first.focus()
    expect(page.locator("#chart-tip")).to_contain_text("buy 0.0005 at 64,000.0 · Alpha · opens")

    page.select_option("#filler", "bravo")

    expect(page.locator("#market-fills > li:visible")).to_have_count(1)
    expect(page.locator("#chart-summary")).to_contain_text("1 fill of 1 deployment.")
    fill(league["bravo"], 3, time=CANDLES_END - timedelta(minutes=2))
    Announcer().announce(["bravo"])
    expect(page.locator("#market-fills > li:visible")).to_have_count(2)
    expect(page.locator("#chart-summary")).to_contain_text("2 fills of 1 deployment.")


def test_figures_turn_grey_with_their_reason_when_the_book_is_lost(page, feed):
    feed.symbols["BTC/USD"] = quote("64000.0", "64000.1", status="stale")

    expect(page.locator(".market-state")).to_contain_text("stale")
    expect(page.locator(".stale-note")).to_contain_text("nothing is matched")


def test_a_page_in_the_background_leaves_its_socket_and_comes_back(page, feed):
    with page.expect_websocket() as opened:
        page.reload()
    expect(page.locator("html")).to_have_attribute("data-socket", "open")
    page.evaluate("Object.defineProperty(document, 'hidden', { configurable: true, get: () => window.isAway })")

    with opened.value.expect_event("close", timeout=10_000):
        page.evaluate("window.isAway = true; document.dispatchEvent(new Event('visibilitychange'))")
    feed.market.tell("640009 x 1\n---\n640008 x 3")
    page.evaluate("window.isAway = false; document.dispatchEvent(new Event('visibilitychange'))")

    expect(page.locator("html")).to_have_attribute("data-socket", "open")
    expect(page.locator(".ladder .bids .ladder-price").first).to_contain_text("64,000.8")


def test_a_market_without_a_candle_says_how_to_get_some(page, site):
    page.goto(f"{site}/markets/ETH-USD/")

    expect(page.locator("#chart-status")).to_contain_text("manage.py import_candles")
    assert not Candle.objects.filter(symbol="ETH/USD").exists()


def test_a_phone_needs_no_scrolling_sideways(page, site):
    page.set_viewport_size(PHONE)

    for address in ("/markets/", "/markets/BTC-USD/"):
        page.goto(site + address)
        expect(page.locator("html")).to_have_attribute("data-socket", "open")
        assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_axe_finds_no_fault_on_a_desk_and_on_a_phone_by_day_and_by_night(page, site):
    faults = []
    for address, size, scheme in product(("/markets/", "/markets/BTC-USD/"), (DESK, PHONE), ("light", "dark")):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        page.goto(site + address)
        expect(page.locator("html")).to_have_attribute("data-socket", "open")
        if "BTC" in address:
            expect(page.locator("#chart-summary")).to_contain_text("closed 1m candles")
            expect(page.locator(".ladder .bids tr")).to_have_count(2)
        for fault in Axe().run(page).response["violations"]:
            faults.append((address, size["width"], scheme, fault["id"], [node["target"] for node in fault["nodes"]]))

    assert faults == []
