"""Each way to break the contract is found by the check that is made for it, and by no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from strategies.checking import verdicts
from strategies.checking.findings import Finding, Mark, Report
from strategies.checking.performing import Died, Performances, performances
from strategies.checking.rehearsal import write_frames
from strategies.checking.stretches import simulated

HEAD = """
from trading.signals import NoSignal, Signal
STRATEGY_NAME, STRATEGY_VERSION, SYMBOLS = "trap", "1.0.0", ["BTC/USD"]
"""
HONEST = """
def generate_signal(data, config, state):
    state["evaluations"] = state.get("evaluations", 0) + 1
    if state["evaluations"] % 100 == 1 and data.portfolio.is_flat("BTC/USD"):
        return Signal.buy("BTC/USD", 20, metadata={"at": data.time})
    return NoSignal("waits", f"{data.price('BTC/USD')}")
"""
KNOWS_BY_MEMORY = """
prices = {}
def generate_signal(data, config, state):
    prices[data.sequence] = data.price("BTC/USD")
    later = prices.get(data.sequence + 50)
    return Signal.buy("BTC/USD", 20) if later and later > prices[data.sequence] else NoSignal("waits")
"""
KNOWS_BY_BUFFERS = """
def generate_signal(data, config, state):
    tape, length = data._view.tapes.get("BTC/USD", ([], 0))
    return Signal.buy("BTC/USD", 20) if len(tape) > length else NoSignal("waits")
"""
READS_THE_WALL_CLOCK = """
from datetime import datetime
def generate_signal(data, config, state):
    return NoSignal("month", str(datetime.now().month))
"""
DRAWS_BY_CHANCE = """
import random
def generate_signal(data, config, state):
    return NoSignal("drawn", str(random.random()))
"""
ITERATES_A_SET = """
NAMES = {"a", "b", "c", "d", "e", "f", "g", "h"}
def generate_signal(data, config, state):
    return NoSignal("names", " ".join(NAMES))
"""
COUNTS_IN_THE_MODULE = """
count = 0
def generate_signal(data, config, state):
    global count
    count += 1
    return NoSignal("counted", str(count // 400))
"""
SIZES_BY_NOTHING = """
def generate_signal(data, config, state):
    return Signal.buy("BTC/USD", 1.0 / 1e-12, size_in="base")
"""
NEVER_EXPIRES = """
def generate_signal(data, config, state):
    state["n"] = state.get("n", 0) + 1
    if state["n"] == 5:
        price = data.price("BTC/USD") * 0.9
        expiry = {"time_in_force": "gtd", "expires_in_s": 1_795_000_000_000}
        return Signal.buy("BTC/USD", 10, order_type="limit", limit_price=price, **expiry)
    return NoSignal("waits")
"""
SAYS_NUMBERS = """
def generate_signal(data, config, state):
    n = state["n"] = state.get("n", 0) + 1
    return [NoSignal(f"rsi {n + i / 1000:.3f} is not below 30") for i in range(200)]
"""
KEEPS_A_NAMED_TUPLE = """
from collections import namedtuple
Level = namedtuple("Level", "price size")
def generate_signal(data, config, state):
    state["levels"] = [Level(1, 2)]
    return NoSignal("waits")
"""
KEEPS_SETS_BY_ENUMS = """
from enum import IntEnum
class Side(IntEnum):
    LONG = 1
def generate_signal(data, config, state):
    state["by_side"] = {Side.LONG: {1, 2}}
    return NoSignal("waits")
"""
KEEPS_AN_OBJECT = """
def generate_signal(data, config, state):
    state["lock"] = object()
    return NoSignal("waits")
"""


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    file = tmp_path_factory.mktemp("stretch") / "frames"
    return file, write_frames(file, simulated(["BTC/USD"], 1, {}))


def rehearsed(source: str, frames: tuple[Path, int], place: Path) -> Performances:
    (place / "trap.py").write_text(HEAD + source)
    return performances(place / "trap.py", *frames, ["BTC/USD"], place)


def checked(source: str, frames: tuple[Path, int], place: Path) -> dict[str, Finding]:
    runs, report = rehearsed(source, frames, place), Report(path="trap.py")
    verdicts.check_bounds(report, runs.streamed)
    verdicts.check_errors(report, runs.streamed)
    verdicts.check_look_ahead(report, runs)
    verdicts.check_determinism(report, runs)
    verdicts.check_state(report, runs)
    return {finding.check: finding for finding in report.findings}


def broken(findings: dict[str, Finding]) -> set[str]:
    return {check for check, finding in findings.items() if finding.mark is Mark.BROKEN}


def test_an_honest_strategy_passes_every_check(frames, tmp_path):
    assert {finding.mark for finding in checked(HONEST, frames, tmp_path).values()} == {Mark.FINE}


@pytest.mark.parametrize(
    ("source", "check", "words"),
    [
        (KNOWS_BY_BUFFERS, "look-ahead", "what it could not know yet"),
        (READS_THE_WALL_CLOCK, "determinism", "wall clock 37 days on it answers otherwise: use data.time"),
        (ITERATES_A_SET, "determinism", "another process answers otherwise: the order of a set"),
        (DRAWS_BY_CHANCE, "determinism", "two runs over the same frames differ"),
        (KEEPS_AN_OBJECT, "state", "state['lock'] is a object; expected plain values"),
        (KEEPS_A_NAMED_TUPLE, "state", "state['levels'][0] is a Level (derived from tuple); expected tuple(...) of it"),
        (KEEPS_SETS_BY_ENUMS, "state", "state['by_side'] has a key that is a Side (derived from int)"),
        (COUNTS_IN_THE_MODULE, "state", "keep everything in `state`"),
        ("def generate_signal(data, config, state):\n    return 1 / 0\n", "errors", "it raised 5 times; it was paused"),
    ],
)
def test_a_trap_is_found_by_its_check(frames, tmp_path, source, check, words):
    findings = checked(source, frames, tmp_path)

    assert findings[check].mark is Mark.BROKEN
    assert words in findings[check].sentence


def test_a_strategy_that_remembers_the_future_in_its_module_is_shown_when_and_what(frames, tmp_path):
    finding = checked(KNOWS_BY_MEMORY, frames, tmp_path)["look-ahead"]

    assert finding.mark is Mark.BROKEN
    assert "the rest still to come: NoSignal(code='waits'" in finding.lines[0]
    assert "when it had seen the rest: Signal(" in finding.lines[1]


def test_look_ahead_is_not_checked_where_chance_would_be_blamed_on_it(frames, tmp_path):
    findings = checked(DRAWS_BY_CHANCE, frames, tmp_path)

    assert findings["look-ahead"].mark is Mark.SKIPPED


@pytest.mark.parametrize(
    ("act", "words"),
    [
        ("import os; os._exit(3)", "ended the whole process with exit code 3"),
        ("import os; os.kill(os.getpid(), 11)", "killed by signal 11"),
    ],
)
def test_a_strategy_that_ends_the_process_is_named(frames, tmp_path, act, words):
    with pytest.raises(Died, match=words):
        rehearsed(f"def generate_signal(data, config, state):\n    {act}\n", frames, tmp_path)


@pytest.mark.slow
def test_a_strategy_that_does_not_return_is_ended_and_its_line_is_named(frames, tmp_path):
    with pytest.raises(Died, match="did not return within ten seconds") as died:
        rehearsed("def generate_signal(data, config, state):\n    while True:\n        pass\n", frames, tmp_path)

    assert any("trap.py" in line and "in generate_signal" in line for line in died.value.lines)


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (SIZES_BY_NOTHING, "at first: size is 1000000000000.0; expected at most 11529215046.06846976 BTC"),
        (NEVER_EXPIRES, "rejected as bad_number 1 times, at first: expires_in_s is 1795000000000; expected seconds"),
        (SAYS_NUMBERS, "reasons became other: the 200 most frequent codes are kept"),
    ],
)
def test_what_nothing_could_hold_or_is_more_than_is_taken_is_a_warning(frames, tmp_path, source, line):
    finding = checked(source, frames, tmp_path)["bounds"]

    assert finding.mark is Mark.WARNING
    assert any(line in each for each in finding.lines)
