"""How a paper order fills, rule by rule, with numbers a trader can check. Prices are whole dollars, lots hundredths."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from tests.drawing import Scene, instrument
from tests.making import Bench
from trading.signals import OrderType, Signal, SizeUnit, TimeInForce

BOOK = """
    102 x 900
    101 x 300
    100 x 200
    ---
     99 x 500
     98 x 500
"""


def buy(qty: float, **options: object) -> Signal:
    return Signal.buy("XRP/USD", qty, size_in=SizeUnit.BASE, **options)


def sell(qty: float, **options: object) -> Signal:
    return Signal.sell("XRP/USD", qty, size_in=SizeUnit.BASE, **options)


def limit(price: int, **options: object) -> dict[str, object]:
    return {"order_type": OrderType.LIMIT, "limit_price": price, **options}


def bench(*answers: object, **terms: object) -> Bench:
    made = Bench(*answers, **terms)
    made.show(BOOK)  # pays in the stake
    made.show()
    return made


def test_a_market_buy_walks_the_book_level_by_level() -> None:
    b = bench(buy(4))

    b.show()
    b.show()

    assert b.fills == [("buy", D("2.00"), D(100)), ("buy", D("2.00"), D(101))]
    assert b.balance("XRP") == 4
    assert b.balance("USD") == 1000 - D(402) * D("1.004")


def test_an_order_waits_for_its_latency() -> None:
    b = bench(buy(1), latency_ms=250)

    for _ in range(2):
        b.show()
    assert b.fills == []
    b.show()

    assert b.fills == [("buy", D("1.00"), D(100))]


def test_what_the_visible_book_does_not_hold_is_cancelled_with_a_sentence() -> None:
    b = Bench(buy(4), scene=Scene())
    b.show("100 x 200\n---\n99 x 500")
    b.show()
    b.show()

    b.show()
    (order,) = b.refused

    assert b.fills == [("buy", D("2.00"), D(100))]
    assert (order.status, order.refusal.code) == ("cancelled", "book_ended")
    assert "2 XRP not filled" in order.refusal.sentence


def test_a_level_this_account_has_taken_stays_taken_until_it_changes() -> None:
    b = bench(buy(2), buy(2), None, None)
    for _ in range(3):
        b.show()
    assert b.fills == [("buy", D("2.00"), D(100)), ("buy", D("2.00"), D(101))]

    b.then(buy(1))
    b.show(BOOK.replace("100 x 200", "100 x 201"))
    b.show()

    assert b.fills[-1] == ("buy", D("1.00"), D(100))


def test_a_limit_order_waits_behind_what_was_displayed_and_fills_in_parts() -> None:
    b = bench(buy(3, **limit(99)))
    b.show()
    b.show()

    b.show(trades="sell 99 x 400")
    assert b.fills == []
    b.show(trades="sell 99 x 250")
    assert b.fills == [("buy", D("1.50"), D(99))]
    b.show(trades="sell 99 x 900")

    assert b.fills == [("buy", D("1.50"), D(99)), ("buy", D("1.50"), D(99))]
    assert [f.liquidity for o in b.outcomes for f in o.fills] == ["maker", "maker"]


def test_a_print_through_the_limit_fills_it_at_its_own_price() -> None:
    b = bench(buy(3, **limit(99)))
    b.show()
    b.show()

    b.show(trades="sell 98 x 200")

    assert b.fills == [("buy", D("2.00"), D(99))]


def test_a_buyers_print_at_the_limit_does_not_fill_a_resting_buy() -> None:
    b = bench(buy(3, **limit(99)))
    b.show()
    b.show()

    b.show(trades="buy 99 x 900")

    assert b.fills == []


def test_the_queue_is_never_longer_than_what_is_displayed() -> None:
    b = bench(buy(1, **limit(99)))
    b.show()
    b.show()
    b.show(BOOK.replace("99 x 500", "99 x 100"))

    b.show(trades="sell 99 x 200")

    assert b.fills == [("buy", D("1.00"), D(99))]


def test_a_book_that_has_moved_through_the_limit_fills_it_at_its_own_price() -> None:
    b = bench(buy(3, **limit(99)))
    b.show()
    b.show()

    b.show("99 x 100\n98 x 150\n---\n97 x 500")

    assert b.fills == [("buy", D("1.50"), D(99)), ("buy", D("1.00"), D(99))]


def test_the_part_of_a_limit_order_that_crosses_takes_and_the_rest_rests() -> None:
    b = bench(buy(5, **limit(101)))

    b.show()
    b.show()

    assert b.fills == [("buy", D("2.00"), D(100)), ("buy", D("3.00"), D(101))]


def test_an_ioc_order_takes_what_is_there_and_goes() -> None:
    b = bench(buy(5, **limit(100, time_in_force=TimeInForce.IOC)))
    b.show()

    b.show()
    (order,) = b.refused

    assert b.fills == [("buy", D("2.00"), D(100))]
    assert order.refusal.code == "ioc_remainder"


@pytest.mark.parametrize(
    ("signal", "code", "words"),
    [
        (buy(1, **limit(100, post_only=True)), "post_only", "would take"),
        (buy(0.02, **limit(20)), "cost_minimum", "the smallest is"),
        (buy(12), "insufficient_funds", "USD are needed"),
    ],
)
def test_the_exchange_refuses_with_a_code_and_a_sentence(signal: Signal, code: str, words: str) -> None:
    b = bench(signal)
    b.show()

    b.show()
    (order,) = b.refused

    assert (order.status, order.refusal.code) == ("refused", code)
    assert words in order.refusal.sentence
    assert b.fills == []


@pytest.mark.parametrize(
    ("signal", "code"),
    [
        (sell(1), "nothing_to_sell"),
        (Signal.short("XRP/USD", "all"), "bad_number"),
        (Signal.cover("XRP/USD"), "nothing_to_cover"),
        (buy(float("nan")), "bad_number"),
        (buy(-1), "bad_number"),
        (buy(1, order_type=OrderType.LIMIT), "limit_price_missing"),
        (buy(1, order_type=OrderType.TRAILING_STOP), "trail"),
        (buy(1, order_type=OrderType.STOP_LIMIT, trigger_price=101), "limit_price_missing"),
        (buy(1, order_type=OrderType.STOP_LIMIT, limit_price=101), "trigger_price_missing"),
        (buy(1, limit_price=100), "limit_price_unused"),
        (buy(1, **limit(99, time_in_force="gtd")), "expiry_missing"),
        (buy(1, **limit(99, expires_in_s=5)), "expiry_unused"),
        (buy(1, **limit(99, time_in_force="gtd", expires_in_s=-5)), "bad_number"),
        (buy(1, **limit(99, time_in_force="fok", post_only=True)), "post_only"),
        (buy(1, trail_pct=2, stop_loss=99), "stop_loss_twice"),
        (Signal.buy("DOGE/USD", 1), "unknown_symbol"),
        (buy(1, stop_loss=101), "stop_loss_side"),
        (buy(0.001), "size_too_small"),
    ],
)
def test_a_signal_that_cannot_become_an_order_is_on_record(signal: Signal, code: str) -> None:
    b = bench(signal)

    b.show()
    (order,) = b.refused

    assert (order.status, order.refusal.code) == ("refused", code)


def test_a_smallest_quantity_is_enforced() -> None:
    b = Bench(buy(1), scene=Scene(instrument(qty_min_lots=165)))
    b.show(BOOK)
    b.show()
    b.show()

    b.show()
    (order,) = b.refused

    assert order.refusal.code == "qty_minimum"
    assert order.refusal.sentence == "order of 1 XRP; the minimum order is 1.65"


def test_a_stop_loss_sells_the_whole_position_once_and_cancels_the_target() -> None:
    b = bench(buy(2, stop_loss=95, take_profit=110))
    b.show()
    b.show()
    b.show("96 x 100\n---\n94 x 300", trades="sell 95 x 10")
    b.show("96 x 100\n---\n94 x 300", trades="sell 94 x 10")

    assert b.fills == [("buy", D("2.00"), D(100)), ("sell", D("2.00"), D(94))]
    assert b.balance("XRP") == 0
    assert b.engine.open_orders == {}


def test_a_target_is_reached_from_below_and_cancels_the_stop() -> None:
    b = bench(buy(2, stop_loss=95, take_profit=110))
    b.show()
    b.show()

    outcome = b.show("112 x 100\n---\n111 x 300", trades="buy 111 x 10")

    assert b.fills[-1] == ("sell", D("2.00"), D(111))
    assert {o.purpose: o.status for o in outcome.orders.values()} == {"take_profit": "filled", "stop_loss": "cancelled"}
    (trip,) = outcome.trips
    assert trip.result == (222 * D("0.996")) - (200 * D("1.004"))


def test_closing_a_position_by_hand_cancels_its_exits() -> None:
    b = bench(buy(2, stop_loss=95), None, Signal.sell("XRP/USD"))
    for _ in range(4):
        b.show()

    b.show("91 x 100\n---\n90 x 300", trades="sell 90 x 10")

    assert b.fills == [("buy", D("2.00"), D(100)), ("sell", D("2.00"), D(99))]


def test_the_exits_cover_a_position_that_has_grown() -> None:
    b = bench(buy(2, stop_loss=95), None, buy(1))
    for _ in range(4):
        b.show()

    b.show("91 x 100\n---\n90 x 900", trades="sell 90 x 10")

    assert b.fills[-1] == ("sell", D("3.00"), D(90))


def test_nothing_fills_while_the_book_is_stale() -> None:
    b = bench(buy(2))
    b.show(statuses={"XRP/USD": "stale"})

    b.show()
    (order,) = b.refused

    assert (order.refusal.code, b.fills) == ("not_tradable", [])


def test_a_resting_order_sleeps_through_a_stale_stretch_and_goes_on() -> None:
    b = bench(buy(1, **limit(99)))
    b.show()
    b.show()
    b.show(statuses={"XRP/USD": "stale"}, trades="sell 97 x 900")
    assert b.fills == []

    b.show(BOOK, statuses={"XRP/USD": "online"}, trades="sell 98 x 900")

    assert b.fills == [("buy", D("1.00"), D(99))]


def test_resting_orders_reserve_the_cash_they_would_need() -> None:
    b = bench(buy(6, **limit(90)), buy(6, **limit(90)))
    for _ in range(3):
        b.show()

    assert [order.refusal.code for order in b.refused] == ["insufficient_funds"]


def test_two_of_our_orders_never_share_one_print() -> None:
    b = bench([buy(2, **limit(98)), buy(2, **limit(98))])
    b.show()
    b.show()

    b.show(trades="sell 97 x 300")

    assert sum(qty for _, qty, _ in b.fills) == D("3.00")


def test_a_stop_that_the_visible_book_cannot_fill_goes_on_until_the_position_is_closed() -> None:
    b = bench(buy(4, stop_loss=95))
    b.show()
    b.show("96 x 100\n---\n94 x 300", trades="sell 95 x 10")
    assert b.fills[-1] == ("sell", D("3.00"), D(94))

    b.show("98 x 100\n---\n97 x 300", trades="buy 98 x 10")

    assert b.fills[-1] == ("sell", D("1.00"), D(97))
    assert b.balance("XRP") == 0
