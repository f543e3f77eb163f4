"""A day of the simulated market, all of the library side by side: each trades, none is stuck, and it replays."""

from __future__ import annotations

import pytest

from strategies import registry
from tests.simulated import LIVELY, engine_of, simulated_frames
from trading.fees import Liquidity
from trading.fills import Fill, digest
from trading.frames import Frame
from trading.market import Market

pytestmark = pytest.mark.slow
STRIDE_S = 30
FRAMES = 24 * 3_600 // STRIDE_S
NAMES = sorted(registry.found())


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    return simulated_frames(FRAMES, every_s=STRIDE_S)


def traded(frames: list[Frame]) -> tuple[list[tuple[str, Fill]], list[str], dict[str, int]]:
    """Return every fill, every error, and in which of the day's frames each was asked last."""
    engines, market = {name: engine_of(name) for name in NAMES}, Market()
    fills: list[tuple[str, Fill]] = []
    errors: list[str] = []
    for frame in frames:
        market.fold(frame)
        snapshot = market.snapshot()
        for name, engine in engines.items():
            outcome = engine.process(frame, snapshot)
            fills += [(name, fill) for fill in outcome.fills]
            errors += [f"{name}: {error.summary}" for error in outcome.errors]
    return fills, errors, {name: engine.state.asked_ns for name, engine in engines.items()}


def test_every_strategy_trades_on_a_day_without_an_error_and_the_day_replays_to_the_same_fills(
    frames: list[Frame],
) -> None:
    fills, errors, asked_ns = traded(frames)

    assert errors == []
    assert {name for name, _ in fills} == set(NAMES)
    assert [name for name, last_ns in asked_ns.items() if frames[-1].time_ns - last_ns > 3_600 * 10**9] == []
    assert digest(traded(frames)[0]) == digest(fills)


def test_the_market_maker_earns_spreads_beyond_its_fees_with_its_usual_numbers(frames: list[Frame]) -> None:
    engine, market = engine_of("market_making"), Market()
    engine.config = engine.strategy.config({})
    fills: list[Fill] = []

    for frame in frames:
        market.fold(frame)
        fills += engine.process(frame, market.snapshot()).fills

    quoted = [fill for fill in fills if "stop loss" not in fill.reason]
    assert {fill.liquidity for fill in quoted} == {Liquidity.MAKER}
    results = [fill.result for fill in quoted if fill.result is not None]
    assert len(results) >= 3
    assert min(results) >= 0


def test_all_that_the_market_maker_holds_has_one_stop_and_no_side_of_a_market_two_quotes(frames: list[Frame]) -> None:
    engine, market = engine_of("market_making"), Market()
    engine.config = engine.strategy.config(LIVELY["market_making"] | {"allows_short": True, "sells_at_loss": True})
    sides = set()

    for frame in frames:
        market.fold(frame)
        sides |= {fill.side for fill in engine.process(frame, market.snapshot()).fills}
        portfolio = engine.portfolio_at(market.snapshot())
        for symbol in engine.terms.symbols:
            live = portfolio.open_orders(symbol)
            quoted = [order.side for order in live if order.limit_price is not None]
            assert len(quoted) == len(set(quoted)), frame.sequence
            stops = [order for order in live if order.trigger_price is not None]
            assert portfolio.position(symbol) is None or len(stops) == 1, frame.sequence

    assert len(sides) == 2
