"""A worker's life: whatever signals and ends come, each change of its state is one that the table allows."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.warden.life import WORKER_TRANSITIONS, IllegalTransition, WorkerLife, WorkerState
from tests.laws import law

ACTS = {
    "begin": WorkerLife.begin,
    "stop": WorkerLife.stop,
    "leave": lambda life: life.end(is_whole=True),
    "die": lambda life: life.end(is_whole=False),
    **{f"become {state}": (lambda life, state=state: life.become(state)) for state in WorkerState},
}


@law
@given(st.lists(st.sampled_from(sorted(ACTS)), max_size=12))
def test_whatever_comes_each_change_is_in_the_table_and_an_illegal_one_changes_nothing(names: list[str]) -> None:
    life, passed = WorkerLife(), [WorkerState.STARTING]
    for name in names:
        before = life.state
        try:
            ACTS[name](life)
        except IllegalTransition as error:
            assert f"worker is {before} and cannot become" in str(error)
        if life.state is not before:
            passed.append(life.state)

    steps = list(pairwise(passed))
    ended = [state for state in passed if not WORKER_TRANSITIONS[state]]
    # To leave by itself is to stop first: two steps of the table in one act.
    assert all(
        after in WORKER_TRANSITIONS[before]
        or (after is WorkerState.LEFT and WorkerState.STOPPING in WORKER_TRANSITIONS[before])
        for before, after in steps
    )
    assert ended in ([], [passed[-1]])


def test_a_worker_that_is_stopped_before_it_runs_does_not_run() -> None:
    life = WorkerLife()

    life.stop()
    life.begin()

    assert (life.is_running, life.is_stopping) == (False, True)


def test_a_second_signal_and_one_that_comes_too_late_change_nothing() -> None:
    life = WorkerLife()
    life.begin()
    life.stop()
    life.stop()
    life.end(is_whole=True)

    life.stop()

    assert life.state is WorkerState.LEFT


def test_a_worker_that_has_ended_does_not_come_back() -> None:
    life = WorkerLife()
    life.end(is_whole=False)

    with pytest.raises(IllegalTransition, match="worker is lost and cannot become running; it can become nothing"):
        life.begin()
