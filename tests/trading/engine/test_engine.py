from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import numpy as np
import pytest

from tests.drawing import START_NS, Scene, instrument
from tests.making import Bench, make_strategy, make_terms
from trading.engine import MAX_ERRORS_IN_A_ROW, Engine
from trading.engine.risk import RiskLimits
from trading.signals import NoSignal, Signal, SizeUnit
from trading.snapshot import DataSnapshot

BOOK = "101 x 90000\n---\n99 x 90000"


def buy(qty: float = 1, **options: object) -> Signal:
    return Signal.buy("XRP/USD", qty, size_in="base", **options)


def test_the_stake_is_paid_in_once_at_the_first_frame() -> None:
    b = Bench()
    b.show(BOOK)
    b.show()

    entries = [entry for outcome in b.outcomes for entry in outcome.entries]

    assert [(e.party, e.currency, e.amount) for e in entries] == [("account", "USD", 1000), ("owner", "USD", -1000)]


def test_a_stake_in_another_currency_is_paid_in_at_mid_and_worth_what_it_fetches() -> None:
    scene = Scene(instrument("BTC/USD"), instrument("XRP/BTC"))
    b = Bench(scene=scene, funding_currency="BTC", symbols=("XRP/BTC",))
    b.show({"XRP/BTC": "2 x 9\n---\n1 x 9"})
    assert b.balance("BTC") == 0

    b.show({"BTC/USD": "210 x 90000\n---\n190 x 90000"})

    assert b.balance("BTC") == 5
    assert b.engine.account.worth(scene.market.snapshot()).mid_equity == 1000
    assert b.engine.account.worth(scene.market.snapshot()).equity == 5 * 190 * D("0.996")


def test_fifteen_dollars_of_a_cross_pair_are_fifteen_dollars() -> None:
    scene = Scene(instrument("BTC/USD"), instrument("XRP/BTC"))
    signal = Signal.buy("XRP/BTC", 15, size_in=SizeUnit.ACCOUNT)
    b = Bench(signal, scene=scene, funding_currency="BTC", symbols=("XRP/BTC",))
    b.show({"BTC/USD": "3 x 90000\n---\n3 x 90000", "XRP/BTC": "2 x 90000\n---\n1 x 90000"})
    b.show()
    b.show()

    ((side, qty, price),) = b.fills

    assert (side, price * qty * 3) == ("buy", 15)


def test_a_round_trip_at_one_price_costs_exactly_its_fees() -> None:
    b = Bench(buy(2), None, Signal.sell("XRP/USD"))
    b.show("100 x 90000\n---\n99 x 90000")
    b.show()
    b.show()
    b.show("101 x 90000\n---\n100 x 90000")
    b.show()

    (trip,) = [trip for outcome in b.outcomes for trip in outcome.trips]

    assert trip.result == -(200 + 200) * D("0.004")
    assert b.balance("USD") == 1000 + trip.result
    assert (b.engine.account.state.round_trips, b.engine.account.state.wins) == (1, 0)


def test_equity_is_what_the_book_would_pay_now_less_the_fee() -> None:
    b = Bench(buy(2))
    b.show("100 x 90000\n---\n99 x 100\n90 x 100")
    b.show()
    b.show()

    worth = b.outcomes[-1].mark

    assert worth.equity == 1000 - 200 * D("1.004") + (99 + 90) * D("0.996")


def test_a_strategy_that_raises_is_recorded_and_halted_after_errors_in_a_row() -> None:
    def broken(data: DataSnapshot, config: Any, state: dict[str, Any]) -> None:
        raise RuntimeError("no idea")

    engine, scene = Engine(make_strategy(broken), {}, make_terms()), Scene()
    errors = [error for _ in range(9) for error in engine.process(*scene.show(BOOK)).errors]

    assert len(errors) == MAX_ERRORS_IN_A_ROW
    assert [e.halted for e in errors] == [False] * (MAX_ERRORS_IN_A_ROW - 1) + [True]
    assert errors[0].summary.startswith("RuntimeError: no idea (broken, line ")

    engine.lift_halt()
    assert engine.process(*scene.show(BOOK)).errors


def test_an_answer_that_is_no_signal_breaks_the_contract_and_says_so() -> None:
    b = Bench("buy!")
    b.show(BOOK)

    (error,) = b.show().errors

    assert "returned a str; expected Signal, Cancel, Amend, NoSignal or a list" in error.summary


def test_a_reason_for_each_symbol_is_counted_with_the_symbol() -> None:
    b = Bench([NoSignal("no_cross", symbol="XRP/USD"), NoSignal("stale_news")])
    b.show(BOOK)

    b.show()

    assert {code: n for code, n in b.engine.why.items() if code != "no_signal"} == {
        "no_cross XRP/USD": 1,
        "stale_news": 1,
    }


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ([buy(), "sell!"], "returned a list with a str; expected Signal, Cancel, Amend, NoSignal or a list"),
        ([buy()] * 21, "21 signals in one frame; at most 20 are taken"),
    ],
)
def test_a_list_is_taken_whole_or_not_at_all(answer: list[Any], complaint: str) -> None:
    b = Bench(answer)
    b.show(BOOK)

    outcome = b.show()

    assert complaint in outcome.errors[0].summary
    assert not outcome.orders


def test_what_a_strategy_is_shown_it_cannot_change() -> None:
    def forger(data: DataSnapshot, config: Any, state: dict[str, Any]) -> None:
        data.symbols = ("BTC/USD",)

    engine = Engine(make_strategy(forger), {}, make_terms())

    (error,) = engine.process(*Scene().show(BOOK)).errors

    assert "immutable" in error.summary


def test_a_strategy_draws_on_from_the_numbers_and_reads_one_portfolio_however_often_it_asks() -> None:
    seen: list[Any] = []

    def curious(data: DataSnapshot, config: Any, state: dict[str, Any]) -> None:
        seen.extend([data.rng.random() != data.rng.random(), data.portfolio is data.portfolio])

    Engine(make_strategy(curious), {}, make_terms()).process(*Scene().show(BOOK))

    assert seen == [True, True]


def test_a_misspelt_word_in_a_signal_is_the_strategys_error() -> None:
    def misspelt(data: DataSnapshot, config: Any, state: dict[str, Any]) -> Signal:
        return Signal.buy("XRP/USD", 1, order_type="limmit")

    engine = Engine(make_strategy(misspelt), {}, make_terms())

    (error,) = engine.process(*Scene().show(BOOK)).errors

    assert "'limmit' is not a valid OrderType" in error.summary


def test_reasons_not_to_trade_are_counted() -> None:
    b = Bench(NoSignal("inside_band"), NoSignal("inside_band"), None)
    for _ in range(4):
        b.show(BOOK)

    assert b.engine.why == {"no_signal": 2, "inside_band": 2}


def test_a_strategy_is_not_evaluated_while_its_data_is_stale_or_missing() -> None:
    b = Bench(buy(), symbols=("XRP/USD",))
    b.show(BOOK, statuses={"XRP/USD": "stale"})
    b.show()

    assert b.engine.why == {"stale_data": 2}


def test_a_strategy_waits_for_the_candles_it_needs() -> None:
    def eager(data: DataSnapshot, config: Any, state: dict[str, Any]) -> NoSignal:
        return NoSignal("evaluated")

    engine, scene = Engine(make_strategy(eager, warmup={"1m": 2}), {}, make_terms()), Scene()
    for _ in range(1900):
        engine.process(*scene.show(BOOK, trades="buy 101 x 1"))

    assert set(engine.why) == {"warming_up", "evaluated"}
    first = scene.sequence - engine.why["evaluated"] + 1
    assert first * 100_000_000 - START_NS == 120 * 10**9


def test_a_candle_strategy_is_evaluated_once_a_candle() -> None:
    def patient(data: DataSnapshot, config: Any, state: dict[str, Any]) -> NoSignal:
        return NoSignal(f"{len(data.candles('XRP/USD', '1m'))}")

    engine, scene = Engine(make_strategy(patient, trigger="candle:1m"), {}, make_terms()), Scene()
    for _ in range(1900):
        engine.process(*scene.show(BOOK, trades="buy 101 x 1"))

    assert engine.why == {"1": 1, "2": 1, "3": 1}


def test_random_numbers_depend_on_deployment_and_frame_alone() -> None:
    drawn: dict[str, list[float]] = {"a": [], "b": []}

    def gambler(slug: str) -> Any:
        return lambda data, config, state: drawn[slug].append(data.rng.random())

    for slug in ("a", "b", "a"):
        engine, scene = Engine(make_strategy(gambler(slug)), {}, make_terms(slug=slug)), Scene()
        for _ in range(3):
            engine.process(*scene.show(BOOK))

    assert drawn["a"][:3] == drawn["a"][3:]
    assert not np.intersect1d(drawn["a"], drawn["b"]).size


def limited(*answers: object, **limits: object) -> Bench:
    b = Bench(*answers, risk=RiskLimits(**limits))
    b.show(BOOK)
    return b


def refusals(b: Bench, frames: int) -> list[str]:
    for _ in range(frames):
        b.show()
    return [order.refusal.code for order in b.refused]


def test_risk_limits_refuse_entries_and_never_exits() -> None:
    assert refusals(limited(buy(2), max_position=D(150)), 2) == ["max_position"]
    assert refusals(limited(buy(1), None, buy(1), max_position=D(150)), 4) == ["max_position"]
    assert refusals(limited(buy(2), max_exposure=D(150)), 2) == ["max_exposure"]
    assert refusals(limited(buy(1), buy(1), max_orders_per_minute=1), 4) == ["order_rate"]
    assert refusals(limited(buy(1), None, Signal.sell("XRP/USD"), max_position=D(150)), 5) == []


def test_a_daily_loss_and_a_drawdown_stop_entries() -> None:
    for limits, code in (
        ({"max_daily_loss": D(5)}, "max_daily_loss"),
        ({"max_drawdown_pct": D("0.5")}, "max_drawdown"),
    ):
        b = Bench(buy(5), *[None] * 25, buy(1), None, Signal.sell("XRP/USD"), risk=RiskLimits(**limits))
        for _ in range(12):
            b.show(BOOK)
        for _ in range(20):
            b.show("91 x 90000\n---\n89 x 90000")

        assert [order.refusal.code for order in b.refused] == [code]
        assert b.fills[-1][0] == "sell"


def test_the_same_refusal_is_one_row_a_minute_and_counted_always() -> None:
    b = Bench(*[Signal.sell("XRP/USD")] * 700)
    for _ in range(701):
        b.show(BOOK)

    assert len(b.refused) == 2
    assert b.engine.figures.refusals == 700


def test_a_fill_reaches_the_strategy_stops_included() -> None:
    seen: list[str] = []
    strategy = make_strategy(
        lambda data, config, state: buy(1, stop_loss=90) if not state.setdefault("bought", []) else None,
        on_fill=lambda fill, state: (seen.append(fill.reason), state["bought"].append(1)),
    )
    engine, scene = Engine(strategy, {}, make_terms(latency_ms=0)), Scene()
    engine.process(*scene.show(BOOK))
    engine.process(*scene.show(BOOK))
    engine.process(*scene.show("91 x 90000\n---\n89 x 90000", trades="sell 89 x 1"))

    assert [reason.split(" of ")[0] for reason in seen] == ["", "stop loss"]
