"""Folding frames for those who look."""

import pytest

from dashboard.markets.watch import FAR_BEHIND_FRAMES, MarketWatch, sight_of, watch_of
from marketdata.models import MarketCheckpoint
from tests.drawing import START_NS
from tests.listening import ReceivedMarket, forget_all, list_pair
from tests.rows import MARKET, open_season, run_feed
from trading.frames import utc

pytestmark = pytest.mark.django_db

BOOK = """
    640002 x 30
    640001 x 20
    ---
    640000 x 10
    639999 x 40
"""


@pytest.fixture(autouse=True)
def _nothing_received():
    forget_all()
    yield
    forget_all()


@pytest.fixture
def market():
    market = ReceivedMarket()
    market.tell(BOOK)
    return market


def test_who_looks_sees_the_book_and_the_prints_of_the_newest_frame(market):
    market.tell(trades="buy 640001 x 5")

    sight = MarketWatch(MARKET).newest()

    assert sight.snapshot.sequence == market.sequence
    assert sight.snapshot.top("BTC/USD").bids[0] == (640000, 10)
    assert [(trade.ticks, trade.lots) for trade in sight.tapes["BTC/USD"]] == [(640001, 5)]


def test_a_frame_is_folded_once_however_many_look(market):
    watch = watch_of(MARKET)

    for _ in range(5):
        sight_of(MARKET)
    market.tell(trades="buy 640001 x 5")
    sight_of(MARKET)

    assert watch.folded == 2


def test_nothing_is_folded_while_nobody_looks(market):
    watch = watch_of(MARKET)
    sight_of(MARKET)

    for _ in range(20):
        market.tell(trades="buy 640001 x 5")

    assert watch.folded == 1


def test_to_open_a_page_folds_nothing_before_its_socket_comes(market, client):
    run_feed()
    open_season()
    list_pair()

    page = client.get("/markets/BTC-USD/")

    assert "Loading order book" in page.content.decode()
    assert watch_of(MARKET).folded == 0


def test_who_comes_back_late_begins_at_the_newest_checkpoint(market):
    watch = MarketWatch(MARKET)
    watch.newest()
    market.sequence += FAR_BEHIND_FRAMES
    market.tell("640011 x 1\n---\n640010 x 1")
    MarketCheckpoint.objects.create(
        market=MARKET, sequence=market.sequence, time=utc(market.now_ns), payload=market.market.checkpoint()
    )
    market.tell(trades="sell 640010 x 7")

    sight = watch.newest()

    assert watch.folded == 2  # the first frame, and the one after the checkpoint
    assert sight.snapshot.top("BTC/USD").bids[0] == (640010, 1)
    assert sight.tapes["BTC/USD"][-1].lots == 7


def test_a_book_that_a_keyframe_repeats_has_not_changed(market):
    changed_at = utc(market.now_ns)
    market.tell(BOOK, is_keyframe=True)

    sight = MarketWatch(MARKET).newest()

    assert sight.book_changed["BTC/USD"] == changed_at


def test_without_a_frame_there_is_nothing_to_see():
    assert sight_of(MARKET) is None
    assert sight_of(None) is None


def test_the_forming_minute_moves_with_each_print(market):
    market.tell(trades="buy 640001 x 5\nsell 639995 x 1\nbuy 640003 x 2")

    forming = MarketWatch(MARKET).newest().forming("BTC/USD", "1m")

    assert (forming.open, forming.high, forming.low, forming.close) == (64000.1, 64000.3, 63999.5, 64000.3)
    assert forming.volume == pytest.approx(0.0008)
    assert (forming.start_ns, forming.minutes, forming.minutes_begun) == (START_NS, 1, 1)


def test_a_longer_forming_candle_is_made_of_its_minutes(market):
    market.tell(trades="buy 640001 x 5")
    market.wait(60)
    market.tell(trades="sell 639000 x 1")
    market.wait(60)
    market.tell(trades="buy 641000 x 1")

    forming = MarketWatch(MARKET).newest().forming("BTC/USD", "5m")

    assert (forming.open, forming.high, forming.low, forming.close) == (64000.1, 64100.0, 63900.0, 64100.0)
    assert (forming.minutes, forming.minutes_begun) == (3, 3)


def test_minutes_that_were_not_watched_whole_are_missing_in_a_forming_candle(market):
    market.tell(trades="buy 640001 x 5")
    market.sequence += 20
    market.tell(BOOK, trades="buy 640001 x 1", is_keyframe=True)
    market.wait(60)
    market.tell(trades="buy 640002 x 1")

    forming = MarketWatch(MARKET).newest().forming("BTC/USD", "5m")

    assert (forming.open, forming.close) == (64000.2, 64000.2)
    assert (forming.minutes, forming.minutes_begun) == (1, 2)


def test_frames_that_the_stream_no_longer_holds_are_a_gap_not_a_flat_stretch(market):
    market.tell(trades="buy 640001 x 5")
    watch = MarketWatch(MARKET)
    watch.newest()
    market.sequence += 300
    market.tell(BOOK, trades="buy 640009 x 1", is_keyframe=True)

    sight = watch.newest()

    assert sight.snapshot.sequence == market.sequence
    assert sight.forming("BTC/USD", "1m") is None


def test_after_missing_frames_the_market_stands_still_until_a_keyframe_repeats_every_book(market):
    watch = MarketWatch(MARKET)
    last_known = watch.newest().snapshot.sequence
    market.sequence += 20
    market.tell(trades="buy 640009 x 1")

    waiting = watch.newest().snapshot.sequence
    market.tell(BOOK, is_keyframe=True)

    assert waiting == last_known
    assert watch.newest().snapshot.sequence == market.sequence
