"""Frames that are missing: from where on a reader of the stream knows the market again."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given

from tests.drawing import Scene, instrument
from tests.laws import law
from tests.missing import Lossy, lossy_markets
from trading.frames import STALE, Frame, Gap
from trading.gaps import MISSING_FRAMES, foldable
from trading.market import Market
from trading.run import folded

BOOK = "101 x 5\n---\n99 x 4"


def known_market() -> tuple[Scene, Market]:
    """Return a scene of two pairs and a market that has seen its first frame."""
    scene = Scene(instrument("XRP/USD"), instrument("BTC/USD"))
    market = Market()
    market.fold(scene.show({"XRP/USD": BOOK, "BTC/USD": BOOK})[0])
    return scene, market


def after_missing(scene: Scene, frames: int = 10, **changes: object) -> Frame:
    scene.sequence += frames
    return scene.show({"XRP/USD": BOOK}, **changes)[0]


def test_the_next_frame_is_folded_as_it_is() -> None:
    scene, market = known_market()
    frame = scene.show(BOOK)[0]

    assert foldable(frame, market) is frame


def test_a_market_without_a_frame_takes_any() -> None:
    frame = after_missing(known_market()[0])

    assert foldable(frame, Market()) is frame


def test_a_frame_is_not_folded_twice() -> None:
    scene, market = known_market()
    frame = scene.show(BOOK)[0]
    market.fold(frame)

    assert foldable(frame, market) is None


def test_after_missing_frames_all_are_left_out_until_a_keyframe() -> None:
    scene, market = known_market()
    changes = after_missing(scene)
    more = scene.show(BOOK)[0]
    keyframe = scene.show({"XRP/USD": BOOK, "BTC/USD": BOOK}, is_keyframe=True)[0]
    last = scene.show(BOOK)[0]

    assert [frame.sequence for frame, _ in folded([changes, more, keyframe, last], market)] == [
        keyframe.sequence,
        last.sequence,
    ]


def test_the_keyframe_has_a_gap_that_begins_with_the_last_known_time() -> None:
    scene, market = known_market()
    keyframe = after_missing(scene, is_keyframe=True)

    known = foldable(keyframe, market)

    assert known is not None
    assert known.gap == Gap(market.time_ns, keyframe.time_ns - 100_000_000, MISSING_FRAMES)


def test_a_symbol_whose_book_the_keyframe_does_not_repeat_is_stale() -> None:
    scene, market = known_market()
    keyframe = after_missing(scene, is_keyframe=True, statuses={"XRP/USD": "online", "BTC/USD": "online"})

    (((known, snapshot),)) = folded([keyframe], market)

    assert known.statuses == {"XRP/USD": "online", "BTC/USD": STALE}
    assert snapshot.status("BTC/USD") == STALE


def test_a_gap_of_the_feed_that_spans_all_that_is_missing_stands() -> None:
    scene, market = known_market()
    gap = Gap(market.time_ns, market.time_ns + 900_000_000, "the feed was not running")
    keyframe = after_missing(scene, is_keyframe=True, gap=gap)

    assert foldable(keyframe, market) is keyframe


def test_a_gap_of_the_feed_that_begins_later_is_widened() -> None:
    scene, market = known_market()
    gap = Gap(market.time_ns + 500_000_000, market.time_ns + 900_000_000, "the feed was not running")
    keyframe = after_missing(scene, is_keyframe=True, gap=gap)

    known = foldable(keyframe, market)

    assert known is not None
    assert known.gap == Gap(market.time_ns, keyframe.time_ns - 100_000_000, MISSING_FRAMES)


def test_a_gap_alone_makes_no_book_known() -> None:
    scene, market = known_market()
    gap = Gap(market.time_ns, market.time_ns + 900_000_000, "the connection was cut")

    assert foldable(after_missing(scene, gap=gap), market) is None


@law
@given(lossy_markets)
def test_whatever_frames_are_lost_no_book_is_shown_that_cannot_be_known(lossy: Lossy) -> None:
    for _, snapshot in folded(lossy.received, Market()):
        assert lossy.wrong_books(snapshot) == []


@law
@given(lossy_markets)
def test_whatever_frames_are_lost_every_stretch_that_was_not_seen_is_in_a_gap(lossy: Lossy) -> None:
    frames = [frame for frame, _ in folded(lossy.received, Market())]

    for earlier, later in pairwise(frames):
        is_next = later.sequence == earlier.sequence + 1
        assert is_next or (later.gap is not None and later.gap.from_ns <= earlier.time_ns)
        assert is_next or later.is_keyframe
