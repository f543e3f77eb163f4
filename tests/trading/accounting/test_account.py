"""What is paid in and out, and what an account tells of itself."""

from __future__ import annotations

from decimal import Decimal as D

import msgspec
import pytest

from tests.desk import Desk
from tests.drawing import Scene, instrument
from trading.accounting.ledger import InsufficientFunds
from trading.accounting.positions import MAX_LAYERS
from trading.engine import Engine
from trading.performance.returns import return_pct
from trading.portfolio import Portfolio

AROUND_100 = "101 x 90000\n---\n99 x 90000"
FEE = D("0.004")


def test_assets_beside_cash_are_paid_in_at_mid_and_are_no_profit() -> None:
    scene = Scene(instrument("XRP/USD"), instrument("BTC/USD"))
    desk = Desk({"XRP/USD": AROUND_100}, scene=scene, assets={"XRP": D(3), "BTC": D("0.5")})
    assert desk.engine.account.state.balances == {}

    desk.show({"BTC/USD": "1001 x 90000\n---\n999 x 90000"})

    account = desk.engine.account
    assert account.state.balances == {"USD": 1000, "XRP": 3, "BTC": D("0.5")}
    assert account.state.stake == 1000 + 300 + 500
    assert return_pct(desk.worth.mid_equity - account.state.stake, account.state.paid_in) == 0
    assert sum(amount for party, _, amount in desk.entries("deposit") if party == "owner") == -D("1003.5")


def test_an_asset_that_was_paid_in_can_be_sold_and_realises_its_fee() -> None:
    desk = Desk(AROUND_100, assets={"XRP": D(3)})

    desk.trade("sell", 3)

    assert desk.balance("USD") == 1000 + 297 * (1 - FEE)
    assert desk.engine.account.state.realised == -297 * FEE


def test_paying_in_and_taking_out_are_neither_profit_nor_loss() -> None:
    desk = Desk(AROUND_100)
    account = desk.engine.account
    desk.trade("buy", 5)
    desk.show("111 x 90000\n---\n109 x 90000")
    before = return_pct(desk.worth.equity - account.state.stake, account.state.paid_in)

    account.deposit("topped-up", "USD", D(1000), desk.snapshot)
    account.withdraw("taken-out", "USD", D(1000), desk.snapshot)

    after = return_pct(desk.worth.equity - account.state.stake, account.state.paid_in)
    assert after == before / 2  # of twice as much that was paid in
    assert account.state.stake == 1000
    assert [payment.value for payment in account.state.payments] == [1000, 1000, -1000]
    assert account.state.payments[-1].time_ns == desk.snapshot.time_ns


def test_a_withdrawal_is_no_drawdown_and_a_deposit_no_new_peak() -> None:
    desk = Desk(AROUND_100)
    desk.trade("buy", 5)
    for _ in range(12):
        desk.show("91 x 90000\n---\n89 x 90000")
    drawdown = desk.engine.figures.drawdown_pct
    assert drawdown > 5

    desk.engine.account.withdraw("taken-out", "USD", D(300), desk.snapshot)
    for _ in range(12):
        desk.show()
    assert abs(desk.engine.figures.drawdown_pct - drawdown) < D("1e-20")
    desk.engine.account.deposit("topped-up", "USD", D(3000), desk.snapshot)
    for _ in range(12):
        desk.show()

    assert abs(desk.engine.figures.drawdown_pct - drawdown) < D("1e-20")
    assert desk.engine.figures.max_drawdown_pct < drawdown + D("1e-20")


def test_what_secures_a_loan_cannot_be_taken_out() -> None:
    desk = Desk(AROUND_100)
    desk.trade("sell", 15, leverage=2)

    with pytest.raises(InsufficientFunds, match="USD secure what the account owes"):
        desk.engine.account.withdraw("taken-out", "USD", D(500), desk.snapshot)
    with pytest.raises(InsufficientFunds, match="are needed; the account holds"):
        desk.engine.account.withdraw("taken-out", "USD", D(2000), desk.snapshot)

    desk.engine.account.withdraw("taken-out", "USD", D(100), desk.snapshot)
    assert desk.balance("USD") > 2300


def test_nothing_and_what_has_no_price_cannot_be_paid_in() -> None:
    desk = Desk(AROUND_100)

    for amount, currency, words in (
        (D(0), "USD", "above zero"),
        (D("NaN"), "USD", "above zero"),
        (D(1), "EUR", "known"),
    ):
        with pytest.raises(ValueError, match=words):
            desk.engine.account.deposit("x", currency, amount, desk.snapshot)


def test_what_an_account_did_through_one_instrument() -> None:
    scene = Scene(instrument("XRP/USD"), instrument("BTC/USD"))
    desk = Desk({"XRP/USD": AROUND_100, "BTC/USD": "1001 x 9000\n---\n999 x 9000"}, scene=scene)
    desk.trade("buy", 1)
    desk.trade("buy", "0.1", symbol="BTC/USD")
    desk.show({"XRP/USD": "201 x 90000\n---\n199 x 90000"})
    desk.trade("buy", 1)
    desk.trade("sell", 1)

    figures = desk.engine.account.figures_of("XRP/USD", desk.snapshot)

    fees = (101 + 201 + 199) * FEE
    assert (figures.tally.fills, figures.tally.volume, figures.tally.fees) == (3, 501, fees)
    assert figures.tally.realised == 199 - 151 - (151 + 199) * FEE
    assert figures.tally.first_in_realised == 199 - 101 - (101 + 199) * FEE
    assert figures.unrealised == 200 - 151 - 151 * FEE
    assert (figures.exposure, figures.tally.round_trips, figures.tally.wins) == (200, 0, 0)


def test_the_exposure_of_a_short_is_below_zero() -> None:
    desk = Desk(AROUND_100)

    desk.trade("sell", 2, leverage=2)

    assert desk.engine.account.figures_of("XRP/USD", desk.snapshot).exposure == -200
    assert desk.worth.exposure == 200


def test_average_cost_and_first_in_first_out_differ_on_the_way_and_agree_at_the_end() -> None:
    desk = Desk(AROUND_100)
    desk.trade("buy", 1)
    desk.show("201 x 90000\n---\n199 x 90000")
    desk.trade("buy", 2)
    desk.trade("sell", 1)
    tally = desk.engine.account.tally("XRP/USD")
    first = (tally.realised, tally.first_in_realised)

    desk.trade("sell", 2)

    assert first[0] != first[1]
    assert tally.realised == tally.first_in_realised == desk.trips[0].result


def test_a_position_remembers_so_many_openings_apart_and_loses_no_money_beyond() -> None:
    desk = Desk("101 x 9000000\n---\n99 x 9000000", stake=D(10_000))

    for _ in range(MAX_LAYERS + 20):
        desk.trade("buy", "0.01")

    position = desk.position()
    assert len(position.layers) == MAX_LAYERS
    assert sum(layer.cost for layer in position.layers) == position.cost
    assert sum(layer.lots for layer in position.layers) == position.lots


def test_a_strategy_reads_its_short_as_less_than_nothing() -> None:
    desk = Desk(AROUND_100)
    desk.trade("sell", 2, leverage=2)

    portfolio = Portfolio(desk.engine.account, (), desk.snapshot)
    holding = portfolio.position("XRP/USD")

    assert (holding.qty, holding.average_price) == (-2, 99)
    assert (portfolio.value("XRP/USD"), portfolio.owed("XRP")) == (-200, 2)
    assert (portfolio.worth("XRP", 0.5), portfolio.worth("USD", 7)) == (50, 7)
    assert 900 < portfolio.margin_level_pct < 1100


def test_the_figures_of_a_mark_tell_what_is_owed_and_the_margin_level() -> None:
    desk = Desk(AROUND_100)
    desk.trade("sell", 4, leverage=2)
    figures = desk.engine.figures

    assert (figures.owed, figures.used_margin) == (400, 198)
    assert figures.margin_level_pct == figures.mid_equity / 198 * 100

    desk.trade("buy", 4)
    assert (figures.owed, figures.used_margin, figures.margin_level_pct) == (0, 0, None)


def test_a_checkpoint_from_before_there_were_loans_goes_on() -> None:
    desk = Desk(AROUND_100)
    for _ in range(10):
        desk.trade("buy", "0.5")
    saved = msgspec.msgpack.decode(desk.engine.checkpoint())
    for name in ("loans", "payments", "tallies", "interest", "is_called", "bankrupt_ns"):
        del saved["account"][name]
    for name in ("layers", "loans"):
        del saved["account"]["positions"]["XRP/USD"][name]
    for name in ("stake", "owed", "used_margin", "margin_level_pct"):
        del saved["figures"][name]

    desk.engine = Engine.resume(desk.engine.strategy, {}, desk.engine.terms, msgspec.msgpack.encode(saved))
    for _ in range(10):
        desk.show()
    desk.trade("sell", 5)

    assert desk.trips[0].result == (99 - 101) * 5 - (99 + 101) * 5 * FEE
    assert desk.engine.figures.peak_equity == 1000
    assert desk.engine.figures.stake == 1000
