"""What a person commands: close one position or a part of it, cancel one order, pay in and take out."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from tests.desk import Desk, lending
from tests.making import Bench
from trading.accounting.ledger import InsufficientFunds
from trading.engine import Engine
from trading.engine.commands import begin_flattening, cancel_order, close_position, pay
from trading.orders import Order, OrderStatus
from trading.signals import Signal

BOOK = "101 x 300\n100 x 200\n---\n99 x 500\n98 x 500"


def holding(qty: float = 4, side: str = "buy", **terms: object) -> Desk:
    """Return a desk that has bought or sold so much; what it holds is closed at 99, or at 100."""
    desk = Desk(BOOK, margin=lending(), **terms)
    desk.trade(side, qty, leverage=None if side == "buy" else 1)
    desk.wait(0.01, BOOK)
    return desk


def close(desk: Desk, lots: int | None = None, command_id: str = "7") -> Order:
    outcome = close_position(desk.engine.desk, command_id, "XRP/USD", lots, "anna", desk.snapshot)
    (order,) = outcome.orders.values()
    desk.outcomes.append(outcome)
    return order


def test_all_of_a_position_is_closed_at_market() -> None:
    desk = holding()

    order = close(desk)
    desk.show()

    assert (order.status, order.reason, order.code) == (OrderStatus.FILLED, "closed by anna", "close_position")
    assert desk.fills[-1] == ("sell", D("4.00"), D(99))
    assert desk.position().lots == 0


def test_a_part_of_a_position_is_closed_and_the_rest_stays() -> None:
    desk = holding()

    close(desk, 150)
    desk.show()

    assert desk.fills[-1] == ("sell", D("1.50"), D(99))
    assert desk.position().lots == 250


def test_a_short_is_bought_back() -> None:
    desk = holding(1, "sell")

    close(desk)
    desk.show()

    assert desk.fills[-1] == ("buy", D("1.00"), D(100))
    assert desk.position().lots == 0


def test_it_takes_the_latency_and_closes_no_more_than_is_open_then() -> None:
    desk = holding(latency_ms=250)

    order = close(desk)
    desk.trade("sell", 3)
    assert order.status is OrderStatus.SENT
    desk.show()
    desk.show()

    assert desk.fills[-2:] == [("sell", D("3.00"), D(99)), ("sell", D("1.00"), D(99))]
    assert desk.position().lots == 0


def test_the_order_is_named_after_the_command_and_the_frame() -> None:
    desk, again = holding(), holding()

    names = [close(each).order_id for each in (desk, again)]

    assert names == [f"test:{desk.engine.sequence}:close-7"] * 2
    assert close(desk, 100, command_id="8").order_id == f"test:{desk.engine.sequence}:close-8"


@pytest.mark.parametrize(
    ("lots", "sentence"),
    [
        (0, "0 XRP were to be closed; expected more than nothing and at most 4"),
        (-100, "-1 XRP were to be closed; expected more than nothing and at most 4"),
        (401, "4.01 XRP were to be closed; expected more than nothing and at most 4"),
    ],
)
def test_more_than_is_open_is_refused_with_both_numbers(lots: int, sentence: str) -> None:
    desk = holding()

    with pytest.raises(ValueError, match=sentence):
        close(desk, lots)

    assert desk.engine.open_orders == {}


def test_there_must_be_something_to_close() -> None:
    desk, new = Desk(BOOK), Bench()

    with pytest.raises(ValueError, match="nothing of XRP/USD is open"):
        close(desk)
    with pytest.raises(ValueError, match="nothing of BTC/EUR is open"):
        close_position(desk.engine.desk, "7", "BTC/EUR", None, "anna", desk.snapshot)
    with pytest.raises(ValueError, match="test has not begun: nothing is open"):
        close_position(new.engine.desk, "7", "XRP/USD", None, "anna", desk.snapshot)


def test_what_is_being_flattened_is_not_closed_twice() -> None:
    desk = holding()
    begin_flattening(desk.engine.desk, "flatten-1", "bert")

    with pytest.raises(ValueError, match="test is being flattened: all positions are being closed"):
        close(desk)


def test_a_command_on_its_way_survives_a_restart() -> None:
    desk = holding(latency_ms=250)
    order = close(desk)

    engine = desk.engine
    desk.engine = Engine.resume(engine.strategy, {}, engine.terms, engine.checkpoint())
    for _ in range(3):
        desk.show()

    assert desk.outcomes[-1].orders[order.order_id].status is OrderStatus.FILLED
    assert desk.position().lots == 0


def test_one_order_is_cancelled_in_a_persons_name_and_the_others_stay() -> None:
    desk = Desk(BOOK)
    first, second = desk.order("buy", 1, limit=98), desk.order("buy", 2, limit=97)
    desk.show()

    cancel_order(desk.engine.desk, first.order_id, "anna")
    desk.show()

    assert first.status is OrderStatus.CANCELLED
    assert (first.refusal.code, first.refusal.sentence) == ("cancelled", "as anna requested")
    assert list(desk.engine.open_orders) == [second.order_id]


def test_a_cancellation_takes_the_latency_and_what_fills_until_then_is_filled() -> None:
    desk = Desk(BOOK, latency_ms=250)
    order = desk.order("buy", 1, limit=98)
    desk.show()

    cancel_order(desk.engine.desk, order.order_id, "anna")
    cancel_order(desk.engine.desk, order.order_id, "bert")
    assert len(desk.engine.requests) == 1
    desk.show(trades="sell 97 x 900")

    assert order.status is OrderStatus.FILLED
    assert desk.engine.requests == []


def test_an_order_that_is_not_open_cannot_be_cancelled() -> None:
    desk = Desk(BOOK)

    with pytest.raises(ValueError, match="no order 'test:1:o0' is open"):
        cancel_order(desk.engine.desk, "test:1:o0", "anna")


def test_what_is_paid_in_moves_the_stake_and_not_the_profit() -> None:
    desk = Desk(BOOK)

    outcome = pay(desk.engine.desk, "payment-1", "USD", D(500), desk.snapshot)

    assert [entry.entry_id for entry in outcome.entries] == ["test:payment-1:0", "test:payment-1:1"]
    assert outcome.mark.equity == 1500
    assert desk.engine.figures.stake == desk.engine.account.state.stake == 1500


def test_what_an_order_has_spoken_for_cannot_be_taken_out() -> None:
    bench = Bench(Signal.buy("XRP/USD", 980, order_type="limit", limit_price=98))
    for _ in range(4):
        bench.show(BOOK)

    with pytest.raises(InsufficientFunds, match=r"100 USD were to be taken out; .* are free"):
        pay(bench.engine.desk, "payment-1", "USD", D(-100), bench.scene.market.snapshot())
