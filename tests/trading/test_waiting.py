"""Why an open order has not been filled yet, on the scenes that the documentation works out."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest

from tests.desk import Desk
from tests.making import Bench
from tests.trading.played import played, shown
from trading.engine.commands import cancel_order
from trading.exchange.examples import EXAMPLES, Example
from trading.exchange.models import FILL_MODELS
from trading.exchange.waiting import Waiting, WaitsFor, waiting
from trading.orders import AmendRequest, Purpose
from trading.signals import OrderType

BOOK = "102 x 900\n101 x 300\n100 x 200\n---\n99 x 500\n98 x 500"


def why(bench: Bench) -> list[Waiting]:
    """Return why each live order is not filled, oldest first."""
    engine, snapshot = bench.engine, bench.scene.market.snapshot()
    model = FILL_MODELS[engine.terms.fill_model]
    return [waiting(o, engine.requests, snapshot, model) for o in engine.open_orders.values()]


def example(title: str) -> Example:
    return next(each for each in EXAMPLES if each.title == title)


def test_the_queue_shrinks_as_others_trade_at_the_price() -> None:
    bench, _ = played(
        Example("", "", example("A resting order waits behind what was displayed").wants, events=(), book=BOOK)
    )
    events = example("A resting order waits behind what was displayed").events
    seen = []

    for event in events[:3]:
        shown(bench, event)
        (order,) = why(bench)
        seen.append((order.waits_for, order.queue_ahead, order.printed))

    assert seen == [(WaitsFor.QUEUE, 5, 0), (WaitsFor.QUEUE, 2, 3), (WaitsFor.PRINT, 0, 5)]
    assert (order.distance_bps, order.printed_ns) == (0, bench.scene.now_ns)


@pytest.mark.parametrize("each", EXAMPLES, ids=lambda each: each.title)
def test_whatever_lives_at_the_end_of_an_example_waits_for_something_that_has_not_happened(each: Example) -> None:
    bench, _ = played(each)
    (top, last) = (bench.scene.market.snapshot().top("XRP/USD"), bench.scene.market.snapshot().last_ticks("XRP/USD"))

    for order, wait in zip(bench.engine.open_orders.values(), why(bench), strict=True):
        match wait.waits_for:
            case WaitsFor.TRIGGER:
                assert not order.is_triggered and wait.distance_bps is not None and last != order.trigger_ticks
            case WaitsFor.QUEUE:
                assert wait.queue_ahead and wait.distance_bps == 0
            case WaitsFor.PRINT:
                assert not wait.queue_ahead and wait.distance_bps == 0
            case WaitsFor.PRICE:
                assert wait.distance_bps and order.limit_ticks not in (top.bids[0].ticks, top.asks[0].ticks)
            case WaitsFor.DEPTH:
                assert wait.queue_ahead is None
            case WaitsFor.TRADE_THROUGH:
                assert bench.engine.terms.fill_model == "pessimistic"
            case WaitsFor.LATENCY:
                assert wait.until_ns > bench.scene.now_ns
            case WaitsFor.MARKET:
                assert (wait.status, wait.system) != ("online", "online")
            case WaitsFor.BOOK:
                assert order.is_triggered


def desk(side: str, qty: Any = 1, *, terms: dict[str, Any] | None = None, **order: Any) -> Desk:
    made = Desk(BOOK, **(terms or {}))
    made.order(side, qty, **order)
    return made


def test_an_order_on_its_way_waits_for_the_latency() -> None:
    bench = desk("buy", limit=99)
    order = next(iter(bench.engine.open_orders.values()))
    order.arrives_ns += 10**9

    (wait,) = why(bench)

    assert (wait.waits_for, wait.until_ns, wait.queue_ahead) == (WaitsFor.LATENCY, order.arrives_ns, None)


def test_behind_better_prices_it_waits_for_the_price() -> None:
    bench = desk("buy", limit=98)
    bench.show()

    (wait,) = why(bench)

    assert (wait.waits_for, wait.distance_bps) == (WaitsFor.PRICE, D("101.01"))  # 1 of 99


def test_before_all_others_it_waits_for_somebody_to_trade() -> None:
    bench = Desk("102 x 900\n---\n98 x 500")
    bench.order("sell", 1, limit=100, leverage=1)
    bench.show()

    (wait,) = why(bench)

    assert (wait.waits_for, wait.distance_bps, wait.queue_ahead) == (WaitsFor.PRINT, 0, 0)


def test_deeper_than_the_visible_book_nobody_knows_the_queue() -> None:
    bench = desk("buy", limit=90)
    bench.show(trades="sell 90 x 300")

    (wait,) = why(bench)

    assert (wait.waits_for, wait.queue_ahead) == (WaitsFor.DEPTH, None)


def test_a_stop_tells_how_far_the_last_trade_is_from_its_trigger() -> None:
    bench = desk("buy", type=OrderType.STOP, trigger_ticks=110)
    bench.show(trades="buy 100 x 1")
    bench.show()

    (wait,) = why(bench)

    assert (wait.waits_for, wait.distance_bps) == (WaitsFor.TRIGGER, 1000)


def test_a_stop_that_the_book_could_not_fill_takes_what_comes_next() -> None:
    bench = Desk(BOOK)
    bench.trade("buy", 2)
    bench.order("sell", 2, type=OrderType.STOP, trigger_ticks=95, purpose=Purpose.STOP_LOSS, is_reduce_only=True)
    bench.show()
    bench.show("97 x 50\n---\n95 x 50", trades="sell 95 x 1")

    (wait,) = why(bench)

    assert (wait.waits_for, wait.distance_bps) == (WaitsFor.BOOK, None)


@pytest.mark.parametrize("closed", [{"statuses": {"XRP/USD": "stale"}}, {"system": "post_only"}])
def test_while_nothing_is_matched_it_says_what_is_closed(closed: dict[str, Any]) -> None:
    bench = desk("buy", limit=99)
    bench.show()
    bench.show(**closed)

    (wait,) = why(bench)

    assert wait.waits_for is WaitsFor.MARKET
    assert "stale" in (wait.status, wait.system) or "post_only" in (wait.status, wait.system)


def test_the_pessimistic_model_waits_for_a_print_beyond_the_price() -> None:
    bench = desk("buy", limit=99, terms={"fill_model": "pessimistic"})
    bench.show()

    assert why(bench)[0].waits_for is WaitsFor.TRADE_THROUGH


def test_what_is_being_cancelled_says_so() -> None:
    bench = Desk(BOOK, latency_ms=500)
    order = bench.order("buy", 1, limit=99)
    bench.show()
    cancel_order(bench.engine.desk, order.order_id, "anna")

    assert why(bench)[0].is_being_cancelled


def test_an_amended_price_begins_a_new_wait() -> None:
    bench = desk("buy", limit=99)
    order = next(iter(bench.engine.open_orders.values()))
    bench.show(trades="sell 99 x 100")
    before = why(bench)[0]

    bench.engine.venue.amend(AmendRequest(order.order_id, 0, limit_ticks=98))
    bench.show()

    after = why(bench)[0]
    assert after.since_ns > before.since_ns
    assert after.printed == 0
