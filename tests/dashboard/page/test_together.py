"""Readers of the same page share one drawing of it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from dashboard.page.together import Together
from tests.processes import wait_until


class Drawing:
    """A drawing that takes as long as the test wants."""

    def __init__(self) -> None:
        self.times, self.may_end = 0, threading.Event()

    def draw(self) -> int:
        self.times += 1
        number = self.times
        self.may_end.wait(30)
        return number


def test_those_who_come_while_it_is_drawn_share_the_drawing_and_the_next_gets_a_new_one():
    together, drawing = Together[int](), Drawing()
    with ThreadPoolExecutor(1) as readers:
        first = readers.submit(together.run, "season", drawing.draw)
        wait_until(lambda: drawing.times, "the drawing")
        end = threading.Timer(0.2, drawing.may_end.set)
        end.start()

        second = together.run("season", drawing.draw)

    assert (first.result(), second) == (1, 1)
    assert together.run("season", drawing.draw) == 2


def test_another_page_is_drawn_beside_it():
    together, drawing = Together[int](), Drawing()
    with ThreadPoolExecutor(1) as readers:
        first = readers.submit(together.run, "season", drawing.draw)
        wait_until(lambda: drawing.times, "the drawing")
        other = together.run("24h", lambda: 7)
        drawing.may_end.set()

        assert (first.result(30), other) == (1, 7)


def test_a_reader_who_waits_for_a_drawing_that_is_abandoned_gets_another():
    together, may_end, begun = Together[int](), threading.Event(), threading.Event()

    def abandon() -> int:
        begun.set()
        may_end.wait(30)
        raise InterruptedError("its reader has left")

    with ThreadPoolExecutor(1) as readers:
        first = readers.submit(together.run, "season", abandon)
        assert begun.wait(30)
        threading.Timer(0.2, may_end.set).start()

        assert together.run("season", lambda: 7) == 7
    assert isinstance(first.exception(), InterruptedError)


def test_an_error_is_not_kept():
    together = Together[int]()

    with pytest.raises(ZeroDivisionError):
        together.run("season", lambda: 1 // 0)

    assert together.run("season", lambda: 3) == 3
