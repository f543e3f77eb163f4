from hypothesis import given
from hypothesis import strategies as st

from marketdata.kraken.events import BadFrame, TradeSeen, TradesMissed, TradesRepaired
from marketdata.kraken.tape import MAX_JUMP, Hole, Tape
from trading.book import Side
from trading.frames import Trade


def make_trade(trade_id: int) -> Trade:
    return Trade("BTC/USD", trade_id, Side.BUY, 100, 1, trade_id * 10)


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


def test_an_id_that_can_be_none_does_not_end_the_tape():
    tape = Tape()

    events = taken(tape, 1, MAX_JUMP + 2, 2)

    assert [type(event) for event in events] == [TradeSeen, BadFrame, TradeSeen]


def test_a_tape_made_of_a_market_knows_the_holes_that_were_left():
    tape = Tape.of({"BTC/USD": [make_trade(n) for n in (1, 2, 5, 6)]})

    assert tape.holes == {"BTC/USD": [Hole(3, 4, 20)]}
    assert taken(tape, 4, 6, 7) == [TradeSeen(make_trade(4), is_late=True), TradeSeen(make_trade(7))]


@given(st.lists(st.integers(1, 60), max_size=120))
def test_whatever_comes_each_print_comes_once_and_the_holes_are_what_is_missing(ids: list[int]):
    tape = Tape()

    received = [event.trade.trade_id for event in taken(tape, *ids) if isinstance(event, TradeSeen)]

    assert len(received) == len(set(received))
    missing = {n for hole in tape.holes.get("BTC/USD", []) for n in range(hole.first_id, hole.last_id + 1)}
    if received:
        assert missing == set(range(ids[0], max(received) + 1)) - set(received)
