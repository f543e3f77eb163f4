"""What a strategy prints and logs: a minute's worth is written, each line cut, and the rest counted."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from strategies.worker import lines
from strategies.worker.costs import LINES, Meter
from strategies.worker.lines import LINES_A_MINUTE, LONGEST_LINE, LimitedLog, LimitedStream, admitted


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(lines, "monotonic", clock)
    return clock


@pytest.fixture
def log(clock: Clock) -> Iterator[tuple[logging.Logger, list[str], Meter]]:
    written: list[str] = []
    meter, logger = Meter(), logging.getLogger("a strategy")
    logger.propagate = False
    handler = logging.Handler()
    handler.emit = lambda record: written.append(record.getMessage())
    handler.addFilter(LimitedLog(lambda: meter))
    logger.addHandler(handler)
    yield logger, written, meter
    logger.removeHandler(handler)


def test_beyond_a_minutes_worth_lines_are_left_out_and_counted(clock: Clock) -> None:
    meter, stream = Meter(), io.StringIO()
    limited = LimitedStream(stream, lambda: meter)

    for n in range(LINES_A_MINUTE + 40):
        print(f"price {n}", file=limited)
    clock.now_s = 60.0
    print("a minute later", file=limited)

    assert stream.getvalue().count("\n") == LINES_A_MINUTE + 1
    assert stream.getvalue().endswith("a minute later\n")
    assert meter.left_out == {LINES: 40}


def test_what_is_not_a_strategys_passes_as_it_is(clock: Clock) -> None:
    stream = io.StringIO()
    limited = LimitedStream(stream, lambda: None)

    print("x" * 10_000, file=limited)

    assert stream.getvalue() == "x" * 10_000 + "\n"


def test_a_strategys_records_are_bounded_as_its_prints_are(log: tuple[logging.Logger, list[str], Meter]) -> None:
    logger, written, meter = log

    for n in range(LINES_A_MINUTE + 5):
        logger.warning("price %s", n)

    assert len(written) == LINES_A_MINUTE
    assert meter.left_out == {LINES: 5}


@pytest.mark.parametrize("words", ["y" * 100_000, "half \ud83d of it", "no\x00thing"])
def test_a_line_is_cut_to_what_can_be_written(log: tuple[logging.Logger, list[str], Meter], words: str) -> None:
    logger, written, _ = log

    logger.warning(words)

    assert len(written[0].encode()) <= LONGEST_LINE + 3
    assert "\x00" not in written[0]


def test_a_flood_without_line_ends_is_bounded_too(clock: Clock) -> None:
    meter = Meter()

    written = sum(len(admitted(meter, "z" * 400)) for _ in range(1_000))

    assert written <= lines.CHARACTERS_A_MINUTE + LONGEST_LINE
