import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.kraken.events import BadFrame, TradeSeen, TradesMissed, TradesRenumbered, TradesRepaired
from marketdata.kraken.tape import LEAST_JUMP, Hole, Tape
from trading.book import Side
from trading.frames import NS_PER_S, Trade


def make_trade(trade_id: int, at_s: float | None = None) -> Trade:
    time_ns = trade_id * 10 if at_s is None else int(at_s * NS_PER_S)
    return Trade("BTC/USD", trade_id, Side.BUY, 100, 1, time_ns)


def taken_at(tape: Tape, *prints: tuple[int, float], **how: bool) -> list:
    """Take (id, second) after (id, second)."""
    how = {"is_late": False, **how}
    return [event for trade_id, at_s in prints for event in tape.take(make_trade(trade_id, at_s), **how)]


def seen(events: list) -> list[int]:
    return [event.trade.trade_id for event in events if isinstance(event, TradeSeen)]


def taken(tape: Tape, *ids: int, is_late: bool = False) -> list:
    return [event for trade_id in ids for event in tape.take(make_trade(trade_id), is_late=is_late)]


def test_a_print_comes_once():
    tape = Tape()

    events = taken(tape, 1, 2, 2, 1, 3)

    assert events == [TradeSeen(make_trade(n)) for n in (1, 2, 3)]


def test_a_jump_is_a_hole_and_what_fills_it_is_late():
    tape = Tape()

    events = taken(tape, 1, 5, 3, 3, 2, 4)

    assert events == [
        TradeSeen(make_trade(1)),
        TradesMissed("BTC/USD", 2, 4),
        TradeSeen(make_trade(5)),
        TradeSeen(make_trade(3), is_late=True),
        TradeSeen(make_trade(2), is_late=True),
        TradeSeen(make_trade(4), is_late=True),
        TradesRepaired("BTC/USD"),
    ]
    assert tape.holes["BTC/USD"] == []


def test_a_hole_says_from_when_on_to_ask():
    tape = Tape()
    taken(tape, 1, 5, 3)

    assert tape.holes["BTC/USD"] == [Hole(2, 2, 10), Hole(4, 4, 30)]


def test_a_tape_made_of_a_market_knows_the_holes_that_were_left():
    tape = Tape.of({"BTC/USD": [make_trade(n) for n in (1, 2, 5, 6)]})

    assert tape.holes == {"BTC/USD": [Hole(3, 4, 20)]}
    assert taken(tape, 4, 6, 7) == [TradeSeen(make_trade(4), is_late=True), TradeSeen(make_trade(7))]


FAR = 5_000_000_000


def test_one_print_with_a_far_id_is_not_believed_and_the_ids_go_on():
    tape = Tape()

    events = taken_at(tape, (100, 0), (FAR, 5), (101, 6), (102, 7))

    assert seen(events) == [100, 101, 102]
    (left_out,) = [event for event in events if isinstance(event, BadFrame)]
    assert left_out.reason == f"trade id {FAR} of BTC/USD was left out: the ids went on at 101"
    assert tape.holes.get("BTC/USD", []) == []


@pytest.mark.parametrize("first", [1, FAR])
def test_a_new_range_is_believed_when_three_prints_go_on_from_one_another(first):
    tape = Tape()
    taken_at(tape, (1_000, 0))

    undecided = taken_at(tape, (first, 5), (first + 1, 6))
    decided = taken_at(tape, (first + 2, 7), (first + 3, 8))

    assert undecided == []
    assert decided[0] == TradesRenumbered("BTC/USD", 1_000, first, first == 1)
    assert [(e.trade.trade_id, e.is_late) for e in decided if isinstance(e, TradeSeen)] == [
        (first, True),
        (first + 1, True),
        (first + 2, False),
        (first + 3, False),
    ]


def test_a_new_range_is_believed_at_once_when_rest_has_the_same_print():
    tape = Tape()
    taken_at(tape, (1_000, 0), (1, 5))

    events = taken_at(tape, (1, 5), is_late=True, is_confirmed=True)

    assert [type(event) for event in events] == [TradesRenumbered, TradeSeen]
    assert seen(taken_at(tape, (2, 6))) == [2]


def test_a_repeated_print_begins_no_new_range():
    tape = Tape()

    events = taken_at(tape, (10, 50), (11, 51), (9, 49), (10, 50), (11, 51))

    assert seen(events) == [10, 11]
    assert tape.doubts == {}


def test_ids_may_jump_as_far_as_the_time_between_allows():
    tape = Tape()

    events = taken_at(tape, (1, 0), (LEAST_JUMP + 700_000, 3_600), is_late=True)

    assert [type(event) for event in events] == [TradeSeen, TradesMissed, TradeSeen]


def test_an_id_that_was_too_high_is_given_back_when_later_prints_go_on_below_it():
    tape = Tape()
    taken_at(tape, (100, 0), (600, 1))

    events = taken_at(tape, (101, 2), (102, 3), (103, 4), (104, 5))

    assert [(e.trade.trade_id, e.is_late) for e in events if isinstance(e, TradeSeen)] == [
        (101, True),
        (102, True),
        (103, False),
        (104, False),
    ]
    assert tape.newest["BTC/USD"].trade_id == 104
    assert [type(e) for e in events if not isinstance(e, TradeSeen)] == [BadFrame, TradesRenumbered]


def test_a_print_that_came_with_a_wrong_id_is_the_same_print_when_rest_has_it_with_its_own():
    tape = Tape()
    taken_at(tape, (100, 0), (800, 5))

    events = taken_at(tape, (101, 5), is_late=True, is_confirmed=True)
    after = taken_at(tape, (102, 6))

    assert tape.holes["BTC/USD"] == []
    assert seen(events) == []
    assert [(event.trade.trade_id, event.is_late) for event in after] == [(102, False)]


def test_what_came_below_a_wrong_id_before_it_was_known_to_be_wrong_comes_once():
    tape = Tape()
    taken_at(tape, (100, 0), (800, 5), (102, 6))

    taken_at(tape, (101, 5), is_late=True, is_confirmed=True)
    events = taken_at(tape, (102, 6), (103, 7))

    assert seen(events) == [103]
    assert tape.holes["BTC/USD"] == []


def test_a_snapshot_repeats_nothing_of_what_came_below_an_id_that_was_too_high():
    tape = Tape()
    prints = [(101, 2), (102, 3)]
    taken_at(tape, (100, 0), (600, 1), *prints)

    events = taken_at(tape, *prints, (103, 4), (104, 5), is_late=True)

    assert seen(events) == [103, 104]


@given(st.lists(st.integers(1, 60), max_size=120))
def test_whatever_comes_each_print_comes_once_and_the_holes_are_what_is_missing(ids: list[int]):
    tape = Tape()

    received = [event.trade.trade_id for event in taken(tape, *ids) if isinstance(event, TradeSeen)]

    assert len(received) == len(set(received))
    missing = {n for hole in tape.holes.get("BTC/USD", []) for n in range(hole.first_id, hole.last_id + 1)}
    if received:
        assert missing == set(range(ids[0], max(received) + 1)) - set(received)
