"""grid_rsi_reversion: bids below the price, sells each purchase one level up, and lays its grid anew."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest

from tests.stage import Stage
from tests.strategies.library.grid import APART, BTC, QUIET, TOGETHER, at, paired
from trading.engine import Engine
from trading.portfolio import OpenOrder
from trading.signals import Signal

LEVELS = [59_100.0, 58_200.0, 57_300.0]  # 1.5 % of the centre apart; three more end at 54,600
PLAIN: dict[str, Any] = {  # bids of 50 dollars, whatever the tape, the hour and the volume
    "flow": {"is_on": False},
    "sessions": {"is_on": False},
    "min_volume_ratio": 0,
}


def opening(closes: list[float] = QUIET, wick_pct: float = 0.05, volumes: Any = 10.0, **config: Any) -> Stage:
    stage = Stage("grid_rsi_reversion", (BTC,), **{**PLAIN, **config})
    return stage.past(BTC, "5m", closes, volumes, wick_pct)


def orders(stage: Stage, purpose: str = "entry") -> list[OpenOrder]:
    live = stage.engine.portfolio_at(stage.market.snapshot()).open_orders()
    return [order for order in live if order.purpose == purpose]


def bids(stage: Stage) -> list[float | None]:
    return [order.limit_price for order in orders(stage)]


def asks(stage: Stage) -> list[float | None]:
    return [order.limit_price for order in orders(stage, "exit")]


def test_it_bids_at_the_three_levels_nearest_below_the_price_with_a_stop_below_the_lowest() -> None:
    stage = at(opening(), 60_000)

    first = stage.said[0]
    assert isinstance(first, Signal)
    assert bids(stage) == LEVELS
    assert [order.qty * (order.limit_price or 0) for order in orders(stage)] == pytest.approx([50] * 3, abs=0.001)
    assert (first.post_only, first.stop_loss) == (True, pytest.approx(54_600 * 0.9))
    assert stage.why["price_not_at_level BTC/USD"] == 1


def test_levels_are_equal_steps_in_percent_when_asked_and_wider_while_ranges_are() -> None:
    even = at(opening(is_geometric=True), 60_000)
    wide = at(opening(wick_pct=0.5, range_pct=20), 60_000)

    assert bids(even) == pytest.approx([60_000 / 1.015**n for n in (1, 2, 3)], abs=0.05)
    assert wide.indicators[BTC]["spacing_pct"] == pytest.approx(3 * wide.indicators[BTC]["atr_pct"])
    assert bids(wide) == pytest.approx(
        [60_000 * (1 - n * wide.indicators[BTC]["spacing_pct"] / 100) for n in (1, 2, 3)], abs=0.05
    )


def test_a_range_narrower_than_a_step_holds_one_level_at_its_edge() -> None:
    stage = at(opening(range_pct=1), 60_000)

    assert bids(stage) == [59_400.0]


def test_a_pair_that_is_priced_in_bitcoin_is_bid_for_with_the_bitcoin_there_are() -> None:
    stage = Stage("grid_rsi_reversion", ("XRP/BTC",), terms={"assets": {"BTC": D("0.0003")}}, **PLAIN)
    stage.past("XRP/BTC", "5m", [price * 4e-5 / 60_000 for price in QUIET]).trade("XRP/BTC")

    worth = [order.qty * (order.limit_price or 0) * 60_000 for order in orders(stage)]
    assert bids(stage) == [3.902e-5, 3.807e-5]  # each a fortieth below the one above
    assert worth == pytest.approx([10, 7.9], abs=0.05)  # 18 dollars in all, less a fee


def test_a_purchase_is_sold_one_level_up_and_its_level_is_free_again() -> None:
    stage = at(opening(), 60_000, 59_050)
    assert (asks(stage), [order.trigger_price for order in orders(stage, "stop_loss")]) == ([60_000.0], [49_140.0])

    at(stage, 60_010, 60_050, after_s=61)

    assert [(fill.side.value, float(fill.price)) for fill in stage.fills] == [("buy", 59_100), ("sell", 60_000)]
    assert (stage.holding(BTC), stage.indicators[BTC]["cycles"]) == (None, 1)
    assert sorted(bids(stage)) == sorted(LEVELS)
    assert orders(stage, "stop_loss") == []


def test_the_same_level_is_traded_again_and_again() -> None:
    stage = at(opening(), 60_000)
    for _ in range(3):
        at(stage, 59_050, 60_010, 60_050, after_s=61)

    assert [fill.side.value for fill in stage.fills] == ["buy", "sell"] * 3
    assert stage.indicators[BTC]["cycles"] == 3


def test_what_is_bought_in_part_is_asked_for_in_part_and_the_ask_grows_with_it() -> None:
    stage = at(opening(), 60_000)
    stage.trade(BTC, 59_100, qty=0.0003, side="sell", after_s=11)
    stage.trade(BTC, 59_130, qty=0.0001, after_s=1)
    assert [order.qty for order in orders(stage, "exit")] == [0.0003]

    stage.trade(BTC, 59_100, qty=0.0002, side="sell", after_s=1)
    at(stage, 59_130)

    assert [order.qty for order in orders(stage, "exit")] == [0.0005]
    assert bids(stage)[0] == 59_100.0  # the rest still waits


def test_a_level_sold_in_part_is_no_cycle_until_all_of_it_is() -> None:
    stage = at(opening(), 60_000, 59_050, 59_500)
    stage.trade(BTC, 60_000, qty=0.0003, after_s=70)
    at(stage, 59_900)
    assert (stage.trades[-1][0], stage.indicators[BTC]["cycles"]) == ("sell", 0)

    at(stage, 60_050)

    assert (stage.holding(BTC), stage.indicators[BTC]["cycles"]) == (None, 1)


def test_two_levels_are_two_cycles_and_the_lower_one_is_no_loss() -> None:
    stage = at(opening(breaker={"losses": 1}), 60_000, 59_050, 58_150)
    assert asks(stage) == [60_000.0, 59_100.0]

    at(stage, 59_150, 60_050, 60_060, after_s=61)

    assert stage.indicators[BTC]["cycles"] == 2
    assert "circuit_breaker BTC/USD" not in stage.why


def test_the_stop_below_the_lowest_level_sells_everything_at_the_exchange_and_a_new_grid_follows() -> None:
    stage = at(opening(), 60_000, 59_050)
    at(stage, 49_000)
    assert (stage.holding(BTC), "stop loss" in stage.trades[-1][1]) == (None, True)

    at(stage, 49_000, 49_000, after_s=61)

    assert (asks(stage), stage.indicators[BTC]["centre"]) == ([], 49_000)
    assert bids(stage) == [48_265.0, 47_530.0, 46_795.0]


def sold_all(stage: Stage, price: float, code: str) -> None:
    """Play what is left of an exit: the orders are cancelled, all is sold, a grid is laid anew."""
    at(stage, *[price] * 4, after_s=61)
    sale = next(one for one in stage.said if isinstance(one, Signal) and one.code == code)
    assert (sale.size, stage.trades[-1][0], stage.holding(BTC)) == ("all", "sell", None)
    assert (asks(stage), stage.indicators[BTC]["centre"], bids(stage)[0]) == ([], price, round(price * 0.985, 1))


def test_it_sells_all_when_the_price_is_too_far_below_the_average_purchase() -> None:
    stage = at(opening(max_drawdown_pct=2, live_bids=1, cooldown_s=200), 60_000, 59_050)
    at(stage, 57_950)  # 1.9 % below
    assert stage.holding(BTC) is not None

    sold_all(stage, 57_900, "max_drawdown")


def test_it_sells_all_after_too_long_without_a_cycle() -> None:
    stage = at(opening(stale_after_s=1_200), 60_000, 59_050)
    at(stage, 59_500, after_s=1_100)
    assert stage.holding(BTC) is not None

    sold_all(stage, 59_500, "stale_position")


RECENTRING = {"recentre_cycles": 1, "recentre_min_s": 600, "rsi_extreme_size": 1}


def cycled(**config: Any) -> Stage:
    """Hold the first level and complete a cycle at the second."""
    return at(opening(**{**RECENTRING, **config}), 60_000, 58_150, 59_150, 59_400)


def test_it_lays_the_grid_anew_after_enough_cycles_and_keeps_the_levels_that_are_held() -> None:
    stage = cycled()
    assert (stage.indicators[BTC]["cycles"], stage.indicators[BTC]["centre"]) == (1, 60_000)

    at(stage, 59_400, 59_400, after_s=600)

    assert (stage.indicators[BTC]["centre"], asks(stage)) == (59_400, [60_000.0])
    assert bids(stage) == [58_509.0, 57_618.0]  # with what is held that is the most of 150 dollars
    at(stage, 60_020, 60_020)
    assert (stage.holding(BTC), stage.indicators[BTC]["cycles"]) == (None, 2)


@pytest.mark.parametrize("config", [{"recentre_cycles": 2}, {"recentre_min_s": 7_200}, {"adx_recentre": 5}])
def test_the_grid_stays_while_cycles_or_time_are_short_or_there_is_a_trend(config: dict[str, Any]) -> None:
    stage = at(cycled(**config), 59_400, 59_400, after_s=600)

    assert stage.indicators[BTC]["centre"] == 60_000


def test_an_empty_grid_follows_a_price_that_has_left_it() -> None:
    stage = at(opening(recentre_min_s=60), 60_000, 60_800, after_s=90)
    assert stage.indicators[BTC]["centre"] == 60_000  # less than one level above

    at(stage, 61_000, 61_000, 61_000)

    assert (stage.indicators[BTC]["centre"], bids(stage)[0]) == (61_000, 60_085.0)


WILD = {"volatility": {"low_below_pct": 0.001, "medium_below_pct": 0.002, "high_below_pct": 0.003}}


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"adx_trend": 5}, "trend_filter"),
        (WILD, "regime_pause"),
        ({"min_volume_ratio": 1.1}, "low_volume"),
        ({"spacing_pct": 0.5, "atr_spacing": 0}, "fee_unprofitable"),
        ({"flow": {"is_on": True}}, "flow_against_trade"),
        ({"max_position_usd": 4}, "max_position"),
        ({"limits": {"total_usd": 4}}, "max_position"),
        ({"size_usd": 4}, "insufficient_size"),
    ],
)
def test_each_filter_keeps_it_out_and_says_so(config: dict[str, Any], code: str) -> None:
    stage = opening(**config)
    stage.trade(BTC, 60_000, side="sell", times=10)

    assert (stage.said, stage.why) == ([], {f"{code} BTC/USD": 1})


def test_a_level_pays_for_a_purchase_as_a_maker_and_a_sale_as_a_taker_at_worst() -> None:
    enough, too_little = (at(opening(spacing_pct=pct, atr_spacing=0), 60_000) for pct in (0.71, 0.69))

    assert (len(bids(enough)), bids(too_little)) == (3, [])


def test_no_more_is_bid_for_than_the_account_can_pay() -> None:
    stage = at(Stage("grid_rsi_reversion", (BTC,), terms={"stake": D(80)}, **PLAIN).past(BTC, "5m", QUIET), 60_000)

    assert [order.qty * (order.limit_price or 0) for order in orders(stage)] == pytest.approx([50, 29.6], abs=0.1)
    assert stage.why["max_position BTC/USD"] == 1


def test_no_further_bid_is_placed_right_after_a_purchase_nor_above_the_most_levels() -> None:
    stage = at(opening(), 60_000, 59_050)
    assert (stage.why["cooldown BTC/USD"], bids(stage)) == (2, LEVELS[1:])

    at(stage, 58_150, 57_250, 56_350, after_s=61)

    assert (stage.why["max_position BTC/USD"] > 0, bids(stage)) == (True, [])


def test_four_held_levels_are_enough() -> None:
    stage = at(opening(size_usd=20), 60_000, 59_050, 58_150, 57_250, 56_350, 55_450, after_s=61)

    assert (len(asks(stage)), bids(stage), stage.why["max_accumulation BTC/USD"] > 0) == (4, [], True)

    stage.engine.config = stage.engine.strategy.config({**PLAIN, "max_held_levels": 2})
    at(stage, 55_400)

    assert (len(asks(stage)), bids(stage)) == (4, [])


def test_losses_stop_bids_for_a_while_and_no_exit() -> None:
    stage = at(opening(breaker={"losses": 1}, volatility={"is_on": False}), 60_000, 59_050, 49_000)
    assert (stage.holding(BTC), bids(stage), stage.why["circuit_breaker BTC/USD"] > 0) == (None, [], True)

    at(stage, 49_000, after_s=16 * 60)

    assert bids(stage) != []


def test_bids_are_taken_back_in_a_trend_but_what_is_held_stays_for_sale() -> None:
    stage = at(opening(cooldown_s=0), 60_000, 59_050)
    stage.stride(BTC, "5m", [58_900 - 60 * n for n in range(10)])

    assert stage.indicators[BTC]["adx"] > 30
    assert (bids(stage), len(asks(stage)) >= 1) == ([], True)
    assert stage.why["trend_filter BTC/USD"] > 0


def test_a_resting_bid_grows_when_the_market_becomes_oversold() -> None:
    stage = at(opening(avoids_trends=False, live_bids=1), 60_000)
    stage.stride(BTC, "5m", [59_900, 59_800, 59_700])

    (bid,) = orders(stage)
    assert stage.indicators[BTC]["rsi"] < 30
    assert bid.qty * 59_100 == pytest.approx(65, abs=0.01)


def test_what_another_version_left_is_taken_over_and_its_orders_are_cancelled() -> None:
    stage = at(opening(), 60_000, 59_050)
    engine = stage.engine
    stage.engine = Engine.resume(
        replace(engine.strategy, hash="another"), engine.config, engine.terms, engine.checkpoint()
    )

    at(stage, 59_200, 59_200, 59_200)

    assert asks(stage) == [59_986.5]  # 1.5 % above the purchase
    assert (stage.indicators[BTC]["centre"], bids(stage)[0]) == (59_200, 58_312.0)


def test_a_symbol_that_moves_with_one_that_is_held_takes_its_bids_back() -> None:
    stage = paired(TOGETHER, 2.37, **PLAIN)

    assert (stage.holding(BTC) is not None, stage.why["correlation_limit XRP/USD"] > 0) == (True, True)
    assert not [order for order in orders(stage) if order.symbol == "XRP/USD"]


def test_a_symbol_bids_for_less_beside_another_that_is_held() -> None:
    stage = paired(APART, 2.4, rsi_extreme_size=1, **PLAIN)

    values = [order.qty * (order.limit_price or 0) for order in orders(stage) if order.symbol == "XRP/USD"]
    assert values == pytest.approx([25 * 0.75] * 3, rel=0.001)
