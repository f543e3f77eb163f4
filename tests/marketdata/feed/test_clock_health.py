"""Whose clock is wrong, and since when."""

import asyncio

import pytest

from marketdata.feed.clock import LiveClock
from marketdata.feed.clock_health import ClockHealth
from marketdata.feed.health import FeedHealth
from marketdata.feed.timekeeping import Timekeeper
from marketdata.kraken.events import ClockMeasured
from marketdata.kraken.exchange_clock import ExchangeClock
from marketdata.kraken.rest import ClockReading
from trading.frames import NS_PER_S as S

T0 = 1_783_425_600 * S


def answered(clock: ExchangeClock, *, ahead_s: float, there_s: float = 0.05, back_s: float = 0.05) -> None:
    sent_ns = T0
    exchange_ns = sent_ns + round((there_s + ahead_s) * S)
    clock.answered(sent_ns, exchange_ns, exchange_ns, sent_ns + round((there_s + back_s) * S))


@pytest.mark.parametrize("ahead_s", [90, -90, 0, 3_600])
def test_three_answers_tell_the_exchange_s_clock(ahead_s):
    clock = ExchangeClock()

    known = []
    for _ in range(3):
        answered(clock, ahead_s=ahead_s)
        known.append(clock.ahead_ns)

    assert known == [None, None, ahead_s * S]


def test_late_messages_are_not_taken_for_a_wrong_clock():
    clock = ExchangeClock()

    for _ in range(9):
        answered(clock, ahead_s=0, back_s=26)

    assert clock.ahead_ns is None


def test_one_odd_answer_changes_nothing():
    clock = ExchangeClock()
    for ahead_s in (0, 0, 3_600, 0):
        answered(clock, ahead_s=ahead_s)

    assert clock.ahead_ns == 0


def test_a_clock_that_is_wrong_is_named_once_and_again_when_it_is_right():
    health, words = FeedHealth(started_ns=T0), []

    for second in range(30):
        health.observe([ClockMeasured(90 * S if second < 20 else 0)], T0 + second * S)
        words += [(incident.kind, incident.detail) for incident in health.hand_over()]

    assert words == [
        ("clock", "this clock is wrong by 90.0 s: it is behind the exchange's"),
        ("clock", "this clock is right again"),
    ]


def test_a_clock_that_is_wrong_for_a_moment_is_not_set():
    health = ClockHealth()

    due = []
    for second in range(130):
        health.measure(90 * S if second != 50 else 0, T0 + second * S)
        due.append(health.due_ns(T0 + second * S))

    assert set(due[:111]) == {0}
    assert due[111] == 90 * S


class Rest:
    def __init__(self, ahead_s: float | None) -> None:
        self._ahead_s = ahead_s

    def exchange_clock(self) -> ClockReading | None:
        if self._ahead_s is None:
            return None
        return ClockReading(T0, T0 + round(self._ahead_s * S) - S // 2, T0)


def timekeeper(rest_ahead_s: float | None) -> tuple[Timekeeper, LiveClock, FeedHealth, list[str]]:
    health, notes = FeedHealth(started_ns=T0), []
    clock = LiveClock(steady_ns=lambda: 0, wall_ns=lambda: T0, counts_sleep=True)
    return Timekeeper(clock, health, Rest(rest_ahead_s), lambda _, words: notes.append(words)), clock, health, notes


@pytest.mark.parametrize(("ahead_s", "set_by_s"), [(90, 90), (-90, -90), (1, 0), (None, 0)])
def test_the_first_frame_is_cut_on_the_exchange_s_time(ahead_s, set_by_s):
    keeper, clock, health, _ = timekeeper(ahead_s)

    asyncio.run(keeper.begin())

    assert clock.now_ns() == T0 + set_by_s * S
    assert health.clock.report()["is_wrong"] == bool(set_by_s)
    assert [incident.kind for incident in health.hand_over()] == (["clock"] if set_by_s else [])


@pytest.mark.parametrize(("rest_s", "set_by_s"), [(90, 90), (None, 90), (0, 0)])
def test_later_the_clock_is_set_unless_rest_disagrees(rest_s, set_by_s):
    keeper, clock, health, notes = timekeeper(rest_s)
    health.clock.measure(90 * S, T0 - 61 * S)
    health.clock.measure(90 * S, T0)

    asyncio.run(keeper.check())

    assert clock.now_ns() == T0 + set_by_s * S
    (words,) = notes
    assert ("is set by" in words) == bool(set_by_s)
