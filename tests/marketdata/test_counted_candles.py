"""What a feed writes, and what those who restore its market get."""

from __future__ import annotations

from random import Random

import pytest

from marketdata.feed.keeper import Keeper
from marketdata.models import Candle as CandleRow
from marketdata.selectors import market_at
from marketdata.services import record_candles
from tests.drawing import START_NS, instrument
from tests.trading.candle_history import XRP, flat, frame, piece, series_of
from trading.candles import MINUTE_NS, width_ns
from trading.frames import Frame
from trading.market import Market

pytestmark = pytest.mark.django_db(transaction=True)
MARKET = "simulated:7"


def kept(frames: list[Frame]) -> Keeper:
    """Return a keeper that has folded and written all of them."""
    keeper = Keeper(MARKET, Market())
    keeper.start()
    keeper.fold(frames)
    keeper.checkpoint()
    assert keeper.stop(30)
    return keeper


def watched(minutes: int, *, history_at: int | None = None) -> list[Frame]:
    chance, frames = Random(minutes), [frame(START_NS, is_first=True)]
    for at in range(1, minutes + 1):
        now_ns = START_NS + at * MINUTE_NS
        frames.append(frame(now_ns, f"buy {chance.randrange(90, 110)} x {chance.randrange(1, 10**12)}"))
        if at == history_at:
            received = [
                piece(tf, *(flat(START_NS - n * width_ns(tf), 50 + n) for n in range(1, 20)))
                for tf in ("1m", "5m", "15m", "1h", "4h", "1d")
            ]
            frames.append(frame(now_ns + 100_000_000, history=tuple(received)))
    return frames


def test_a_market_restored_is_the_market_of_the_feed_that_went_on() -> None:
    keeper = kept(watched(75, history_at=10))

    market, sequence = market_at(MARKET, None)

    assert sequence == keeper.market.sequence
    assert series_of(market) == series_of(keeper.market)
    assert market.checkpoint() == keeper.market.checkpoint()
    assert [len(market.snapshot().candles(XRP, tf)) for tf in ("1m", "5m", "15m", "1h")] == [94, 34, 24, 20]


def test_history_counts_from_its_frame_on_and_not_for_an_earlier_cursor() -> None:
    frames = watched(30, history_at=20)
    kept(frames)
    early_sequence = frames[15].sequence

    early, sequence = market_at(MARKET, early_sequence)

    lived = Market()
    for each in frames[:16]:
        lived.fold(each)
    assert sequence == early_sequence
    assert series_of(early) == series_of(lived)
    assert len(early.snapshot().candles(XRP, "1h")) == 0


def test_candles_that_no_feed_has_brought_in_count_for_nobody() -> None:
    kept(watched(10))
    before, _ = market_at(MARKET, None)

    record_candles(market=MARKET, instrument=instrument(), timeframe="1h", candles=[flat(START_NS - 60 * MINUTE_NS)])

    after, _ = market_at(MARKET, None)
    assert series_of(after) == series_of(before)
    assert len(after.snapshot().candles(XRP, "1h")) == 0


def test_what_the_market_takes_is_what_is_stored_even_where_something_else_was() -> None:
    stored = [flat(START_NS - MINUTE_NS, 40), flat(START_NS, 41)]
    record_candles(market=MARKET, instrument=instrument(), timeframe="1m", candles=stored)

    keeper = kept(watched(5, history_at=2))

    market, _ = market_at(MARKET, None)
    assert series_of(market) == series_of(keeper.market)
    assert CandleRow.objects.get(timeframe="1m", close=51).sequence > 0
    assert not CandleRow.objects.filter(close__in=(40, 41)).exists()


def test_writing_the_same_candles_again_changes_nothing() -> None:
    kept(watched(12, history_at=3))
    before = list(CandleRow.objects.order_by("pk").values())

    kept(watched(12, history_at=3))

    assert list(CandleRow.objects.order_by("pk").values()) == before


def test_longer_candles_are_written_as_they_complete() -> None:
    kept(watched(61))

    assert CandleRow.objects.filter(timeframe="1m").count() == 61 - 1 + 1
    assert {tf: CandleRow.objects.filter(timeframe=tf).count() for tf in ("5m", "15m", "1h", "4h")} == {
        "5m": 12,
        "15m": 4,
        "1h": 1,
        "4h": 0,
    }
