from __future__ import annotations

from itertools import islice

from strategies.checking.stretches import newest_recording, simulated
from trading.candles import TIMEFRAME_MINUTES, width_ns
from trading.market import Market


def test_the_simulated_stretch_begins_with_as_much_history_as_a_warm_up_needs():
    market = Market()

    market.fold(next(simulated(["XRP/USD"], 2, {"1d": 200, "5m": 400})))

    held = {timeframe: len(market.snapshot().candles("XRP/USD", timeframe)) for timeframe in TIMEFRAME_MINUTES}
    assert held["1d"] >= 200
    assert held["5m"] >= 400
    assert min(held.values()) >= 100


def test_its_candles_follow_each_other_without_a_hole_whatever_they_are_made_of():
    market = Market()

    market.fold(next(simulated(["BTC/USD"], 2, {"5m": 400})))

    for timeframe in TIMEFRAME_MINUTES:
        starts = market.snapshot().candles("BTC/USD", timeframe).start_ns
        assert set((starts[1:] - starts[:-1]).tolist()) == {width_ns(timeframe)}


def test_candles_of_every_timeframe_close_within_it():
    market, closed = Market(), set()

    for number, frame in enumerate(simulated(["BTC/USD"], 2, {})):
        fresh = market.fold(frame)
        closed |= {candle.timeframe for candle in fresh if number}

    assert closed == set(TIMEFRAME_MINUTES)


def test_the_same_words_give_the_same_frames():
    assert list(islice(simulated(["BTC/USD"], 1, {}), 50)) == list(islice(simulated(["BTC/USD"], 1, {}), 50))


def test_without_recordings_there_is_no_newest(tmp_path):
    assert newest_recording(tmp_path) is None
    assert newest_recording(tmp_path / "nowhere") is None
