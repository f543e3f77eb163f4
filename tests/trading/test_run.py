"""The run loop: what each member is shown, where a run may stop, and how it goes on from there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.drawing import Scene
from tests.laws import PAIRS, Drawn, law, restless
from tests.making import make_strategy, make_terms
from trading.engine import Engine
from trading.fills import Fill
from trading.frames import Frame
from trading.market import Market
from trading.run import Progress, folded, run
from trading.snapshot import DataSnapshot

SYMBOLS = tuple(pair.symbol for pair in PAIRS)


def drawn(count: int) -> list[Frame]:
    scene = Scene()
    return [scene.show(f"{101 + n} x 5\n---\n{99 + n} x 5")[0] for n in range(count)]


def new_engine() -> Engine:
    return Engine(make_strategy(restless, symbols=SYMBOLS), {}, make_terms(symbols=SYMBOLS))


def test_every_member_is_shown_every_frame_in_order_with_the_market_as_of_it() -> None:
    seen: list[tuple[str, int, int]] = []

    def turn(member: str, frame: Frame, snapshot: DataSnapshot) -> None:
        seen.append((member, frame.sequence - first, snapshot.top("XRP/USD").asks[0].ticks))

    frames = drawn(2)
    first = frames[0].sequence
    ended = run(folded(frames, Market()), ("ann", "bob"), turn)

    assert seen == [("ann", 0, 101), ("bob", 0, 101), ("ann", 1, 102), ("bob", 1, 102)]
    assert ended == Progress(2, frames[1].sequence, frames[1].time_ns)


def test_a_frame_begins_before_the_first_turn_and_progress_comes_after_the_last() -> None:
    calls: list[str] = []

    def between(progress: Progress) -> bool:
        calls.append(f"frame {progress.frames} done")
        return True

    def begin(_: Frame) -> None:
        calls.append("begin")

    run(folded(drawn(2), Market()), ("ann",), lambda member, *_: calls.append(member), begin=begin, between=between)

    assert calls == ["begin", "ann", "frame 1 done", "begin", "ann", "frame 2 done"]


def test_a_run_that_is_cancelled_stops_after_a_whole_frame_and_reads_no_further() -> None:
    frames, market, turns = iter(drawn(5)), Market(), []

    ended = run(
        folded(frames, market),
        ("ann", "bob"),
        lambda member, *_: turns.append(member),
        between=lambda progress: progress.frames < 3,
    )

    assert (ended.frames, ended.is_stopped) == (3, True)
    assert turns == ["ann", "bob"] * 3
    assert market.sequence == ended.sequence
    assert len(list(frames)) == 2


def test_members_may_change_between_two_frames() -> None:
    members, turns = {"ann": 1}, []

    def between(_: Progress) -> bool:
        members["bob"] = 2
        return True

    run(folded(drawn(2), Market()), members.keys(), lambda member, *_: turns.append(member), between=between)

    assert turns == ["ann", "ann", "bob"]


def test_scenes_that_are_folded_beforehand_are_shown_alike() -> None:
    frames, streamed, known = drawn(4), [], []

    run(folded(frames, Market()), (streamed,), lambda seen, _, snapshot: seen.append(snapshot.top("XRP/USD")))
    scenes = list(folded(frames, Market()))
    run(scenes, (known,), lambda seen, _, snapshot: seen.append(snapshot.top("XRP/USD")))

    assert known == streamed


def test_an_error_in_a_turn_ends_the_run() -> None:
    def turn(*_: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(folded(drawn(2), Market()), ("ann",), turn)


@law
@given(st.builds(Drawn.of, st.integers(0, 2**32), st.integers(20, 50)), st.integers(1, 60))
def test_a_run_stopped_at_any_frame_and_gone_on_with_is_one_that_was_not(frames: Drawn, stop_after: int) -> None:
    fills: dict[str, list[Fill]] = {"whole": [], "resumed": []}

    def show(engine: Engine, frame: Frame, snapshot: DataSnapshot, name: str) -> None:
        fills[name] += engine.process(frame, snapshot).fills

    whole = new_engine()
    run(folded(frames, Market()), (whole,), lambda *shown: show(*shown, name="whole"))

    first, market = new_engine(), Market()
    run(
        folded(frames, market),
        (first,),
        lambda *shown: show(*shown, name="resumed"),
        between=lambda progress: progress.frames < stop_after,
    )
    second = Engine.resume(first.strategy, first.config, first.terms, first.checkpoint())
    restored = Market.restore(market.checkpoint(), [])
    run(folded(frames, restored), (second,), lambda *shown: show(*shown, name="resumed"))

    assert fills["resumed"] == fills["whole"]
    assert second.checkpoint() == whole.checkpoint()
