"""Which deployment ends the worker, when nothing of its end says so: halves are let back in, one after the other."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.warden.search import NobodyToBlame, Search
from tests.laws import law

EVERYBODY = range(1, 20)


def accused(search: Search, culprits: Collection[int], everybody: Collection[int] = EVERYBODY) -> Iterator[int]:
    """Yield whom the search accuses while workers end that hold a culprit; who is accused is hosted no longer."""
    quarantined: set[int] = set()
    for _ in range(1_000):
        if search.is_over:
            return
        hosted = set(everybody) - search.held_back - quarantined
        if hosted & set(culprits):
            found = search.note_death(hosted)
            if found is not None:
                quarantined.add(found)
                yield found
        else:
            search.note_survival()
    raise AssertionError("the search does not end")


def test_at_first_the_worker_does_without_any_suspect() -> None:
    search = Search(EVERYBODY, lived_s=1.0)

    assert (search.held_back, search.on_trial) == (frozenset(EVERYBODY), ())


def test_a_worker_that_ends_without_any_suspect_is_ended_by_none() -> None:
    search = Search(EVERYBODY, lived_s=1.0)

    with pytest.raises(NobodyToBlame):
        search.note_death([])


def test_one_among_nineteen_is_found_within_a_dozen_workers() -> None:
    search, workers = Search(EVERYBODY, lived_s=1.0), 0
    search.note_survival()
    while True:
        hosted = set(EVERYBODY) - search.held_back
        workers += 1
        if 13 not in hosted:
            search.note_survival()
        elif (found := search.note_death(hosted)) is not None:
            break

    assert found == 13
    assert workers <= 12


def test_one_death_alone_accuses_nobody() -> None:
    search = Search([7], lived_s=1.0)
    search.note_survival()

    assert search.note_death([7]) is None
    search.note_survival()
    assert search.is_over


def test_a_trial_lasts_longer_than_any_worker_has_lived() -> None:
    assert Search(EVERYBODY, lived_s=30.0).trial_s == 60.0
    assert Search(EVERYBODY, lived_s=0.1).trial_s == 3.0


def test_who_has_another_worker_by_now_is_not_accused() -> None:
    search = Search([1, 2], lived_s=1.0)
    search.note_survival()

    assert search.note_death([2]) is None
    assert search.note_death([2]) == 2
    assert search.is_over


@law
@given(st.integers(1, 60), st.integers(0, 5), st.integers(0, 2**16))
def test_every_culprit_is_found_and_no_innocent_is_accused(many: int, culprits: int, seed: int) -> None:
    everybody = range(1, many + 1)
    chosen = Random(seed).sample(everybody, min(culprits, many))

    assert sorted(accused(Search(everybody, lived_s=1.0), chosen, everybody)) == sorted(chosen)
