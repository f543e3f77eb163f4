"""State tables: what may follow what, checked in one place and refused in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

State = TypeVar("State", bound=Enum)


def refusal(table: Mapping[State, frozenset[State]], thing: str, now: State, then: State) -> str:
    """Return why ``thing`` may not go from ``now`` to ``then`` and where it may go; empty when it may."""
    following = table[now]
    if then in following:
        return ""
    right = ", ".join(sorted(state.value for state in following)) or "nothing any more"
    return f"{thing} is {now.value} and cannot become {then.value}; it can become {right}"
