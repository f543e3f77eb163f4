"""What a worker leaves undone while it is behind, and when it takes that back."""

from __future__ import annotations

from collections.abc import Iterable

from strategies.worker.shedding import CALM_FOR_S, Shed, Shedding


def shown(shedding: Shedding, lags_s: Iterable[float]) -> list[Shed]:
    """Return what is shed after each change, for one lag a second."""
    return [shedding.shed for lag_s in lags_s if shedding.measure(lag_s)]


def test_what_nobodys_account_depends_on_is_left_undone_first() -> None:
    shedding = Shedding()

    changes = shown(shedding, [6.0 + second / 10 for second in range(60)])

    assert changes == [Shed.SHADOWS, Shed.POINTS, Shed.HALF, Shed.QUARTER, Shed.EIGHTH]
    assert [shed.evaluated_every for shed in Shed] == [1, 1, 1, 2, 4, 8]


def test_nothing_that_changes_facts_is_left_undone_for_a_small_lag() -> None:
    shedding = Shedding()

    shown(shedding, [3.0] * 600)

    assert shedding.shed is Shed.POINTS


def test_a_worker_that_catches_up_leaves_nothing_undone() -> None:
    shedding = Shedding()

    assert shown(shedding, [100.0 - second / 2 for second in range(200)]) == []


def test_a_lag_of_a_moment_changes_nothing() -> None:
    shedding = Shedding()

    assert shown(shedding, [0.1, 4.0, 5.0, 4.0, 0.2] * 20) == []


def test_once_there_is_room_all_is_done_again_step_by_step() -> None:
    shedding = Shedding()
    shown(shedding, [9.0] * 60)

    changes = shown(shedding, [0.1] * (CALM_FOR_S * 5))

    assert changes == [Shed.QUARTER, Shed.HALF, Shed.POINTS, Shed.SHADOWS, Shed.NOTHING]


def test_what_was_taken_back_too_early_is_taken_back_later_the_next_time() -> None:
    shedding = Shedding()
    shown(shedding, [3.0] * 6)
    shown(shedding, [0.1] * CALM_FOR_S)
    shown(shedding, [3.0] * 6)

    assert shedding.shed is Shed.SHADOWS
    assert shown(shedding, [0.1] * (2 * CALM_FOR_S - 1)) == []
    assert shown(shedding, [0.1]) == [Shed.NOTHING]


def test_the_page_says_what_is_left_undone() -> None:
    assert Shed.NOTHING.words == ""
    assert Shed.POINTS.words == "shadows are off; equity points once a minute"
    assert Shed.QUARTER.words.endswith("deployments with nothing open are evaluated every 4 frames")
