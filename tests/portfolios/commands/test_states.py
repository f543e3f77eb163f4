"""A command's states: it goes forward by one table, and what has ended stays as it is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portfolios.models import OPEN_STATES, Command, CommandState
from portfolios.models.commands import COMMAND_TRANSITIONS, IllegalTransition, states_before

states = st.sampled_from(list(CommandState))
unhurried = settings(deadline=None)


@unhurried
@given(st.lists(states))
def test_a_command_goes_by_the_table_or_stays(named: list[CommandState]) -> None:
    command = Command(id=1, kind="pay")

    for state in named:
        before = CommandState(command.state)
        if state in COMMAND_TRANSITIONS[before]:
            command.advance(state)
            assert command.state == state
        else:
            with pytest.raises(IllegalTransition, match=f"payment-1 is {before}: it cannot become {state}"):
                command.advance(state)
            assert command.state == before


@unhurried
@given(st.lists(states))
def test_a_command_ends_at_most_once_and_never_returns_to_requested(named: list[CommandState]) -> None:
    command = Command(id=1, kind="pay")
    passed = [command.state]

    for state in named:
        if state in COMMAND_TRANSITIONS[CommandState(command.state)]:
            command.advance(state)
            passed.append(command.state)

    assert sum(state not in OPEN_STATES for state in passed) <= 1
    assert passed.count(CommandState.REQUESTED) == 1
    assert len(passed) <= 3


@unhurried
@given(states)
def test_every_state_is_reached_and_knows_those_before_it(state: CommandState) -> None:
    assert state is CommandState.REQUESTED or states_before(state)
    assert all(state in COMMAND_TRANSITIONS[before] for before in states_before(state))


def test_a_message_is_cut_to_what_the_row_keeps() -> None:
    command = Command(id=1, kind="close")

    command.advance(CommandState.REJECTED, "x" * 600)

    assert len(command.message) == 500
