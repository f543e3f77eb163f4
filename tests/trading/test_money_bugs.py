"""The ways in which a paper exchange is known to print money, one by one: none of them does here."""

from __future__ import annotations

from decimal import Decimal as D

from tests.desk import Desk, lending
from tests.drawing import Scene, instrument
from tests.making import Bench
from trading.performance.trips import profit_factor, win_rate_pct
from trading.signals import Signal, SizeUnit

AROUND_100 = "101 x 90000\n---\n99 x 90000"
FEE = D("0.004")
LENDING_XRP = D("0.0002")
LENDING_USD = D("0.00025")


def test_a_short_is_not_profit() -> None:
    desk = Desk(AROUND_100)

    desk.trade("sell", 5, leverage=2)

    fees = 495 * (FEE + LENDING_XRP)
    assert desk.balance("USD") == 1000 + 495 - fees
    assert desk.loan("XRP") == 5
    assert desk.worth.mid_equity == 1000 - fees - 5  # half the spread of five coins
    assert desk.worth.equity == 1000 + 495 - fees - 505 * (1 + FEE)
    assert desk.trips == []


def test_leverage_prints_no_money() -> None:
    desk = Desk(AROUND_100, margin=lending(long=5, maintenance_pct=D(10)))

    desk.trade("buy", 40, leverage=5)
    desk.show("102 x 90000\n---\n101 x 90000")
    desk.trade("sell", 40)

    lost = 4040 * (2 * FEE + LENDING_USD)
    assert desk.fills == [("buy", D(40), D(101)), ("sell", D(40), D(101))]
    assert desk.balance("USD") == 1000 - lost
    assert desk.trips[0].result == -lost
    assert desk.engine.account.state.loans == {}


def test_four_orders_cannot_exceed_the_leverage_of_one() -> None:
    desk = Desk(AROUND_100)

    for _ in range(4):
        desk.order("buy", 7, leverage="1.5")
    desk.show()

    assert [order.refusal.code for order in desk.refused] == ["insufficient_margin"] * 2
    assert desk.position().lots == 1400
    assert desk.worth.exposure <= D("1.5") * desk.worth.mid_equity


def test_four_orders_at_rest_cannot_exceed_the_leverage_of_one_when_they_fill() -> None:
    desk = Desk(AROUND_100)

    for price in (98, 97, 96, 95):
        desk.order("buy", 4, leverage="1.5", limit=price)
    desk.show()
    desk.show("93 x 90000\n---\n92 x 90000", trades="sell 92 x 90000")

    assert desk.worth.exposure <= D("1.5") * desk.worth.mid_equity


def test_spot_and_margin_together_cannot_exceed_the_leverage_of_one() -> None:
    desk = Desk(AROUND_100)

    desk.trade("buy", 9)
    desk.trade("buy", 9, leverage="1.5")
    desk.trade("buy", 4, leverage="1.5")

    assert [order.refusal.code for order in desk.refused] == ["insufficient_margin"]
    assert desk.worth.exposure <= D("1.5") * desk.worth.mid_equity


def test_the_proceeds_of_a_short_cannot_be_spent() -> None:
    desk = Desk(AROUND_100)
    desk.trade("sell", 9, leverage=2)

    desk.trade("buy", 11, limit=98, symbol="XRP/USD")
    desk.trade("buy", 20, symbol="XRP/USD")

    cash = 1000 + 891 * (1 - FEE - LENDING_XRP)
    assert desk.fills[1:] == []
    assert [order.refusal.code for order in desk.refused] == ["insufficient_funds"]
    assert desk.balance("USD") == cash


def cross_pair() -> Desk:
    scene = Scene(instrument("BTC/USD"), instrument("XRP/BTC", price_decimals=6, cost_min=D("0.00002"), qty_decimals=2))
    return Desk(
        {"BTC/USD": "60001 x 900\n---\n59999 x 900", "XRP/BTC": "26 x 90000\n---\n24 x 90000"},
        scene=scene,
        symbols=("XRP/BTC",),
    )


def test_fifteen_dollars_wanted_of_a_cross_pair_are_fifteen_dollars_bought() -> None:
    scene = Scene(instrument("BTC/USD"), instrument("XRP/BTC", price_decimals=5, qty_decimals=4, cost_min=D("0.0001")))
    signal = Signal.buy("XRP/BTC", 15, size_in=SizeUnit.ACCOUNT)
    b = Bench(signal, scene=scene, funding_currency="BTC", symbols=("XRP/BTC",))
    b.show({"BTC/USD": "50001 x 900\n---\n49999 x 900", "XRP/BTC": "3 x 9000000\n---\n1 x 90000"})

    b.show()
    b.show()

    ((side, qty, price),) = b.fills
    assert (side, price * qty * 50_000) == ("buy", 15)


def test_fifteen_dollars_of_a_cross_pair_are_fifteen_dollars() -> None:
    desk = cross_pair()

    desk.trade("buy", 10, leverage=1, symbol="XRP/BTC")

    owed = 10 * D("0.000026") * (1 + FEE + D("0.0001"))  # nothing was held in BTC: the fees are owed, too
    assert desk.engine.account.figures_of("XRP/BTC", desk.snapshot).exposure == 15
    assert desk.loan("BTC") == owed
    assert desk.worth.mid_equity == 1000 + 15 - owed * 60_000


def test_fifteen_dollars_of_a_cross_pair_owed_are_fifteen_dollars_owed() -> None:
    desk = cross_pair()

    desk.trade("sell", 10, leverage=2, symbol="XRP/BTC")

    assert desk.loan("XRP") == 10
    assert desk.worth.owed == 10 * D("0.000025") * 60_000 == 15
    assert desk.balance("BTC") == 10 * D("0.000024") * (1 - FEE - LENDING_XRP)


def test_a_stop_closes_the_whole_position_once() -> None:
    b = Bench(Signal.buy("XRP/USD", 5, size_in=SizeUnit.BASE, stop_loss=90), None, None)
    b.show(AROUND_100)
    b.show()
    b.show()
    for _ in range(3):
        b.show("91 x 90000\n---\n89 x 90000", trades="sell 89 x 10")

    assert b.fills == [("buy", D(5), D(101)), ("sell", D(5), D(89))]
    assert b.balance("XRP") == 0


def test_buying_over_a_short_covers_it_and_opens_only_the_rest() -> None:
    desk = Desk(AROUND_100)
    desk.trade("sell", 5, leverage=2)

    outcome = desk.trade("buy", 8)

    assert desk.loan("XRP") == 0
    assert (desk.position().lots, desk.balance("XRP")) == (300, 3)
    (trip,) = outcome.trips
    assert (trip.side, trip.entry_price, trip.exit_price, trip.qty) == ("sell", 99, 101, 5)
    assert trip.result == 495 - 505 - 495 * (FEE + LENDING_XRP) - 505 * FEE
    assert desk.position().cost == 303
    assert desk.position().entry_fees == 303 * FEE


def test_selling_over_a_long_closes_it_and_shorts_only_the_rest() -> None:
    desk = Desk(AROUND_100)
    desk.trade("buy", 5)

    outcome = desk.trade("sell", 8, leverage=2)

    assert (desk.loan("XRP"), desk.balance("XRP")) == (3, 0)
    assert desk.position().lots == -300
    assert [trip.side for trip in outcome.trips] == ["buy"]


def test_a_spot_sale_never_opens_a_short() -> None:
    desk = Desk(AROUND_100)
    desk.trade("buy", 5)

    desk.trade("sell", 8)

    assert [order.refusal.code for order in desk.refused] == ["insufficient_funds"]
    assert desk.engine.account.state.loans == {}


def test_equity_counts_what_is_owed() -> None:
    desk = Desk(AROUND_100)

    desk.trade("buy", 14, leverage="1.5")

    fees = 1414 * (FEE + LENDING_USD)
    assert desk.balance("USD") == 1000 - fees
    assert (desk.balance("XRP"), desk.loan("USD")) == (14, 1414)
    assert desk.worth.equity == 1000 - fees - 1414 + 14 * 99 * (1 - FEE)
    assert desk.worth.owed == 1414


def test_the_win_rate_counts_round_trips_and_not_fills() -> None:
    desk = Desk(AROUND_100)
    account = desk.engine.account.state
    for qty in (1, 2, 3):
        desk.trade("buy", qty)
    desk.show("131 x 90000\n---\n130 x 90000")
    desk.trade("sell", 2)
    assert win_rate_pct(account.wins, account.round_trips) is None

    desk.trade("sell", 4)
    desk.trade("buy", 1)
    desk.trade("sell", 1)

    assert len(desk.fills) == 7
    assert (account.round_trips, account.wins) == (2, 1)
    assert win_rate_pct(account.wins, account.round_trips) == 50


def won_and_lost(desk: Desk) -> tuple[D, D]:
    tallies = desk.engine.account.state.tallies.values()
    return sum((tally.won for tally in tallies), D(0)), sum((tally.lost for tally in tallies), D(0))


def test_the_profit_factor_without_a_loss_is_unknown() -> None:
    desk = Desk(AROUND_100)
    assert profit_factor(*won_and_lost(desk)) is None
    desk.trade("buy", 1)
    desk.show("131 x 90000\n---\n130 x 90000")
    desk.trade("sell", 1)

    assert profit_factor(*won_and_lost(desk)) is None

    desk.trade("buy", 1)
    desk.trade("sell", 1)
    won, lost = (trip.result for trip in desk.trips)
    assert profit_factor(*won_and_lost(desk)) == won / -lost
