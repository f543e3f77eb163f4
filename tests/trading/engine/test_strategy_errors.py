"""Whatever a strategy raises is put on record, and ends nothing but its own turn."""

import pytest

from tests.making import Bench, make_strategy
from trading.engine import MAX_ERRORS_IN_A_ROW
from trading.engine.strategy_errors import LONGEST_TRACEBACK, Interrupted, described
from trading.engine.strategy_state import UnsavableState, pack_state

BOOK = """
    101 x 500
    ---
     99 x 500
"""


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def raised(error):
    try:
        raise error
    except BaseException as caught:
        return described(caught)


def bench_that_raises(error):
    def generate_signal(data, config, state):
        raise error

    bench = Bench()
    bench.show(BOOK)
    bench.engine.strategy = make_strategy(generate_signal)
    return bench


def test_an_error_is_described_by_its_kind_its_words_and_its_place():
    summary, traceback = raised(ValueError("no such band"))

    assert summary.startswith("ValueError: no such band (raised, line ")
    assert traceback.endswith("ValueError: no such band\n")


def test_words_that_no_database_takes_are_spelled_otherwise():
    summary, traceback = raised(ValueError("a\x00b\ud800"))

    assert "a\\x00b\\ud800" in summary
    assert "\x00" not in traceback
    assert traceback.encode()


def test_an_error_that_cannot_say_what_it_is_is_described_all_the_same():
    assert raised(Mute())[0].startswith("Mute: an error that fails to say what it is (raised, line ")


def test_endless_words_are_cut():
    summary, traceback = raised(ValueError("x" * 10**6))

    assert (len(summary), len(traceback)) == (300, LONGEST_TRACEBACK)


def test_an_interruption_is_described_at_the_place_it_interrupted():
    def handler():
        raise Interrupted("took longer than 1000 ms")

    def slow():
        handler()

    try:
        slow()
    except Interrupted as error:
        summary, traceback = described(error)

    assert summary.startswith("Interrupted: took longer than 1000 ms (slow, line ")
    assert "in handler" not in traceback


@pytest.mark.parametrize("error", [SystemExit(0), GeneratorExit(), Interrupted("took long"), MemoryError()])
def test_what_would_end_a_process_is_an_error_as_any_other(error):
    bench = bench_that_raises(error)

    outcomes = [bench.show() for _ in range(MAX_ERRORS_IN_A_ROW)]

    assert [len(outcome.errors) for outcome in outcomes] == [1] * MAX_ERRORS_IN_A_ROW
    assert bench.engine.is_halted
    assert not bench.engine.is_evaluating


def test_ctrl_c_ends_a_replay_and_no_worker():
    replay, worker = bench_that_raises(KeyboardInterrupt()), bench_that_raises(KeyboardInterrupt())
    worker.engine.is_supervised = True

    with pytest.raises(KeyboardInterrupt):
        replay.show()

    assert worker.show().errors[0].summary.startswith("KeyboardInterrupt")


def test_the_strategys_code_alone_may_be_interrupted():
    seen = []
    bench = Bench()
    bench.engine.strategy = make_strategy(lambda data, config, state: seen.append(bench.engine.is_evaluating))

    bench.show(BOOK)
    bench.show()

    assert seen[-1] is True
    assert bench.engine.is_evaluating is False


def test_a_state_of_more_than_four_megabytes_is_refused_with_its_size():
    with pytest.raises(UnsavableState, match=r"the state takes 5\.0 MB packed; at most 4 MB are kept"):
        pack_state({"seen": b"x" * 5 * 2**20})
