from __future__ import annotations

import pytest

from tests.drawing import START_NS, Scene, draw_trades
from trading.candles import MINUTE_NS
from trading.frames import Gap
from trading.market import Market
from trading.snapshot import UnknownSymbol

BOOK = "101 x 500\n---\n99 x 500"


def test_a_snapshot_does_not_change_when_the_market_goes_on() -> None:
    scene = Scene()
    _, early = scene.show(BOOK, trades="buy 101 x 5")
    for _ in range(2500):
        scene.show("111 x 5\n---\n109 x 5", trades="buy 111 x 1")

    assert early.mid("XRP/USD") == 100
    assert [p.price for p in early.trades("XRP/USD")] == [101]
    assert len(early.candles("XRP/USD")) == 0


def test_the_tape_remembers_the_last_thousand_prints() -> None:
    scene = Scene()
    for number in range(2500):
        _, snapshot = scene.show(BOOK, trades=f"buy {1000 + number} x 1")

    prices = [p.price for p in snapshot.trades("XRP/USD")]

    assert (len(prices), prices[0], prices[-1]) == (1000, 2500, 3499)


def test_five_minutes_roll_up_and_a_bucket_whose_beginning_was_missed_is_left_out() -> None:
    scene = Scene()
    scene.sequence += 600  # the first minute of the bucket is not seen
    for _ in range(10 * 600):
        _, snapshot = scene.show(BOOK, trades="buy 101 x 2")

    series = snapshot.candles("XRP/USD", "5m")

    assert [c.start_ns for c in series] == [START_NS + 5 * MINUTE_NS]
    assert (series[0].volume, series[0].trades) == (60.0, 3000)
    assert len(snapshot.candles("XRP/USD", "1m")) == 10


def test_series_are_read_only() -> None:
    scene = Scene()
    for _ in range(700):
        _, snapshot = scene.show(BOOK, trades="buy 101 x 2")

    with pytest.raises(ValueError, match="read-only"):
        snapshot.candles("XRP/USD").close[0] = 1.0


def test_a_market_restored_from_its_checkpoint_and_its_candles_goes_on_as_the_original() -> None:
    scene, closed = Scene(), []
    frames = [scene.frame(BOOK, "buy 101 x 2")]
    market = Market()
    closed += market.fold(frames[0])
    for number in range(1500):
        frame = scene.frame(BOOK, f"buy {100 + number % 7} x 2")
        frames.append(frame)
    for frame in frames[1:900]:
        closed += market.fold(frame)

    again = Market.restore(market.checkpoint(), closed)
    for frame in frames[900:]:
        market.fold(frame)
        again.fold(frame)

    assert again.checkpoint() == market.checkpoint()
    one, other = (m.snapshot().candles("XRP/USD") for m in (market, again))
    assert list(one) == list(other)
    assert len(one) == 2


def test_an_unknown_symbol_is_an_error_and_not_a_zero() -> None:
    _, snapshot = Scene().show(BOOK)

    with pytest.raises(UnknownSymbol, match=r"no instrument for 'DOGE/USD'; the market has XRP/USD"):
        snapshot.candles("DOGE/USD")
    with pytest.raises(UnknownSymbol, match="timeframe is '2m'"):
        snapshot.candles("XRP/USD", "2m")


def test_a_gap_in_the_frames_interrupts_the_candles() -> None:
    scene = Scene()
    scene.show(BOOK, trades="buy 101 x 2")
    scene.sequence += 3000
    gap = Gap(START_NS, scene.now_ns, "drawn")

    scene.show(BOOK, trades="buy 105 x 2", gap=gap)

    scene.sequence += 1200
    scene.show()

    assert [c.start_ns for c in scene.market.snapshot().candles("XRP/USD")] == [START_NS + 6 * MINUTE_NS]
    assert draw_trades("buy 1 x 1")[0].ticks == 1
