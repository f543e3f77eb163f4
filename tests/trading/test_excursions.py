"""How far a round trip went against us (MAE) and for us (MFE) before it ended."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.desk import Desk
from tests.laws import law
from tests.making import make_strategy, make_terms
from tests.markets import PAIRS, Violent, give_orders
from trading.engine import Engine
from trading.market import Market


def at(price: int) -> str:
    return f"{price + 1} x 90000\n---\n{price - 1} x 90000"


def pass_to(desk: Desk, price: int) -> None:
    """Let the market stand at ``price`` until it has been marked."""
    for _ in range(10):
        desk.show(at(price))


def test_a_long_remembers_its_worst_and_its_best_mid() -> None:
    desk = Desk(at(100))
    desk.trade("buy", 2)  # at 101

    for price in (110, 90, 105):
        pass_to(desk, price)
    desk.trade("sell", 2)  # at 104

    (trip,) = desk.trips
    assert (trip.mae, trip.mfe) == (2 * (90 - 101), 2 * (110 - 101))
    assert trip.entry_cost == 202


def test_a_short_loses_when_the_price_rises() -> None:
    desk = Desk(at(100))
    desk.trade("sell", 2, leverage=1)  # at 99

    for price in (110, 90):
        pass_to(desk, price)
    desk.trade("buy", 2)

    (trip,) = desk.trips
    assert (trip.mae, trip.mfe) == (2 * (99 - 110), 2 * (99 - 90))


def test_what_was_closed_on_the_way_counts_with_what_it_brought() -> None:
    desk = Desk(at(100))
    desk.trade("buy", 4)  # at 101
    desk.show(at(121))
    desk.trade("sell", 2)  # at 120: 38 are won for good

    pass_to(desk, 81)
    desk.trade("sell", 2)  # at 80

    (trip,) = desk.trips
    assert (trip.mfe, trip.mae) == (2 * 19 + 2 * 20, 2 * 19 - 2 * 21)


def test_where_it_ended_counts_too() -> None:
    desk = Desk(at(100))
    desk.trade("buy", 2)  # at 101

    desk.order("sell", 2)
    desk.show(at(80))

    assert desk.trips[0].mae == 2 * (79 - 101)


def test_an_open_position_shows_how_far_it_has_been() -> None:
    desk = Desk(at(100))
    desk.trade("buy", 2)

    pass_to(desk, 95)

    assert (desk.position().mae, desk.position().mfe) == (-12, 0)


def test_a_position_from_before_it_was_watched_does_not_pretend_to_know() -> None:
    desk = Desk(at(100))
    desk.trade("buy", 2)
    desk.position().mae = desk.position().mfe = None

    pass_to(desk, 90)
    desk.trade("sell", 2)

    assert (desk.trips[0].mae, desk.trips[0].mfe) == (None, None)


def test_a_trip_tells_the_rule_that_ended_it() -> None:
    desk = Desk(at(100))
    desk.trade("buy", 2, code="dip")

    desk.trade("sell", 2, code="target")

    assert desk.trips[0].exit_code == "target"
    assert [fill.code for outcome in desk.outcomes for fill in outcome.fills] == ["dip", "target"]


@law
@given(st.builds(Violent, st.integers(0, 2**32), st.integers(8, 30)), st.integers(0, 2**32))
def test_every_trip_ends_between_its_worst_and_its_best(frames: Any, seed: int) -> None:
    strategy = make_strategy(lambda data, config, state: None, symbols=tuple(p.symbol for p in PAIRS))
    engine, market, trips = Engine(strategy, {}, make_terms(symbols=strategy.symbols, stake=D(100))), Market(), []
    for frame in frames:
        market.fold(frame)
        if engine.account.is_funded:
            give_orders(engine, seed, market.snapshot())
        trips += engine.process(frame, market.snapshot()).trips

    for trip in trips:
        sign = 1 if trip.side == "buy" else -1
        gross = sign * trip.qty * (trip.exit_price - trip.entry_price)
        assert trip.mae is not None and trip.mfe is not None
        assert trip.mae <= 0 <= trip.mfe
        assert trip.mae - D("1e-9") <= gross <= trip.mfe + D("1e-9")
