"""A market restored, or begun with history, is one that lived: the same candles in every timeframe."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.drawing import START_NS
from tests.trading.candle_history import XRP, flat, frame, piece, series_of
from trading.candles import MINUTE_NS, SERIES_CAPACITY, TIMEFRAME_MINUTES, Candle, Closed, width_ns
from trading.frames import Frame, Gap
from trading.market import Market

FEW = settings(max_examples=60, deadline=None)
HOUR_NS = 60 * MINUTE_NS


def lively(seed: int, count: int) -> list[Frame]:
    """Return frames some seconds apart, with prints, gaps and pieces of history that need not fit together."""
    chance, frames, now_ns = Random(seed), [], START_NS
    for at in range(count):
        changes: dict[str, object] = {"is_first": at == 0}
        step_ns = chance.choice([10, 20, 60, 60, 90]) * 1_000_000_000
        now_ns += step_ns
        if chance.random() < 0.1:
            changes["gap"] = Gap(now_ns, now_ns + chance.randrange(10) * MINUTE_NS, "drawn")
            now_ns = changes["gap"].to_ns
        if chance.random() < 0.1:
            timeframe = chance.choice(list(TIMEFRAME_MINUTES))
            width = width_ns(timeframe)
            newest = now_ns // width * width
            starts = [newest - back * width for back in range(chance.randrange(1, 8)) if chance.random() < 0.8]
            candles = (flat(start, chance.randrange(90, 110), chance.randrange(10**17)) for start in starts)
            changes["history"] = (piece(timeframe, *candles),)
        prints = "".join(f"buy {chance.randrange(90, 110)} x {chance.randrange(1, 10**16)}\n" for _ in range(2))
        frames.append(frame(now_ns, prints if chance.random() < 0.7 else "", **changes))
    return frames


def newest(closed: list[Closed]) -> list[Closed]:
    kept = []
    for timeframe in TIMEFRAME_MINUTES:
        of_timeframe = [known for known in closed if known.timeframe == timeframe]
        kept += sorted(of_timeframe, key=lambda known: known.candle.start_ns, reverse=True)[:SERIES_CAPACITY]
    return kept


@FEW
@given(st.integers(0, 2**32), st.integers(1, 119))
def test_a_market_restored_anywhere_goes_on_as_the_one_that_lived(seed: int, cut: int) -> None:
    frames = lively(seed, 120)
    lived, closed = Market(), []
    for before in frames[:cut]:
        closed += lived.fold(before)

    again = Market.restore(lived.checkpoint(), newest(closed))
    assert series_of(again) == series_of(lived)
    for after in frames[cut:]:
        assert again.fold(after) == lived.fold(after)

    assert series_of(again) == series_of(lived)
    assert again.checkpoint() == lived.checkpoint()


@FEW
@given(st.integers(0, 2**32))
def test_the_candles_that_a_market_tells_are_the_candles_that_it_shows(seed: int) -> None:
    market, closed = Market(), []
    for each in lively(seed, 120):
        closed += market.fold(each)

    for timeframe in TIMEFRAME_MINUTES:
        announced = sorted(known.candle.start_ns for known in closed if known.timeframe == timeframe)
        shown = market.snapshot().candles(XRP, timeframe).start_ns.tolist()
        assert shown == announced == sorted(set(announced))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 1_600))
def test_roll_ups_go_on_from_history_without_a_seam(seed: int, joined: int) -> None:
    chance = Random(seed)
    frames = [
        frame(START_NS + at * MINUTE_NS, f"buy {chance.randrange(90, 110)} x {chance.randrange(1, 10**16)}")
        for at in range(1, 1_700)
    ]
    lived, closed = Market(), []
    lived.fold(frame(START_NS, is_first=True))
    for before in frames[: joined + 1]:
        closed += lived.fold(before)

    # Another begins to watch at a full minute, and is sent what the first one saw.
    late = Market()
    late.fold(frame(frames[joined].time_ns, is_first=True))
    pieces = [
        piece(timeframe, *(known.candle for known in closed if known.timeframe == timeframe))
        for timeframe in TIMEFRAME_MINUTES
    ]
    late.fold(frame(frames[joined].time_ns, history=tuple(pieces)))
    for after in frames[joined + 1 :]:
        lived.fold(after)
        late.fold(after)

    assert series_of(late) == series_of(lived)
    assert len(late.snapshot().candles(XRP, "1d")) == 1
    assert len(late.snapshot().candles(XRP, "4h")) == 7


def test_a_longer_candle_needs_every_minute() -> None:
    market = Market()
    market.fold(frame(START_NS, is_first=True))
    minutes = [flat(START_NS + at * MINUTE_NS) for at in range(15) if at != 7]

    for minute in minutes:
        market.fold(frame(minute.start_ns + MINUTE_NS, "buy 100 x 1"))
        if minute.start_ns == START_NS + 6 * MINUTE_NS:
            market.fold(frame(minute.start_ns + 2 * MINUTE_NS, gap=Gap(START_NS, START_NS + 8 * MINUTE_NS, "drawn")))

    five = market.snapshot().candles(XRP, "5m")
    assert [(c.start_ns - START_NS) // MINUTE_NS for c in five] == [0, 10]
    assert len(market.snapshot().candles(XRP, "15m")) == 0


def test_history_fills_a_hole_and_changes_no_candle_that_was_seen() -> None:
    market = Market()
    market.fold(frame(START_NS, is_first=True))
    market.fold(frame(START_NS + MINUTE_NS, "buy 100 x 5"))
    market.fold(frame(START_NS + 3 * MINUTE_NS, gap=Gap(START_NS + MINUTE_NS, START_NS + 3 * MINUTE_NS, "drawn")))
    early = market.snapshot()
    brought = piece("1m", *(flat(START_NS + at * MINUTE_NS, price=90 + at) for at in range(4)))

    fresh = market.fold(frame(START_NS + 3 * MINUTE_NS, history=(brought,)))

    assert [c.close for c in market.snapshot().candles(XRP)] == [100, 91, 92]
    assert [known.candle.close for known in fresh] == [91, 92]
    assert [c.close for c in early.candles(XRP)] == [100]


def test_a_candle_that_is_still_forming_is_no_history() -> None:
    market = Market()
    market.fold(frame(START_NS, is_first=True))

    market.fold(frame(START_NS + HOUR_NS - 1, history=(piece("1h", flat(START_NS - HOUR_NS), flat(START_NS)),)))

    assert [c.start_ns for c in market.snapshot().candles(XRP, "1h")] == [START_NS - HOUR_NS]


def test_a_quiet_market_goes_on_from_its_history() -> None:
    market = Market()
    market.fold(frame(START_NS, is_first=True))
    market.fold(frame(START_NS + 1, history=(piece("1m", flat(START_NS - MINUTE_NS, price=97)),)))

    market.fold(frame(START_NS + MINUTE_NS))

    assert list(market.snapshot().candles(XRP))[-1] == Candle(START_NS, 97, 97, 97, 97, 0, 0)


def test_the_version_of_a_series_is_the_same_for_those_who_came_later() -> None:
    market = Market()
    closed = market.fold(frame(START_NS, is_first=True))
    for at in range(1, 8):
        closed += market.fold(frame(START_NS + at * MINUTE_NS, "buy 100 x 1"))
    again = Market.restore(market.checkpoint(), closed[-3:])

    versions = {timeframe: market.snapshot().candles(XRP, timeframe).version for timeframe in ("1m", "5m", "1h")}

    assert versions == {"1m": START_NS // MINUTE_NS + 7, "5m": START_NS // MINUTE_NS + 5, "1h": 0}
    assert again.snapshot().candles(XRP).version == versions["1m"]
