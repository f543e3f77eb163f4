"""market_making: rests a bid and an ask around the fair price, sells what it bought, and keeps a stop."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from tests.strategies.library.making import ASK, BID, BTC, asks, at, bids, opening, orders, quotes, stops
from trading.engine import Engine
from trading.fees import Liquidity
from trading.signals import Amend, Cancel, Signal


def test_without_inventory_it_bids_alone_and_asks_at_once_when_it_has_bought() -> None:
    stage = opening()
    assert (bids(stage), asks(stage)) == ([BID], [])
    assert quotes(stage, "buy")[0].qty * BID == pytest.approx(25, abs=0.001)
    assert stage.why["no_inventory BTC/USD"] == 1

    stage.trade(BTC, 59_800)
    stage.wait(0.1)

    assert (asks(stage), stops(stage)) == ([ASK], [59_236.6])
    assert quotes(stage, "sell")[0].qty == stage.holding(BTC).qty
    at(stage, 60_000, 60_000)
    assert (len(bids(stage)), asks(stage)) == (1, [ASK])


def test_a_sale_after_a_purchase_earns_the_spread_less_two_maker_fees() -> None:
    stage = at(opening(), 59_800, 60_300)

    bought, sold = stage.fills
    assert [(float(fill.price), fill.liquidity) for fill in stage.fills] == [
        (BID, Liquidity.MAKER),
        (ASK, Liquidity.MAKER),
    ]
    assert bought.qty == sold.qty == D("0.00041781")
    spread, fees = bought.qty * (D("60164.1") - D(59835)), bought.qty * D("0.0025") * D("119999.1")
    assert (spread.quantize(D("0.0001")), fees.quantize(D("0.0001"))) == (D("0.1375"), D("0.1253"))
    assert sold.result == pytest.approx(spread - fees, abs=D("0.00002"))
    assert stage.holding(BTC) is None


def test_it_trades_again_and_again() -> None:
    stage = opening()
    for _ in range(3):
        at(stage, 59_800, 60_000, 60_300, 60_000, 60_000, 60_000)

    assert [fill.side.value for fill in stage.fills] == ["buy", "sell"] * 3
    assert (stage.holding(BTC), stops(stage), bids(stage)) == (None, [], [BID])


def test_a_quote_moves_only_when_it_is_further_off_than_the_tolerance() -> None:
    stage = opening()
    at(stage, 60_024, 59_976, 60_024)  # 0.04 %
    assert (bids(stage), len(stage.said)) == ([BID], 1)

    at(stage, 60_036)  # 0.06 %

    assert isinstance(stage.said[-1], Amend)
    assert bids(stage) == [59_870.9]
    assert stage.why["quotes_rest BTC/USD"] > 0


def test_quotes_are_not_moved_before_the_cooldown_has_passed() -> None:
    stage = opening()
    at(stage, 60_100)
    at(stage, 60_200, after_s=2.7)
    assert (bids(stage), stage.why["time_cooldown BTC/USD"] > 0) == ([59_934.7], True)

    at(stage, 60_200, after_s=1)

    assert bids(stage) == [60_034.4]


def test_a_bid_far_from_where_it_was_placed_is_replaced_because_its_stop_cannot_be_moved() -> None:
    stage = at(opening(), 60_200)
    assert bids(stage) == [60_034.4]  # 0.33 % above: amended

    at(stage, 60_400, 60_400)  # 0.67 %

    assert isinstance(stage.said[-2], Cancel)
    assert isinstance(stage.said[-1], Signal)
    assert bids(stage) == [60_233.9]
    assert stage.said[-1].stop_loss == pytest.approx(60_233.9 * 0.99)


def test_inventory_moves_both_quotes_against_it_and_makes_the_one_that_adds_smaller() -> None:
    stage = at(opening(sells_at_loss=True, max_inventory_usd=50), 59_800, 59_800, 59_800)

    q = stage.indicators[BTC]["inventory"]
    assert q == pytest.approx(0.00041781 * 59_800 / 50)  # about a half
    reservation = 59_800 * (1 - q * 0.5 * 0.275 / 100)
    assert stage.indicators[BTC]["reservation"] == pytest.approx(reservation)
    assert bids(stage) == pytest.approx([reservation * 0.99725], rel=1e-5)
    assert asks(stage) == pytest.approx([reservation * 1.00275], rel=1e-5)
    (bid,) = quotes(stage, "buy")
    assert bid.qty * (bid.limit_price or 0) == pytest.approx(25 * (1 - q / 2), rel=0.001)


def test_full_inventory_is_only_offered() -> None:
    stage = at(opening(max_inventory_usd=25), 59_800, 60_000, 60_000)

    assert (bids(stage), len(asks(stage)), stage.why["max_position BTC/USD"] > 0) == ([], 1, True)
    at(stage, 60_300)
    assert (stage.holding(BTC), bids(stage)) == (None, [60_134.1])


def test_nothing_is_offered_for_less_than_it_cost_with_the_fees_unless_that_is_allowed() -> None:
    careful, bold = (
        at(opening(sells_at_loss=allowed, max_inventory_usd=25), 59_800, 59_500, 59_500) for allowed in (False, True)
    )

    assert (asks(careful), careful.trades) == ([ASK], bold.trades)
    assert max(price or 0 for price in asks(bold)) < BID


def test_no_more_than_the_target_is_asked_for_what_is_held_however_wide_the_spread() -> None:
    stage = at(opening(min_spread_pct=3, volatility={"is_on": False}), 59_000)

    (bought,) = stage.fills
    assert (float(bought.price), asks(stage)) == (59_100, [59_691.0])  # 1.5 % below; 1 % above that


def test_a_spread_narrower_than_the_fees_is_quoted_only_when_the_fees_are_not_checked() -> None:
    stage = opening(min_spread_pct=0.1, checks_fees=False, volatility={"is_on": False})

    assert bids(stage) == [59_970.0]


@pytest.mark.parametrize(
    ("bought", "flow", "ask_steps_back"), [(1.0, True, True), (0.5, True, False), (0.5, False, True)]
)
def test_the_ask_steps_back_before_buyers_when_book_and_tape_agree(
    bought: float, flow: bool, ask_steps_back: bool
) -> None:
    stage = opening(allows_short=True, flow={"is_on": flow}).book(BTC, bids=2.0, asks=1.0)
    for _ in range(4):
        stage.prints(BTC, [("buy", bought), ("sell", 1 - bought)] * 5, 60_000, after_s=4)
    stage.wait(0.1)

    fair = stage.indicators[BTC]["price"]
    away_pct = 0.55 if ask_steps_back else 0.275
    assert asks(stage) == pytest.approx([fair * (1 + away_pct / 100)], rel=1e-4)
    assert bids(stage) == pytest.approx([fair * 0.99725], rel=1e-4)


def test_the_bid_steps_back_before_sellers() -> None:
    stage = opening().book(BTC, bids=1.0, asks=2.0)
    stage.trade(BTC, 60_000, side="sell", times=9, after_s=4)
    stage.wait(0.1)

    assert bids(stage) == pytest.approx([stage.indicators[BTC]["price"] * 0.9945], rel=1e-4)


def test_a_quote_never_takes_from_the_book_but_follows_it() -> None:
    stage = at(opening(sells_at_loss=True, take_profit_pct=0.1), 59_800)  # asked above the target: at the touch

    at(stage, 60_000, 60_000)

    assert {fill.liquidity for fill in stage.fills} == {Liquidity.MAKER}
    said = [order.refusal.code for outcome in stage.outcomes for order in outcome.orders.values() if order.refusal]
    assert set(said) <= {"cancelled", "position_closed"}


def test_with_a_margin_account_it_quotes_both_sides_and_covers_what_it_sold_short() -> None:
    stage = opening(allows_short=True)
    assert (bids(stage), asks(stage)) == ([BID], [60_165.0])

    at(stage, 60_200)
    held = stage.holding(BTC)
    assert held.qty < 0
    at(stage, 60_160)
    assert bids(stage) == [59_834.0]  # 0.55 % below what it was sold for
    assert stops(stage) == [pytest.approx(60_165 * 1.01, abs=0.1)]

    at(stage, 59_800)

    assert [fill.side.value for fill in stage.fills] == ["sell", "buy"]
    assert stage.fills[-1].result > 0
    assert stage.holding(BTC) is None


def test_quotes_survive_a_restart_and_none_is_doubled() -> None:
    stage = at(opening(), 59_800, 60_000, 60_000)
    before = orders(stage)
    engine = stage.engine
    stage.engine = Engine.resume(engine.strategy, engine.config, engine.terms, engine.checkpoint())

    at(stage, 60_000, 60_000)

    assert orders(stage) == before
    assert len(before) == 3  # a bid, an ask and a stop


def test_another_version_takes_the_quotes_over() -> None:
    stage = at(opening(), 59_800, 60_000, 60_000)
    before = orders(stage)
    engine = stage.engine
    engine.state.memory_of = "another"
    stage.engine = Engine.resume(engine.strategy, engine.config, engine.terms, engine.checkpoint())

    at(stage, 60_000, 60_000)

    assert orders(stage) == before
