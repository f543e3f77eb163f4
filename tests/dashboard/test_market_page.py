"""The pages of the markets as they are served, and what their panels say."""

import json

import pytest

from dashboard.markets.scene import market_scene
from dashboard.panels import MARKET_PANELS
from tests.listening import ReceivedMarket, forget_all, list_pair, store
from tests.rows import NOON, enter, fill, open_season, quote, run_feed

pytestmark = pytest.mark.django_db

BOOK = """
    640003 x 30
    640001 x 20
    ---
    640000 x 10
    639998 x 15
"""


def hear_the_market():
    run_feed(market_time=NOON.isoformat(), symbols={"BTC/USD": quote("64000.0", "64000.1")})


@pytest.fixture(autouse=True)
def season():
    forget_all()
    hear_the_market()
    list_pair()
    yield open_season()
    forget_all()


def panel(name, slug="BTC-USD"):
    (found,) = (p for p in MARKET_PANELS if p.name == name)
    return " ".join(found.draw(market_scene(slug)).html.split())


def test_the_list_links_every_market(client):
    list_pair("XRP/BTC", price_decimals=8)

    page = client.get("/markets/").content.decode()

    assert 'href="/markets/BTC-USD/"' in page
    assert 'href="/markets/XRP-BTC/"' in page
    assert 'aria-current="page">Markets' in page


def test_the_page_names_the_markets_before_and_after(client):
    for symbol in ("ETH/USD", "XRP/USD"):
        list_pair(symbol)

    page = client.get("/markets/ETH-USD/").content.decode()

    assert 'id="market-before" href="/markets/BTC-USD/"' in page
    assert 'id="market-after" href="/markets/XRP-USD/"' in page


def test_an_unknown_market_is_a_page_that_names_those_there_are(client):
    answer = client.get("/markets/DOGE-EUR/")

    assert answer.status_code == 404
    assert "expected one of BTC-USD" in answer.content.decode()


def test_a_name_in_small_letters_is_led_to_its_page(client):
    assert client.get("/markets/btc-usd/").headers["Location"] == "/markets/BTC-USD/"


def test_the_ladder_shows_every_level_of_the_frames_book():
    ReceivedMarket().tell(BOOK)

    html = panel("market_ladder")

    order = ["64,000.3", "64,000.1", 'class="spread"', "64,000.0", "63,999.8"]
    assert [html.index(word) for word in order] == sorted(html.index(word) for word in order)
    assert "0.0030" in html
    assert '<b class="num">0.1</b>' in html
    assert "−33 %" in html
    assert "ask-heavy" in html


def test_the_tape_marks_large_prints_with_a_sign_and_says_the_rule():
    ReceivedMarket().tell(BOOK, trades="\n".join(["buy 640001 x 5"] * 20 + ["sell 640000 x 60"]))

    html = panel("market_tape")

    assert html.count('class="large"') == 1
    assert "at least 10× the median of the last 21 trades" in html
    assert "▼" in html.split("<tbody>")[1][:200]


@pytest.mark.parametrize(
    ("change", "tone", "word"),
    [
        ({}, "good", "live"),
        ({"symbols": {"BTC/USD": quote("1", "2", book_age_s=90)}}, "warning", "quiet"),
        ({"symbols": {"BTC/USD": quote("1", "2", status="post_only")}}, "warning", "post only"),
        ({"symbols": {"BTC/USD": quote("1", "2", status="stale")}}, "bad", "stale"),
        ({"connected": False}, "bad", "disconnected"),
        ({"symbols": {}}, "bad", "no data"),
    ],
)
def test_figures_that_may_not_be_believed_say_so(change, tone, word):
    run_feed(**change)
    ReceivedMarket().tell(BOOK)

    for html in (panel("market_quote"), panel("market_ladder")):
        assert f'data-tone="{tone}"' in html
    assert f"</span> {word}</span>" in panel("market_quote")


def test_without_a_feed_the_page_says_so_and_shows_what_is_known(client):
    from marketdata import bus

    bus.clear_feed_state()
    store([64_000] * 3)

    page = client.get("/markets/BTC-USD/").content.decode()

    assert "No order book: No feed running" in page
    assert 'data-tone="bad"' in page


def test_fills_are_listed_with_whose_they_were_and_what_came_of_it(season):
    fill(enter(season, "alpha"), 1)

    html = panel("market_fills")

    assert 'href="/deployments/alpha"' in html
    assert '<option value="alpha">Alpha</option>' in html
    assert "opens" in html


def test_a_market_without_candles_says_how_to_get_some():
    assert "manage.py import_candles" in panel("market_coverage")


def test_stored_candles_are_drawn_by_timeframe():
    store([64_000] * 3 + [0] * 2 + [64_000])

    html = panel("market_coverage")

    assert '2</span> missing in <span class="num">1</span> gap' in html


def test_the_forming_candle_is_sent_to_the_chart():
    ReceivedMarket().tell(BOOK, trades="buy 640001 x 5")

    live = json.loads(market_scene("BTC-USD").live)

    assert (live["forming"]["1m"]["close"], live["forming"]["1h"]["minutes"], live["fills"]) == (64000.1, 1, 0)


def test_fees_in_force_are_shown_with_every_tier():
    html = panel("market_fees")

    assert html.count("<tr") == 13
    assert "0.40" in html


def test_no_panel_depends_on_who_reads_it(client, admin_client):
    ReceivedMarket().tell(BOOK)

    parts = []
    for reader in (client, admin_client):
        hear_the_market()  # again: a frame is news for two seconds
        parts.append(reader.get("/markets/BTC-USD/").content.decode().split("<main")[1].split("</main>")[0])

    assert parts[0] == parts[1]
