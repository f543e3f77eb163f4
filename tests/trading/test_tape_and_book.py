"""What the tape and the order book say, and when they say nothing."""

from __future__ import annotations

import random

import pytest

from tests.drawing import START_NS, Scene
from tests.trading.candle_scenes import series_of, walk
from trading.book import Side
from trading.candles import width_ns
from trading.frames import History
from trading.indicators.flow import (
    TradeFlow,
    is_confirmed,
    is_not_opposed,
    trade_flow,
    trade_flow_at,
    vwap_at,
)
from trading.indicators.order_book import (
    book_imbalance,
    book_imbalance_at,
    micro_price,
    micro_price_at,
    spread_pct,
)
from trading.indicators.vpin import daily_bucket_volume, vpin, vpin_at
from trading.market_snapshot import MarketSnapshot, Print, Quote

BUY, SELL = Side.BUY, Side.SELL


def prints(*quantities: float) -> list[Print]:
    """Return prints at 10 in order, negative quantities sold."""
    return [Print(10.0, abs(qty), BUY if qty > 0 else SELL, at) for at, qty in enumerate(quantities)]


def test_trade_flow_weighs_by_value_and_needs_five_prints() -> None:
    flow = trade_flow([*prints(1, 1, 1, -1), Print(60.0, 1, SELL, 9)])

    assert flow == TradeFlow(bought=30, sold=70)
    assert flow.imbalance == pytest.approx(-0.4)
    assert trade_flow(prints(1, 1, 1, 1)) is None


@pytest.mark.parametrize(
    ("flow", "side", "confirmed", "not_opposed"),
    [
        (TradeFlow(60, 40), BUY, True, True),  # 0.2 towards the buyer
        (TradeFlow(55, 45), BUY, False, True),  # 0.1 is not above the threshold
        (TradeFlow(45, 55), BUY, False, True),  # 0.1 against it is not beyond the threshold
        (TradeFlow(40, 60), BUY, False, False),
        (TradeFlow(40, 60), SELL, True, True),
        (TradeFlow(60, 40), SELL, False, False),
        (None, BUY, False, True),  # silence refuses the strict and lets the lenient pass
    ],
)
def test_a_flow_confirms_strictly_or_merely_does_not_oppose(
    flow: TradeFlow | None, side: Side, confirmed: bool, not_opposed: bool
) -> None:
    assert is_confirmed(flow, side, 0.1 + 1e-12) is confirmed
    assert is_not_opposed(flow, side, 0.1 + 1e-12) is not_opposed


def test_the_micro_price_leans_to_the_side_that_is_about_to_give_way() -> None:
    bids, asks = [Quote(99, 9), Quote(98, 50)], [Quote(101, 1)]

    assert micro_price(bids, asks) == pytest.approx((99 * 1 + 101 * 9) / 10)
    assert micro_price([], asks) is micro_price(bids, []) is None


def test_book_imbalance_counts_the_quantities_of_the_best_levels() -> None:
    bids, asks = [Quote(99, 3), Quote(98, 50)], [Quote(101, 1), Quote(102, 1)]

    assert book_imbalance(bids, asks, levels=1) == pytest.approx(0.5)
    assert book_imbalance(bids, asks) == pytest.approx(51 / 55)
    assert book_imbalance(bids, []) is None
    assert spread_pct(bids, asks) == pytest.approx(2.0)
    assert spread_pct([], asks) is None


def test_vpin_is_one_where_takers_only_buy_and_zero_where_sides_alternate() -> None:
    assert vpin(prints(*[1] * 200), 20, 10) == 1
    assert vpin(prints(*[1, -1] * 100), 20, 10) == 0


def test_vpin_averages_how_one_sided_each_bucket_is() -> None:
    one_sided, balanced, leaning = [1] * 20, [1, -1] * 10, [-1] * 15 + [1] * 5

    assert vpin(prints(*one_sided, *balanced, *leaning), 20, 3) == pytest.approx((1 + 0 + 0.5) / 3)


def test_a_print_across_a_boundary_counts_in_both_buckets() -> None:
    tape = prints(*[1] * 20, -20, *[1] * 30)

    # Counted back from the newest: 30 bought and 5 sold, then 15 sold and 20 bought.
    assert vpin(tape, 35, 2) == pytest.approx((25 / 35 + 5 / 35) / 2)


def test_vpin_is_unknown_until_all_buckets_are_full() -> None:
    tape = prints(*[1] * 199)

    assert vpin(tape, 20, 10) is None
    assert vpin([*prints(1), *tape], 20, 10) == 1
    assert vpin([], 20, 10) is None


def test_vpin_does_not_say_anything_of_buckets_of_a_few_prints() -> None:
    assert vpin(prints(*[1] * 1000), 2, 50) is None


def test_chance_alone_does_not_look_informed() -> None:
    chance = random.Random(4)
    tape = prints(*[chance.choice([-1, 1]) for _ in range(1000)])

    assert vpin(tape, 50, 20) < 0.2


def test_vpin_does_not_depend_on_where_the_tape_begins() -> None:
    chance = random.Random(5)
    tape = prints(*[chance.choice([-1, 1]) * chance.random() for _ in range(1000)])

    assert vpin(tape, 15, 10) == pytest.approx(vpin(tape[300:], 15, 10))


def test_a_bucket_is_a_fiftieth_of_an_average_day() -> None:
    days = walk([1.0] * 20)

    assert daily_bucket_volume(series_of(days, "1d")) == pytest.approx(sum(d.volume for d in days[-14:]) / 14 / 50)
    assert daily_bucket_volume(series_of([], "1d")) is None


def test_all_who_ask_a_snapshot_are_answered_from_one_reckoning() -> None:
    scene = Scene()
    _, data = scene.show("101 x 100\n---\n99 x 300", "\n".join(["buy 100 x 2", "sell 98 x 1"] * 150))

    assert trade_flow_at(data, "XRP/USD", 300) is trade_flow_at(data, "XRP/USD", 300)
    assert trade_flow_at(data, "XRP/USD", 4) is None
    assert vwap_at(data, "XRP/USD", 2) == pytest.approx((100 * 2 + 98) / 3)
    assert micro_price_at(data, "XRP/USD") == pytest.approx((99 * 100 + 101 * 300) / 400)
    assert book_imbalance_at(data, "XRP/USD") == pytest.approx(0.5)
    assert vpin_at(data, "XRP/USD") == pytest.approx(1 / 3)
    assert data.memo


def half_tossed_up_half_bought(day_lots: int) -> MarketSnapshot:
    """Return a snapshot of 400 prints of two lots, after a day of so many lots."""
    scene, day_ns = Scene(), width_ns("1d")
    days = ((START_NS // day_ns - 1) * day_ns, 100, 101, 99, 100, day_lots, 9)
    tape = ["buy 100 x 2", "sell 100 x 2"] * 100 + ["buy 100 x 2"] * 200
    return scene.show("101 x 1\n---\n99 x 1", "\n".join(tape), history=(History("XRP/USD", "1d", (days,)),))[1]


def test_vpin_is_of_the_last_buckets_of_a_usual_day_or_else_the_whole_tape() -> None:
    assert vpin_at(half_tossed_up_half_bought(2_000), "XRP/USD") == pytest.approx(1)  # 20 prints a bucket
    assert vpin_at(half_tossed_up_half_bought(200), "XRP/USD") == pytest.approx(0.5)  # two, which say nothing
    assert vpin_at(half_tossed_up_half_bought(20_000), "XRP/USD") == pytest.approx(0.5)  # 200, more than there are


def test_vpin_of_a_short_tape_is_unknown() -> None:
    scene = Scene()
    _, data = scene.show("101 x 1\n---\n99 x 1", "\n".join(["buy 100 x 2"] * 150))

    assert vpin_at(data, "XRP/USD") is None  # 15 prints a bucket
    assert vpin_at(data, "XRP/USD", buckets=5) == 1


def test_a_book_is_read_as_deep_as_wanted() -> None:
    _, data = Scene().show("102 x 5\n101 x 3\n---\n99 x 2\n98 x 7")

    assert [quote.price for quote in data.bids("XRP/USD", 1)] == [99]
    assert [quote.price for quote in data.asks("XRP/USD")] == [101, 102]
    assert book_imbalance_at(data, "XRP/USD", 1) == pytest.approx(-0.2)
