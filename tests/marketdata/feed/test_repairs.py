from marketdata.feed.repairs import CHECKED_AFTER_NS, CROSS_CHECK_EVERY_NS, MAX_TRIES, REACH_NS, Question, Repairs
from marketdata.kraken.tape import Hole, LastPrint, Tape
from trading.book import Side
from trading.frames import NS_PER_S, Trade

T0 = 1_783_425_600 * NS_PER_S
BTC, ETH = "BTC/USD", "ETH/USD"


def make_trade(trade_id: int, age_s: float = 60) -> Trade:
    return Trade(BTC, trade_id, Side.BUY, 100, 1, T0 - int(age_s * NS_PER_S))


def holed(*, since_s: float = 10) -> Tape:
    since_ns = T0 - int(since_s * NS_PER_S)
    return Tape({BTC: LastPrint(9, T0)}, {BTC: [Hole(5, 7, since_ns)]})


def test_a_hole_is_asked_for_at_once_and_only_its_prints_are_received():
    tape, repairs = holed(), Repairs()

    question = repairs.question(tape, [BTC], T0)
    found = repairs.answered(question, tape, [make_trade(n) for n in range(4, 10)], T0)

    assert question == Question(BTC, T0 - 10 * NS_PER_S, Hole(5, 7, T0 - 10 * NS_PER_S))
    assert [trade.trade_id for trade in found] == [5, 6, 7]


def test_a_hole_that_stays_is_asked_for_again_later_each_time_and_then_no_more():
    tape, repairs, asked_s = holed(), Repairs(), []

    for second in range(120):
        now_ns = T0 + second * NS_PER_S
        if (question := repairs.question(tape, [BTC], now_ns)) is not None and question.hole is not None:
            asked_s.append(second)
            repairs.failed(question, now_ns)
            lost = repairs.is_lost(question, tape)

    assert asked_s == [0, 2, 6, 14]
    assert len(asked_s) == MAX_TRIES
    assert lost


def test_a_hole_from_long_ago_is_left_to_history():
    assert Repairs().question(holed(since_s=REACH_NS / NS_PER_S + 1), [BTC], T0) is None


def test_a_symbol_that_nobody_receives_is_not_asked_for():
    assert Repairs().question(holed(), [ETH], T0) is None


def test_quiet_symbols_are_cross_checked_in_turn_and_slowly():
    tape, repairs, requested = Tape({BTC: LastPrint(9, T0), ETH: LastPrint(4, T0 - NS_PER_S)}), Repairs(), []

    for second in range(45):
        now_ns = T0 + second * NS_PER_S
        if (question := repairs.question(tape, [BTC, ETH], now_ns)) is not None:
            requested.append((second, question.symbol))

    quiet_s, every_s = CHECKED_AFTER_NS // NS_PER_S, CROSS_CHECK_EVERY_NS // NS_PER_S
    assert requested == [
        (quiet_s, ETH),
        (quiet_s + every_s, BTC),
        (2 * quiet_s + 1, ETH),
        (2 * quiet_s + every_s + 1, BTC),
    ]


def test_a_cross_check_has_what_the_socket_should_have_sent_and_not_what_may_still_come():
    tape, repairs = Tape({BTC: LastPrint(9, T0 - 100 * NS_PER_S)}), Repairs()

    question = repairs.question(tape, [BTC], T0)
    found = repairs.answered(question, tape, [make_trade(9), make_trade(10, 30), make_trade(11, 1)], T0)

    assert question.hole is None
    assert [trade.trade_id for trade in found] == [10]


def test_a_print_whose_id_does_not_follow_is_looked_for_in_rest_again_and_again_but_ever_more_slowly():
    doubted = Trade(BTC, 1, Side.BUY, 100, 1, T0)
    tape, repairs, asked_s = Tape({BTC: LastPrint(900, T0 - NS_PER_S)}, doubts={BTC: [doubted]}), Repairs(), []

    for second in range(14):
        if (question := repairs.question(tape, [BTC], T0 + second * NS_PER_S)) is not None:
            asked_s.append(second)
            assert question == Question(BTC, T0 - NS_PER_S, None, doubted_id=1)
            assert repairs.answered(question, tape, [], T0) == []
            assert repairs.answered(question, tape, [doubted], T0) == [doubted]

    assert asked_s == [0, 2, 6]
