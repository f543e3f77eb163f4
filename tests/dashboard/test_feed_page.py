from datetime import timedelta

import pytest
from django.core.cache import cache

from dashboard.panels import FEED_PANELS
from marketdata import bus
from marketdata.feed_events import FeedEventKind
from marketdata.models import Candle, FeedEvent
from marketdata.recording.folders import Index, write_index
from tests.rows import MARKET, NOON, open_season, quote, run_feed
from trading.minutes import ns_of

pytestmark = pytest.mark.django_db
LAG = {"newest": 45.0, "p50": 40.0, "p99": 1_234.0, "is_high": False, "history": [None, 40.0, 45.0]}


@pytest.fixture(autouse=True)
def nothing_remembered():
    cache.clear()
    bus.clear_feed_state()
    yield
    bus.clear_feed_state()


def tell(kind: str, **fields) -> None:
    FeedEvent.objects.create(market=MARKET, time=NOON, kind=kind, **fields)


def store(minutes, symbol: str = "BTC/USD", timeframe: str = "1m") -> None:
    prices = dict.fromkeys(("open", "high", "low", "close", "volume"), 1)
    Candle.objects.bulk_create(
        Candle(market=MARKET, symbol=symbol, timeframe=timeframe, start=NOON + timedelta(minutes=m), **prices, trades=1)
        for m in minutes
    )


def shown(client, query: str = "") -> str:
    return client.get(f"/feed/{query}").content.decode()


def test_without_a_feed_the_page_says_so_and_how_to_start_one(client):
    page = shown(client)

    assert "Market data down" in page
    assert "python3 start.py" in page
    assert "No events yet." in page
    assert "No 1m candles stored for this market." in page


def test_the_page_shows_all_that_a_feed_tells(client):
    open_season()
    recording = {"file": "simulated-7/a.paddock", "bytes": 5_000_000, "messages": 900, "dropped": 12}
    run_feed(
        uptime_s=200_000.0,
        connected_s=4_000.0,
        connected_share=0.99996,
        connections=7,
        started_at=NOON.isoformat(),
        lag_ms=LAG,
        heartbeat_age_s=0.6,
        recording=recording,
        gaps=3,
        repairs=2,
        event_counts={"gap": 3, "late": 5},
        checksum_failures=1,
        symbols={"BTC/USD": quote("64000.0", "64000.1"), "XRP/USD": quote("0.5", "0.6", status="stale")},
    )

    page = shown(client)

    assert [panel.name for panel in FEED_PANELS if f'id="{panel.element_id}"' not in page] == []
    for words in ("Order book of XRP/USD not verified", "1 h 6 min", "2 d 7 h", "99.9 % connected", "of 120", "1,234"):
        assert words in page
    for words in ("<polyline", "simulated-7/a.paddock", "4.8", "incomplete", "2 repaired", "64,000.0"):
        assert words in page


def test_a_feed_that_tells_less_than_this_page_knows_is_shown_with_dashes(client):
    run_feed()

    page = shown(client)

    assert "Market data OK" in page
    assert "No lag measured" in page
    assert "Not recording" in page


def test_events_are_newest_first_and_harmless(client):
    run_feed()
    tell("bad_frame", detail="no JSON: <script>alert(1)</script>")
    tell("gap", symbol="BTC/USD", detail="3 trades were never sent")

    page = shown(client)

    assert page.index("3 trades were never sent") < page.index("no JSON")
    assert "<script>alert" not in page


def test_events_of_one_kind_are_shown_when_chosen_and_the_choice_is_kept(client):
    run_feed()
    tell("gap", detail="three trades")
    tell("lag", detail="three seconds")

    page = shown(client, "?kind=gap&timeframe=1h")

    assert "three trades" in page
    assert "three seconds" not in page
    assert FeedEventKind.GAP.meaning in page
    assert 'ws-connect="/ws/feed/?kind=gap&amp;timeframe=1h"' in page
    assert 'href="?kind=gap&amp;timeframe=4h"' in page
    assert 'href="?kind=lag&amp;timeframe=1h"' in page


@pytest.mark.parametrize("query", ["?kind=trade_gap", "?timeframe=2h", "?kind=%00"])
def test_what_cannot_be_chosen_is_not_found_and_the_page_says_what_can(client, query):
    answer = client.get(f"/feed/{query}")

    assert answer.status_code == 404
    assert "expected one of" in answer.content.decode()


def test_a_bar_tells_what_is_stored_and_what_is_missing_in_words_too(client):
    run_feed()
    store([0, 1, 2, 5])
    store([0], "ETH/USD", "1h")

    page = shown(client)

    assert 'aria-label="BTC/USD 1m: 4 candles from 2026-07-07 12:00 to 2026-07-07 12:05, 2 missing in 1 gaps"' in page
    assert "missing: 2026-07-07 12:03 to 2026-07-07 12:05, 0 of 2 candles" in page
    assert "ETH/USD 1m" not in page
    assert "ETH/USD 1h: 1 candles" in shown(client, "?timeframe=1h")


def test_recordings_are_drawn_below_the_candles(client, settings, tmp_path):
    settings.PADDOCK_DATA_DIR = tmp_path
    folder = tmp_path / "recordings" / "simulated-7"
    folder.mkdir(parents=True)
    (folder / "a.paddock").write_bytes(b"")
    reach = {"started_ns": ns_of(NOON), "ended_ns": ns_of(NOON + timedelta(minutes=2))}
    write_index(folder / "a.paddock", Index(**reach, records=1, messages=1, bytes=0))
    run_feed()
    store(range(10))

    assert "recorded 2026-07-07 12:00 to 2026-07-07 12:02" in shown(client)


def test_the_page_takes_few_queries_and_the_charts_are_read_once_a_minute(client, django_assert_max_num_queries):
    run_feed()
    for symbol in ("BTC/USD", "ETH/USD", "XRP/USD"):
        store(range(0, 20, 2), symbol)

    with django_assert_max_num_queries(7):
        client.get("/feed/")
    with django_assert_max_num_queries(3):
        client.get("/feed/")


@pytest.mark.parametrize("is_running", [True, False])
def test_every_page_links_to_the_feed_and_so_does_the_banner(client, is_running):
    if is_running:
        run_feed()

    page = client.get("/").content.decode()

    assert page.count('href="/feed/"') == 2


def test_the_page_loads_nothing_from_elsewhere_and_styles_nothing_by_hand(client):
    run_feed(lag_ms=LAG)
    store(range(10))

    page = shown(client)

    assert 'src="http' not in page
    assert "<style" not in page
    assert " style=" not in page
