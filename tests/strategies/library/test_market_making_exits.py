"""market_making: what takes its quotes out of the book, and how it gets rid of what it holds."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import msgspec
import pytest

from strategies.library.market_making.quoting import (
    gain_bounds_pct,
    half_spread_pct,
    optimal_spread_pct,
    passive_price,
    reservation_price,
    risk_pct,
)
from strategies.versions import registry
from tests.stage import PAIRS, Stage
from tests.strategies.library.making import ASK, BID, BTC, CALM, asks, at, bids, opening, orders, stops
from tests.strategies.library.making_exits import APART, RATIO, ratio
from trading.book import Side


def config_of(**keys: Any) -> Any:
    return registry.strategy("market_making").config(keys)


def held(**config: Any) -> Stage:
    """Hold what was bought at 59,835, with an ask, and no bid."""
    return at(opening(**{"max_inventory_usd": 25, **config}), 59_800)


def bids_again(stage: Stage) -> bool:
    """Return whether it bids and buys once more after an exit, at whatever price it comes to."""
    at(stage, *[stage.prices[BTC]] * 4)
    before = len(stage.fills)
    (bid,) = bids(stage)
    at(stage, (bid or 0) - 20)
    return [fill.side.value for fill in stage.fills[before:]] == ["buy"]


def test_the_stop_from_the_average_price_works_at_the_exchange_and_it_bids_again() -> None:
    stage = held()
    assert stops(stage) == [59_236.6]

    at(stage, 59_230)

    assert (stage.holding(BTC), stage.trades[-1][0], "stop loss" in stage.trades[-1][1]) == (None, "sell", True)
    at(stage, 59_230)
    assert (asks(stage), stops(stage)) == ([], [])
    assert bids_again(stage)


def test_the_stop_follows_the_average_price_of_several_purchases() -> None:
    stage = at(opening(), 59_800, 59_800, 59_600, 59_600)

    first, second = stage.fills
    average = float((first.cost + second.cost) / (first.qty + second.qty))
    assert stage.holding(BTC).average_price == pytest.approx(average)
    assert stops(stage) == pytest.approx([average * 0.99], rel=1e-4)
    assert asks(stage) == pytest.approx([average * 1.0055], rel=1e-4)


def test_what_is_bought_after_its_first_part_was_sold_is_given_a_stop_again() -> None:
    stage = opening(cooldown_s=60).book(BTC, spread_pct=0.1)
    stage.trade(BTC, 59_830, qty=0.0002, side="sell", after_s=4)
    stage.wait(0.1)
    stage.trade(BTC, 60_170, qty=1, after_s=0.2)
    assert (stage.holding(BTC), bids(stage), stops(stage)) == (None, [BID], [])

    stage.trade(BTC, 59_830, qty=1, side="sell", after_s=0.2)
    stage.wait(0.1)
    assert stops(stage) == [59_236.6]

    at(stage, 59_230)
    assert (stage.holding(BTC), stage.trades[-1]) == (None, ("sell", "too far from the average price"))


def test_a_stop_of_the_other_side_gives_way_when_what_was_held_is_now_sold_short() -> None:
    stage = opening(allows_short=True, cooldown_s=0).book(BTC, spread_pct=0.1)
    stage.trade(BTC, 59_830, qty=0.0002, side="sell", after_s=4)
    stage.trade(BTC, 60_170, qty=0.0003, after_s=0.1)  # before the ask that would be short is replaced
    held_short = stage.holding(BTC)
    assert held_short.qty == pytest.approx(-0.0001)

    at(stage, 60_170, 60_170)

    assert [order.side for order in orders(stage) if order.trigger_price is not None] == [Side.BUY]
    assert stops(stage) == [pytest.approx(held_short.average_price * 1.01, rel=1e-4)]


def test_a_stop_that_has_nothing_left_to_protect_is_taken_back() -> None:
    stage = opening(cooldown_s=60).book(BTC, spread_pct=0.1)
    stage.trade(BTC, 59_830, qty=0.0002, side="sell", after_s=4)
    stage.wait(0.1)
    stage.trade(BTC, 60_170, qty=1, after_s=0.2)
    stage.trade(BTC, 59_830, qty=1, side="sell", after_s=0.2)
    stage.wait(0.1)
    assert len(stops(stage)) == 1

    at(stage, 60_200, 60_200)

    assert (stage.holding(BTC), stops(stage)) == (None, [])


FAR = {
    "min_spread_pct": 3,
    "take_profit_pct": 1.2,
    "inventory_skew": 0,
    "max_inventory_usd": 25,
    "volatility": {"is_on": False},
}


def test_what_is_held_longer_is_offered_for_half_the_target_and_then_for_its_fees() -> None:
    stage = at(opening(**FAR), 59_000)
    average = stage.holding(BTC).average_price
    asked = []
    for age_s in (10, 1_790, 12_700):
        at(stage, 59_000, after_s=age_s)
        asked += asks(stage)

    gains = [(price / average - 1) * 100 for price in asked]
    assert gains == pytest.approx([1.2, 0.6, 0.5], abs=0.001)
    at(stage, average * 1.006)
    assert (stage.holding(BTC), stage.fills[-1].result) == (None, pytest.approx(D(0), abs=D("0.001")))
    assert bids_again(stage)


def test_without_patience_the_target_stays() -> None:
    stage = at(opening(**FAR, patience={"is_on": False}), 59_000)

    at(stage, 59_000, after_s=15_000)

    assert asks(stage) == pytest.approx([stage.holding(BTC).average_price * 1.012], rel=1e-5)


TRAILING = {"trailing": {"is_on": True}, "min_spread_pct": 2, "volatility": {"is_on": False}, "take_profit_pct": 5}


def test_a_price_that_falls_back_from_its_best_sells_all_at_the_market_once_the_quotes_are_out() -> None:
    stage = at(opening(**TRAILING), 59_300)
    (bought,) = stage.fills
    at(stage, 59_600)  # a third of a percent above 59,400
    at(stage, 59_530)
    assert (float(bought.price), stage.holding(BTC) is not None) == (59_400, True)

    at(stage, 59_500)  # 0.17 % below the best
    stage.wait(0.1)

    assert (stage.holding(BTC), stage.trades[-1]) == (None, ("sell", "fell back from its best"))
    assert "trailing_stop" in stage.codes
    assert stage.why["leaving BTC/USD"] > 0
    assert bids_again(stage)


def test_losses_take_the_bid_out_for_a_while_and_leave_the_way_out() -> None:
    stage = at(held(breaker={"losses": 1}), 59_230, 59_230)
    assert (stage.holding(BTC), bids(stage), stage.why["circuit_breaker BTC/USD"] > 0) == (None, [], True)

    at(stage, 59_230, 59_230, after_s=15 * 60)

    assert len(bids(stage)) == 1


WILD = {"low_below_pct": 0.0001, "medium_below_pct": 0.0002, "high_below_pct": 0.0003}


def test_extreme_volatility_takes_the_bid_out_and_leaves_the_ask() -> None:
    stage = at(opening(CALM, volatility={"candles": 5, "high_below_pct": 0.21}), 59_800, 60_000, 60_000)
    assert (len(bids(stage)), asks(stage)) == (1, [ASK])

    stage.stride(BTC, "1m", [59_700, 60_080, 59_720, 60_050])

    assert (bids(stage), len(asks(stage)), stage.why["extreme_volatility BTC/USD"] > 0) == ([], 1, True)


def test_a_falling_trend_takes_the_bid_out_and_a_rising_one_the_ask_that_would_be_short() -> None:
    fall, rise = [60_000 - 40.0 * n for n in range(1, 12)], [60_000 + 40.0 * n for n in range(1, 12)]
    config = {"allows_short": True, "trend_candles": 5, "min_spread_pct": 5}
    falling, rising = (opening(**config).stride(BTC, "1m", closes) for closes in (fall, rise))

    assert (bids(falling), len(asks(falling))) == ([], 1)
    assert (len(bids(rising)), asks(rising)) == (1, [])
    assert falling.why["trending_market BTC/USD"] > 0


def test_a_trend_counts_candles_not_looks() -> None:
    stage = opening(trend_candles=5).stride(BTC, "1m", [59_900, 59_850])
    at(stage, *[59_850] * 5, after_s=2)

    assert ("trending_market BTC/USD" in stage.why, len(bids(stage))) == (False, 1)


TOGETHER = [2.4 + 0.0004 * (n % 2) for n in range(40)]


def test_xrp_is_bought_with_the_bitcoin_there_is_and_without_any_it_says_so() -> None:
    funded, unfunded = ratio(TOGETHER), ratio(TOGETHER, bitcoin="")

    (bid,) = orders(funded)
    assert bid.limit_price == pytest.approx(0.00004 * 0.9973, rel=3e-4)
    assert bid.qty * (bid.limit_price or 0) * 60_000 == pytest.approx(15, abs=0.01)
    assert (orders(unfunded), unfunded.why["insufficient_funds XRP/BTC"] > 0) == ([], True)


def test_xrp_for_bitcoin_is_paused_while_the_two_do_not_move_together() -> None:
    stage, careless = ratio(APART), ratio(APART, needs_correlation=False)

    assert (orders(stage), stage.why["low_correlation XRP/BTC"] > 0) == ([], True)
    assert len(orders(careless)) == 1


def test_no_more_is_bid_than_is_free_beside_other_quotes() -> None:
    stage = Stage("market_making", (BTC, "XRP/USD"), terms={"stake": D(30)}).past(BTC, "1m", CALM)
    stage.past("XRP/USD", "1m", TOGETHER)
    stage.trade(BTC, 60_000)
    for _ in range(8):
        stage.wait(1.1)

    worth = {order.symbol: order.qty * (order.limit_price or 0) for order in orders(stage)}
    assert worth == pytest.approx({BTC: 25}, abs=0.01)
    assert stage.why["insufficient_funds XRP/USD"] > 0


def test_bitcoin_that_was_bought_to_be_sold_again_buys_no_xrp() -> None:
    stage = Stage("market_making", (BTC, RATIO), needs_correlation=False).past(BTC, "1m", CALM)
    stage.past(RATIO, "1m", [0.00004 + 1e-8 * (n % 2) for n in range(40)])
    at(stage, 60_000, 59_800, 59_800)

    assert (stage.holding(BTC) is not None, stage.why["insufficient_funds XRP/BTC"] > 0) == (True, True)
    assert not [order for order in orders(stage) if order.symbol == RATIO]


def test_an_offer_goes_on_though_what_is_left_of_it_is_less_than_the_smallest_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(PAIRS, BTC, msgspec.structs.replace(PAIRS[BTC], qty_min_lots=5_000))
    stage = held(cooldown_s=60).book(BTC, spread_pct=0.1)
    stage.trade(BTC, 60_170, qty=0.0004, after_s=1)
    at(stage, 60_100)
    assert (stage.holding(BTC).qty, asks(stage), stops(stage)) == (0.00001781, [ASK], [59_236.6])

    at(stage, 60_200)

    assert (stage.holding(BTC), orders(stage)) == (None, [])


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"limits": {"total_usd": 4}}, "max_position"),
        ({"size_usd": 4}, "insufficient_size"),
        ({"volatility": WILD}, "extreme_volatility"),
    ],
)
def test_each_limit_keeps_it_out_and_says_so(config: dict[str, Any], code: str) -> None:
    stage = opening(**config)

    assert (stage.said, stage.why[f"{code} BTC/USD"] > 0) == ([], True)


# The arithmetic


def test_the_half_spread_pays_two_maker_fees_and_widens_with_volatility_up_to_a_bound() -> None:
    config, loose = config_of(), config_of(checks_fees=False)
    own = config.numbers("XRP/USD")

    assert half_spread_pct(config, own, 0.05, 0.9, 0.25) == pytest.approx(0.275)  # 0.6 * 0.9 / 2 would be 0.27
    assert half_spread_pct(loose, own, 0.05, 0.9, 0.25) == pytest.approx(0.27)
    assert half_spread_pct(config, own, 0.12, 1.0, 0.25) == pytest.approx(0.36)
    assert half_spread_pct(config, own, 0.50, 1.3, 0.25) == pytest.approx(0.6 * 1.5 * 1.3 / 2)


def test_avellaneda_and_stoikov_by_hand() -> None:
    config = config_of(uses_reservation_price=True, uses_optimal_spread=True)
    own = config.numbers("XRP/USD")

    assert risk_pct(0.1, config) == pytest.approx(0.5 * 0.01 * 60)  # 0.3 % at full inventory
    assert optimal_spread_pct(0.1, config) == pytest.approx(0.3 + 4 * 0.1177830)  # ln 1.125
    assert half_spread_pct(config, own, 0.1, 1.0, 0.25) == pytest.approx(0.385566)
    assert reservation_price(100, 0.5, 0.4, 0.1, config) == pytest.approx(99.85)
    assert reservation_price(100, -1.0, 0.4, 0.1, config) == pytest.approx(100.3)
    assert reservation_price(100, 0.5, 0.4, 0.1, config_of()) == pytest.approx(99.9)


def test_the_target_is_never_less_than_what_pays_the_fees() -> None:
    config = config_of(take_profit_pct=0.2)

    assert gain_bounds_pct(config, config.numbers(BTC), 0, 0.25) == pytest.approx((0.55, 0.55))


def test_prices_are_rounded_away_from_the_market_and_stay_out_of_the_book() -> None:
    btc = PAIRS[BTC]  # ticks of 0.1

    assert passive_price(btc, Side.BUY, 100.19, 1_000, 1_100) == 100.1
    assert passive_price(btc, Side.SELL, 100.11, 1_000, 1_100) == 100.2
    assert passive_price(btc, Side.BUY, 120.0, 1_000, 1_100) == 109.9
    assert passive_price(btc, Side.SELL, 90.0, 1_000, 1_100) == 100.1
