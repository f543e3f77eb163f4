"""Borrowing, what it costs, and what happens when an account no longer secures what it owes."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from tests.desk import Desk, lending
from tests.drawing import Scene, instrument
from trading.accounting.margin import LeverageLimits, MarginTerms

AROUND_100 = "101 x 90000\n---\n99 x 90000"
FEE = D("0.004")
LENDING_XRP = D("0.0002")
LENDING_USD = D("0.00025")


def at(price: int, lots: int = 90_000) -> str:
    return f"{price + 1} x {lots}\n---\n{price - 1} x {lots}"


def kinds(desk: Desk) -> list[str]:
    return [event.kind.value for event in desk.events]


# Loans


def test_a_short_borrows_the_base_and_a_leveraged_long_the_whole_cost_in_quote() -> None:
    short, long = Desk(AROUND_100), Desk(AROUND_100)

    short.trade("sell", 4, leverage=2)
    long.trade("buy", 4, leverage="1.5")

    assert short.entries("loan") == [("lender", "XRP", -4), ("account", "XRP", 4)]
    assert long.entries("loan") == [("lender", "USD", -404), ("account", "USD", 404)]
    assert short.entries("opening_fee") == [("account", "USD", -396 * LENDING_XRP), ("fees", "USD", 396 * LENDING_XRP)]


def test_closing_a_part_pays_back_its_part() -> None:
    desk = Desk(AROUND_100)
    desk.trade("buy", 4, leverage="1.5")

    desk.trade("sell", 1)

    assert desk.loan("USD") == 303
    assert desk.entries("repayment") == [("account", "USD", -101), ("lender", "USD", 101)]
    assert desk.position().margin == 303 / D("1.5")


def test_a_short_is_never_bought_back_with_what_another_loan_bought() -> None:
    cross = instrument("XRP/BTC", price_decimals=4, cost_min=D("0.0001"))
    scene = Scene(instrument("BTC/USD"), cross)
    desk = Desk({"BTC/USD": at(100), "XRP/BTC": "101 x 90000\n---\n99 x 90000"}, scene=scene, symbols=("XRP/BTC",))
    desk.trade("buy", 5, leverage="1.5", symbol="BTC/USD")
    desk.trade("sell", 500, leverage=2, symbol="XRP/BTC")
    desk.show({"XRP/BTC": "121 x 90000\n---\n119 x 90000"})

    desk.trade("buy", 500, symbol="XRP/BTC")
    assert desk.balance("BTC") == 5
    assert desk.loan("BTC") == 500 * (D("0.0121") * (1 + FEE) - D("0.0099") * (1 - FEE - LENDING_XRP))
    desk.trade("sell", 5, symbol="BTC/USD")

    assert (desk.balance("BTC"), desk.position("BTC/USD").lots) == (0, 0)


def test_what_closing_does_not_bring_in_is_owed_until_money_comes_in() -> None:
    scene = Scene(instrument("XRP/USD"), instrument("BTC/USD"))
    desk = Desk({"XRP/USD": AROUND_100, "BTC/USD": at(1000)}, scene=scene, funding_currency="BTC")
    desk.trade("buy", 4, leverage="1.5")
    desk.show({"XRP/USD": at(91)})

    desk.trade("sell", 4)

    assert desk.balance("USD") == 0
    assert desk.loan("USD") == 404 * (1 + FEE + LENDING_USD) - 360 * (1 - FEE)
    assert desk.worth.mid_equity == 1000 - desk.loan("USD")

    desk.trade("sell", "0.1", symbol="BTC/USD")
    assert desk.loan("USD") == 0


def test_more_leverage_than_the_instrument_allows_is_refused() -> None:
    terms = MarginTerms(limits_by_symbol={"XRP/USD": LeverageLimits(D(0), D("1.2"))})
    desk = Desk(AROUND_100, margin=terms)

    desk.trade("buy", 1, leverage=1)
    desk.trade("sell", 1, leverage="1.5")
    desk.trade("sell", 1, leverage="0.5")

    assert [order.refusal.code for order in desk.refused] == ["no_margin", "leverage_limit", "leverage_limit"]
    assert desk.refused[1].refusal.sentence == "the leverage is 1.5; XRP/USD short allows from 1 to 1.2"


def test_terms_under_which_a_full_position_would_be_closed_at_once_are_refused() -> None:
    with pytest.raises(ValueError, match=r"the equity is 20.0 % of the position"):
        lending(long=5)


# What lending costs


def test_lending_is_charged_every_four_hours_since_the_opening() -> None:
    desk = Desk(AROUND_100)
    desk.trade("sell", 4, leverage=2)

    desk.wait(3.9)
    assert desk.entries("rollover") == []
    desk.wait(0.1)
    desk.wait(4)

    fee = 396 * LENDING_XRP
    assert desk.entries("rollover") == [("account", "USD", -fee), ("fees", "USD", fee)] * 2
    assert desk.engine.account.state.interest == 3 * fee


def test_missing_frames_neither_lose_nor_double_a_rollover() -> None:
    watched, away = Desk(AROUND_100), Desk(AROUND_100)
    for desk in (watched, away):
        desk.trade("sell", 4, leverage=2)

    for _ in range(90):
        watched.wait(0.1)
    away.wait(9)

    entries = [[e for o in desk.outcomes for e in o.entries if e.kind == "rollover"] for desk in (watched, away)]
    assert [(e.entry_id, e.amount, e.time_ns) for e in entries[0]] == [
        (e.entry_id, e.amount, e.time_ns) for e in entries[1]
    ]
    assert len(entries[0]) == 4
    assert watched.balance("USD") == away.balance("USD")


def test_a_rollover_due_while_nobody_watched_is_charged_before_the_position_closes() -> None:
    desk = Desk(AROUND_100)
    desk.trade("sell", 4, leverage=2)

    desk.order("buy", 4)
    outcome = desk.wait(4.5)

    (trip,) = outcome.trips
    assert trip.result == 396 - 404 - (396 + 404) * FEE - 2 * 396 * LENDING_XRP
    assert desk.balance("USD") == 1000 + trip.result


def test_each_loan_is_charged_by_its_own_clock_at_the_rate_it_was_taken_up_at() -> None:
    desk = Desk(AROUND_100)
    desk.trade("sell", 1, leverage=2)
    desk.wait(2)
    desk.trade("sell", 2, leverage=2)

    desk.wait(2)
    one = len(desk.entries("rollover"))
    desk.wait(2)

    assert (one, len(desk.entries("rollover"))) == (2, 4)
    assert desk.entries("rollover")[-1] == ("fees", "USD", 198 * LENDING_XRP)


# Call, liquidation, bankruptcy


def test_margin_is_called_once_below_eighty_percent_and_restored_above() -> None:
    desk = Desk(at(100), margin=lending(maintenance_pct=D(0)))
    desk.trade("sell", 19, leverage=2)
    level = desk.engine.account.buying_power.standing(desk.snapshot).level_pct
    assert 100 < level < 106

    desk.show(at(112))
    desk.show(at(113))
    desk.show(at(100))

    assert kinds(desk) == ["margin_call", "margin_restored"]
    assert 70 < desk.events[0].level_pct < 80


def test_below_forty_percent_the_exchange_closes_the_position() -> None:
    desk = Desk(at(100), margin=lending(maintenance_pct=D(0)))
    desk.trade("sell", 19, leverage=2)

    outcome = desk.show(at(135))

    assert kinds(desk) == ["margin_call", "liquidation", "margin_restored"]
    assert desk.fills[-1] == ("buy", D(19), D(136))
    assert [o.purpose for o in outcome.orders.values()] == ["liquidation"]
    assert outcome.trips[0].result == desk.balance("USD") - 1000
    assert (desk.loan("XRP"), desk.engine.account.state.loans) == (0, {})


def test_a_position_grown_beyond_four_times_the_equity_is_closed_too() -> None:
    desk = Desk(at(100))
    desk.trade("sell", 19, leverage=2)
    desk.show(at(119))
    assert len(desk.fills) == 1

    desk.show(at(122))

    assert desk.fills[-1] == ("buy", D(19), D(123))
    assert desk.events[-2].level_pct > 40


def test_what_the_book_cannot_absorb_goes_on_in_the_next_frame() -> None:
    desk = Desk(at(100))
    desk.trade("sell", 19, leverage=2)

    desk.show(at(135, 500))
    desk.show(at(136, 500))
    desk.show(at(137, 2000))

    assert desk.fills[1:] == [("buy", D(5), D(136)), ("buy", D(5), D(137)), ("buy", D(9), D(138))]
    assert len(desk.trips) == 1
    assert len({o.order_id for out in desk.outcomes for o in out.orders.values() if o.purpose == "liquidation"}) == 3


def two_pairs() -> Desk:
    scene = Scene(instrument("XRP/USD"), instrument("BTC/USD"))
    desk = Desk({"XRP/USD": at(100), "BTC/USD": at(1000)}, scene=scene, symbols=("XRP/USD", "BTC/USD"))
    desk.order("sell", 6, leverage=2, symbol="XRP/USD")
    desk.order("sell", "1.2", leverage=2, symbol="BTC/USD")
    desk.show()
    return desk


def test_the_position_that_binds_most_margin_is_closed_first_and_no_more_than_needed() -> None:
    desk = two_pairs()

    desk.show({"XRP/USD": at(130), "BTC/USD": at(1300)})

    assert [event.symbol for event in desk.events if event.kind == "liquidation"] == ["BTC/USD"]
    assert (desk.position("BTC/USD").lots, desk.position("XRP/USD").lots) == (0, -600)


def test_a_position_that_cannot_be_traded_waits_and_the_others_are_closed() -> None:
    desk = two_pairs()

    desk.show({"XRP/USD": at(160), "BTC/USD": at(1300)}, statuses={"BTC/USD": "cancel_only"})
    assert (desk.position("BTC/USD").lots, desk.position("XRP/USD").lots) == (-120, 0)
    desk.show(statuses={"BTC/USD": "online"})

    assert desk.position("BTC/USD").lots == 0


def test_what_was_bought_with_own_money_is_kept_while_a_loan_waits_to_be_closed() -> None:
    scene = Scene(instrument("XRP/USD"), instrument("BTC/USD"))
    desk = Desk({"XRP/USD": at(100), "BTC/USD": at(1000)}, scene=scene, symbols=("XRP/USD", "BTC/USD"))
    desk.trade("buy", "0.3", symbol="BTC/USD")
    desk.trade("sell", 15, leverage=2)

    desk.show({"XRP/USD": at(150)}, statuses={"XRP/USD": "cancel_only"})
    assert (desk.position("BTC/USD").lots, desk.position().lots) == (30, -1500)
    desk.show(statuses={"XRP/USD": "online"})

    assert (desk.position("BTC/USD").lots, desk.position().lots) == (30, 0)


def test_a_liquidation_ends_the_accounts_other_orders() -> None:
    desk = Desk(at(100))
    desk.trade("sell", 19, leverage=2)
    desk.trade("sell", "0.1", leverage=2, limit=200)

    desk.show(at(135))

    assert [order.refusal.code for order in desk.refused] == ["liquidation"]
    assert desk.engine.open_orders == {}


def test_an_account_that_owes_more_than_it_has_is_bankrupt_and_nothing_is_forgiven() -> None:
    desk = Desk(at(100))
    desk.trade("sell", 19, leverage=2)

    desk.show(at(180))

    lost = 19 * (181 - 99) + 19 * (181 + 99) * FEE + 19 * 99 * LENDING_XRP
    assert kinds(desk)[-1] == "bankrupt"
    assert (desk.balance("USD"), desk.loan("USD")) == (0, lost - 1000)
    assert desk.worth.equity == 1000 - lost
    assert desk.engine.figures.drawdown_pct > 100


def test_what_happened_to_an_account_is_said_in_sentences() -> None:
    desk = Desk(at(100))
    desk.trade("sell", 19, leverage=2)

    desk.show(at(180))

    assert [event.sentence for event in desk.events] == [
        "margin call: the margin level is -58.1 %, the equity -546.90",
        "the exchange closes XRP/USD: the margin level is -58.1 %, the equity -546.90",
        "bankrupt: all is closed, and 579.66 more is owed than there is",
    ]


def test_a_bankrupt_account_trades_no_more_until_its_owner_pays_in() -> None:
    desk = Desk(at(100))
    desk.trade("sell", 19, leverage=2)
    desk.show(at(180))

    desk.trade("buy", "0.1")
    assert [order.refusal.code for order in desk.refused] == ["bankrupt"]
    debt = desk.loan("USD")
    desk.engine.account.deposit("topped-up", "USD", D(2000), desk.snapshot)
    desk.trade("buy", 1)

    assert desk.fills[-1] == ("buy", D(1), D(181))
    assert desk.balance("USD") == 2000 - debt - 181 * (1 + FEE)


def test_a_fee_for_liquidation_is_charged_when_the_terms_have_one() -> None:
    desk = Desk(at(100), margin=lending(liquidation_bps=D(100)))
    desk.trade("sell", 19, leverage=2)

    outcome = desk.show(at(135))

    fee = 19 * 136 * D("0.01")
    assert desk.entries("liquidation_fee") == [("account", "USD", -fee), ("fees", "USD", fee)]
    assert outcome.trips[0].result == desk.balance("USD") - 1000


def test_a_strategy_hears_of_the_fills_of_a_liquidation() -> None:
    received: list[str] = []
    desk = Desk(at(100))
    object.__setattr__(desk.engine.strategy, "on_fill", lambda fill, state: received.append(fill.reason))
    desk.trade("sell", 19, leverage=2)

    desk.show(at(135))

    assert received == ["", "liquidation"]
