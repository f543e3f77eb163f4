"""Gaps, late prints, halts, thin books and changes of mind: what they may do to an order, and what not."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D

import pytest

from tests.drawing import Scene, draw_trades, instrument
from tests.making import Bench
from tests.trading.rough_weather import BOOK, bench, buy, gap, limit, live
from trading.exchange.evidence import rederived
from trading.frames import utc
from trading.signals import Amend, Cancel, Signal


def sell(qty: float, **options: object) -> Signal:
    return Signal.sell("XRP/USD", qty, size_in="base", **options)


# Gaps and late prints


def test_a_stop_waits_for_the_first_price_after_a_gap_and_says_so() -> None:
    b = bench(buy(2, stop_loss=95))
    b.show()
    b.show(BOOK.replace("98 x 500", "98 x 400"), gap=gap(b))
    b.show()
    assert len(b.fills) == 1

    b.show("91 x 100\n---\n90 x 900", trades="sell 90 x 1")

    assert b.fills[-1] == ("sell", D("2.00"), D(90))
    assert b.outcomes[-1].fills[0].evidence["after_gap"] is True
    stop = next(o for o in b.outcomes[-1].orders.values() if o.purpose == "stop_loss")
    assert stop.is_after_gap


def test_once_a_price_has_come_after_a_gap_all_is_as_ever() -> None:
    b = bench(buy(2, stop_loss=95))
    b.show()
    b.show(BOOK, gap=gap(b), trades="sell 99 x 1")

    b.show("91 x 100\n---\n90 x 900", trades="sell 90 x 1")

    assert "after_gap" not in b.outcomes[-1].fills[0].evidence


def test_a_print_that_comes_late_fills_nothing_and_sets_nothing_off() -> None:
    b = bench([buy(2, stop_loss=95), buy(1, **limit(97))])
    b.show()
    late = draw_trades("sell 90 x 900", first_id=900, time_ns=b.scene.now_ns)

    b.show(late=late)
    b.show()

    assert [side for side, _, _ in b.fills] == ["buy"]


def test_a_print_received_while_the_book_was_stale_sets_a_stop_off_when_it_is_known_again() -> None:
    b = bench(buy(2, stop_loss=95))
    b.show()
    b.show(statuses={"XRP/USD": "stale"}, trades="sell 94 x 5")
    assert len(b.fills) == 1

    b.show("96 x 100\n---\n93 x 900", statuses={"XRP/USD": "online"})

    assert b.fills[-1] == ("sell", D("2.00"), D(93))
    assert rederived(b.outcomes[-1].fills[0]).steps[0] == "trigger: the stop at 95 was set off by a price of 94"


# Queues and priority


def test_a_print_at_a_price_deeper_than_the_visible_book_fills_nothing() -> None:
    b = bench(buy(1, **limit(90)))
    b.show()

    b.show(trades="sell 90 x 900")

    assert b.fills == []


def test_of_our_own_orders_the_better_price_is_filled_first() -> None:
    b = bench([buy(2, **limit(97)), buy(2, **limit(98))])
    b.show()

    b.show(trades="sell 96 x 300")

    assert b.fills == [("buy", D("2.00"), D(98)), ("buy", D("1.00"), D(97))]


# The exchange's moods


@pytest.mark.parametrize(
    ("signal", "changes", "code"),
    [
        (buy(1), {"statuses": {"XRP/USD": "cancel_only"}}, "not_tradable"),
        (buy(1), {"statuses": {"XRP/USD": "maintenance"}}, "not_tradable"),
        (buy(1), {"statuses": {"XRP/USD": "delisted"}}, "not_tradable"),
        (buy(1), {"statuses": {"XRP/USD": "limit_only"}}, "limit_only_mode"),
        (buy(1), {"statuses": {"XRP/USD": "reduce_only"}}, "reduce_only_mode"),
        (buy(1), {"statuses": {"XRP/USD": "post_only"}}, "post_only_mode"),
        (buy(1, **limit(99)), {"system": "post_only"}, "post_only_mode"),
        (buy(1), {"system": "maintenance"}, "not_tradable"),
        (buy(1), {"system": "cancel_only"}, "not_tradable"),
    ],
)
def test_what_the_exchange_does_not_take_now_is_refused(signal: Signal, changes: dict, code: str) -> None:
    b = bench(signal)

    b.show(**changes)

    assert [(order.status, order.refusal.code) for order in b.refused] == [("refused", code)]


@pytest.mark.parametrize(
    ("signal", "changes"),
    [
        (buy(1, **limit(99)), {"statuses": {"XRP/USD": "limit_only"}}),
        (buy(1, **limit(99, post_only=True)), {"statuses": {"XRP/USD": "post_only"}}),
        (buy(1, **limit(99, post_only=True)), {"system": "post_only"}),
    ],
)
def test_what_the_exchange_does_take_rests(signal: Signal, changes: dict) -> None:
    b = bench(signal)

    b.show(**changes)

    assert [order.status for order in live(b)] == ["open"]


@pytest.mark.parametrize("signal", [buy(1), buy(1, **limit(100)), buy(1, order_type="stop", trigger_price=103)])
def test_a_book_without_sellers_refuses_and_raises_nothing(signal: Signal) -> None:
    b = bench(signal)

    b.show("---\n99 x 500")

    (order,) = b.refused
    assert order.refusal.sentence == "the book of XRP/USD shows no asks; expected both sides"


def test_a_request_about_an_order_that_has_ended_is_forgotten_and_the_others_are_not() -> None:
    b = bench([buy(1, **limit(99)), buy(1, **limit(95))], None, Cancel(), latency_ms=300)
    for _ in range(3):
        b.show()
    assert len(b.engine.requests) == 2

    b.show(trades="sell 98 x 900")

    assert [order.limit_ticks for order in live(b)] == [95]
    assert [request.order_id for request in b.engine.requests] == [live(b)[0].order_id]
    b.show()
    assert live(b) == []


def test_nothing_is_matched_while_the_exchange_takes_cancellations_alone() -> None:
    b = bench(buy(1, **limit(99)), Cancel())
    b.show(system="cancel_only")

    b.show(trades="sell 97 x 900")

    assert b.fills == []


def test_maintenance_stops_cancellations_too_and_the_order_says_so() -> None:
    b = bench(buy(1, **limit(99)), Cancel())
    b.show()

    b.show(system="maintenance")

    (order,) = live(b)
    assert (order.status, order.refusal.code) == ("open", "cancel_refused")
    assert order.refusal.sentence == "XRP/USD is online, the exchange maintenance: ask again later"


def test_a_stop_waits_while_limit_orders_alone_are_taken() -> None:
    b = bench(buy(2, stop_loss=95))
    b.show()
    b.show("96 x 100\n---\n94 x 900", trades="sell 94 x 1", statuses={"XRP/USD": "limit_only"})
    assert len(b.fills) == 1

    b.show(statuses={"XRP/USD": "online"})

    assert b.fills[-1] == ("sell", D("2.00"), D(94))


# Expiry


def test_an_order_whose_time_is_up_before_it_arrives_does_nothing() -> None:
    b = bench(buy(1, **limit(100, time_in_force="gtd", expires_in_s=0.2)), latency_ms=300)

    for _ in range(4):
        b.show()

    assert b.fills == []
    assert [order.refusal.code for order in b.refused] == ["expired"]


def test_an_order_expires_at_a_moment_of_market_time() -> None:
    scene = Scene()
    moment = utc(scene.now_ns) + timedelta(seconds=1)
    b = bench(buy(1, **limit(99, time_in_force="gtd", expires_at=moment)), scene=scene)

    while not b.refused:
        expired_ns = b.show().time_ns

    assert utc(expired_ns) == moment
    assert b.refused[0].refusal.code == "expired"


@pytest.mark.parametrize("moment", ["tomorrow", utc(0), utc(0).replace(tzinfo=None)])
def test_a_moment_that_is_none_or_has_passed_is_refused(moment: object) -> None:
    b = bench(buy(1, **limit(99, time_in_force="gtd", expires_at=moment)))

    assert [order.refusal.code for order in b.refused] == ["bad_time"]


# Changes of mind


def amended(answer: dict[str, object], *wanted: Signal) -> Bench:
    """Return a bench on which the first order was amended a frame after it had come to rest."""
    scene = Scene()
    order_id = f"test:{scene.sequence + 2}:o0"
    b = bench(list(wanted), None, Amend(order_id, **answer), scene=scene)
    for _ in range(3):
        b.show()
    return b


def test_an_amendment_that_breaks_a_rule_leaves_the_order_as_it_is_and_says_why() -> None:
    b = amended({"limit_price": 100}, buy(1, **limit(99, post_only=True)))

    (order,) = live(b)

    assert (order.limit_ticks, order.refusal.code) == (99, "amend_refused")
    assert order.refusal.sentence == "at 100 it would take from the book"


def test_an_amendment_below_the_smallest_order_is_refused() -> None:
    scene = Scene(instrument(qty_min_lots=50))
    order_id = f"test:{scene.sequence + 2}:o0"
    b = bench(buy(1, **limit(99)), None, Amend(order_id, qty=0.2), scene=scene)
    for _ in range(3):
        b.show()

    (order,) = live(b)

    assert (order.lots, order.refusal.sentence) == (
        100,
        "order of 0.2 XRP; the minimum order is 0.5",
    )


def test_an_amendment_to_a_price_that_crosses_takes() -> None:
    b = amended({"limit_price": 100}, buy(1, **limit(99)))

    assert b.fills == [("buy", D("1.00"), D(100))]


def test_an_amendment_counts_what_is_filled_and_a_strategy_can_read_it() -> None:
    b = bench(buy(3, **limit(99)))
    b.show()
    b.show(trades="sell 98 x 100")
    (shown,) = b.engine.portfolio_at(b.scene.market.snapshot()).open_orders()
    assert (shown.qty, shown.filled_qty) == (2.0, 1.0)

    b.then(Amend(shown.order_id, qty=1.5))
    b.show()
    b.show()
    b.show(trades="sell 98 x 900")

    assert b.fills == [("buy", D("1.00"), D(99)), ("buy", D("0.50"), D(99))]


def test_an_amendment_may_not_cross_our_own_order() -> None:
    b = amended({"limit_price": 97}, sell(1, **limit(105)), buy(1, **limit(98)))
    assert b.refused[0].refusal.code == "nothing_to_sell"

    b = bench(buy(2), [sell(1, **limit(103)), buy(1, **limit(98))], None)
    b.show()
    b.show()
    resting = next(order for order in live(b) if order.side == "buy")
    b.then(Amend(resting.order_id, limit_price=104))
    b.show()
    b.show()

    assert resting.refusal.sentence == "it would trade with our own sell at 103"
    assert resting.limit_ticks == 98


def test_a_trigger_that_is_amended_beyond_the_last_price_sets_the_stop_off() -> None:
    b = bench(buy(2, stop_loss=95))
    b.show(trades="sell 99 x 1")
    (stop,) = live(b)
    b.then(Amend(stop.order_id, trigger_price=99.5))
    for _ in range(3):
        b.show()

    assert b.fills[-1] == ("sell", D("2.00"), D(99))


def test_the_trigger_of_a_trailing_stop_is_not_to_be_amended() -> None:
    b = bench(buy(2, trail=5))
    b.show(trades="buy 100 x 1")
    (stop,) = live(b)
    b.then(Amend(stop.order_id, trigger_price=90))
    for _ in range(2):
        b.show()

    assert (stop.trigger_ticks, stop.refusal.code) == (95, "amend_refused")


# Reduce-only


def test_a_reduce_only_order_that_rests_never_opens_once_the_position_is_gone() -> None:
    short = Signal.short("XRP/USD", 2, size_in="base")
    cover = Signal.cover("XRP/USD", 2, size_in="base", **limit(98))
    b = bench(short, None, cover, None, Signal.cover("XRP/USD", 2, size_in="base"))
    for _ in range(5):
        b.show()
    assert b.engine.account.position("XRP/USD").lots == 0

    b.show(trades="sell 90 x 900")

    assert b.engine.account.position("XRP/USD").lots == 0
    assert [order.refusal.code for order in b.refused] == ["no_position"]


def test_a_trailing_stop_of_a_pair_with_coarse_prices_triggers_on_the_grid() -> None:
    scene = Scene(instrument(price_increment_ticks=5))
    b = bench(buy(1, trail_pct=3), scene=scene, book="105 x 900\n100 x 200\n---\n95 x 500")
    b.show(trades="buy 100 x 1")

    (stop,) = live(b)

    assert stop.trigger_ticks == 95
