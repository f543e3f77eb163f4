"""Entries stopped by a person: nothing is opened or enlarged, and whatever closes goes on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.making import Bench
from trading.engine.commands import allow_entries, stop_entries
from trading.orders import OrderStatus
from trading.signals import Amend, Signal

BOOK = "101 x 90000\n---\n99 x 90000"


def stopped_after(*before: Signal, then: list[Any], **terms: Any) -> Bench:
    """Return a bench whose entries were stopped once ``before`` had been done, and that has then answered ``then``."""
    bench = Bench(*[[signal] for signal in before], *[None] * 2, *[[wanted] for wanted in then], **terms)
    for _ in range(len(before) + 3):
        bench.show(BOOK)
    stop_entries(bench.engine.desk)
    for _ in range(len(then) + 2):
        bench.show()
    return bench


def refusals(bench: Bench) -> list[str]:
    orders = {o.order_id: o for outcome in bench.outcomes for o in outcome.orders.values()}
    return [o.refusal.code for o in orders.values() if o.status is OrderStatus.REFUSED and o.refusal is not None]


def buy(qty: float, **options: Any) -> Signal:
    return Signal.buy("XRP/USD", qty, size_in="base", **options)


def sell(qty: float, **options: Any) -> Signal:
    return Signal.sell("XRP/USD", qty, size_in="base", **options)


def short(qty: float, **options: Any) -> Signal:
    return Signal.short("XRP/USD", qty, size_in="base", **options)


@pytest.mark.parametrize("entry", [buy(1), short(1), buy(1, order_type="limit", limit_price=90)])
def test_an_entry_is_refused_with_a_code_of_its_own(entry: Signal) -> None:
    bench = stopped_after(then=[entry])

    assert refusals(bench) == ["entries_stopped"]
    assert bench.engine.why["refused_entries_stopped"] == 1
    assert bench.fills == []


def test_an_addition_is_refused_and_a_reduction_is_not() -> None:
    bench = stopped_after(buy(2), then=[buy(1), sell(1)])

    assert refusals(bench) == ["entries_stopped"]
    assert [(side, qty) for side, qty, _ in bench.fills] == [("buy", 2), ("sell", 1)]


def test_a_short_can_be_covered_and_not_turned() -> None:
    bench = stopped_after(short(2), then=[buy(3), buy(2), buy(1)])

    assert refusals(bench) == ["entries_stopped"]
    assert bench.engine.account.position("XRP/USD").lots == 0


def test_stops_go_on() -> None:
    bench = stopped_after(buy(2, stop_loss=95), then=[])

    bench.show("94 x 90000\n---\n92 x 90000", trades="sell 93 x 1")

    assert [(side, qty) for side, qty, _ in bench.fills] == [("buy", 2), ("sell", 2)]


def test_an_entry_that_rests_is_cancelled_after_the_latency() -> None:
    bench = stopped_after(buy(2, order_type="limit", limit_price=90), then=[], latency_ms=100)

    assert bench.engine.open_orders == {}


def test_an_exit_that_rests_stays() -> None:
    bench = stopped_after(buy(2), sell(2, order_type="limit", limit_price=120), then=[])

    assert len(bench.engine.open_orders) == 1


def test_an_exit_cannot_be_amended_into_an_entry() -> None:
    bench = Bench([short(2)], [buy(2, order_type="limit", limit_price=90)], None)
    for _ in range(5):
        bench.show(BOOK)
    stop_entries(bench.engine.desk)
    (order,) = bench.engine.open_orders.values()

    bench.then(Amend(order.order_id, qty=5))
    bench.show()
    bench.show()

    assert bench.engine.why["refused_entries_stopped"] == 1
    assert order.lots == 200


def test_two_covers_of_the_whole_short_do_not_open_a_long() -> None:
    cover = {"order_type": "limit", "limit_price": 95}
    bench = stopped_after(short(2), then=[buy(2, **cover), buy(2, **cover)])

    bench.show("96 x 100\n---\n90 x 100", trades="sell 91 x 90000")
    bench.show()

    assert bench.engine.account.position("XRP/USD").lots == 0


def test_entries_can_be_allowed_again() -> None:
    bench = stopped_after(then=[buy(1)])
    allow_entries(bench.engine.desk)
    bench.engine.strategy = Bench([buy(1)]).engine.strategy

    for _ in range(3):
        bench.show()

    assert [(side, qty) for side, qty, _ in bench.fills] == [("buy", 1)]


def test_it_outlives_a_restart() -> None:
    bench = stopped_after(then=[])
    engine = bench.engine

    resumed = type(engine).resume(engine.strategy, engine.config, engine.terms, engine.checkpoint())

    assert resumed.are_entries_stopped
