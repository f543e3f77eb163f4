"""An hour of the simulated market, traded by every strategy of the library: no errors, no chance, no amnesia."""

from __future__ import annotations

import pytest

from strategies.versions import registry
from tests.simulated import LIVELY, engine_of, simulated_frames
from trading.engine import Engine, Outcome
from trading.fills import Fill, digest
from trading.frames import Frame
from trading.market import Market
from trading.market_snapshot import MarketSnapshot

pytestmark = pytest.mark.slow
FRAMES = 1_800
RESTARTS = (350, 901, 1_500)  # frames after which one is shut down and another goes on
Shown = list[tuple[Frame, MarketSnapshot]]


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    return simulated_frames(FRAMES, every_s=2)


@pytest.fixture(scope="module")
def hour(frames: list[Frame]) -> Shown:
    return folded(frames)


def folded(frames: list[Frame]) -> Shown:
    """Return each frame with the market as of it; nothing that was computed on another market is remembered."""
    market, shown = Market(), []
    for frame in frames:
        market.fold(frame)
        shown.append((frame, market.snapshot()))
    return shown


def live(engine: Engine, shown: Shown) -> list[Outcome]:
    return [engine.process(frame, snapshot) for frame, snapshot in shown]


def fills_of(outcomes: list[Outcome]) -> list[tuple[str, Fill]]:
    return [("one", fill) for outcome in outcomes for fill in outcome.fills]


@pytest.mark.parametrize("name", sorted(registry.found()))
def test_a_strategy_lives_through_the_hour_alike_however_often_it_is_restarted(name: str, hour: Shown) -> None:
    lived = engine_of(name)
    outcomes = live(lived, hour)

    restarted, fills, begin = engine_of(name), [], 0
    for end in (*RESTARTS, FRAMES):
        fills += fills_of(live(restarted, hour[begin:end]))
        restarted = Engine.resume(restarted.strategy, restarted.config, restarted.terms, restarted.checkpoint())
        begin = end

    assert [error.summary for outcome in outcomes for error in outcome.errors] == []
    assert lived.account.is_funded
    assert "warming_up" not in lived.state.why
    assert fills or name not in LIVELY
    assert digest(fills) == digest(fills_of(outcomes))
    assert restarted.checkpoint() == lived.checkpoint()


@pytest.mark.parametrize("name", sorted(registry.found()))
def test_two_runs_of_a_strategy_are_one_and_the_same(name: str, frames: list[Frame], hour: Shown) -> None:
    first, second = engine_of(name), engine_of(name)

    fills = [digest(fills_of(live(first, hour))), digest(fills_of(live(second, folded(frames))))]

    assert fills[0] == fills[1]
    assert first.checkpoint() == second.checkpoint()


def test_all_that_the_market_maker_holds_has_one_stop_and_no_side_of_a_market_two_quotes(hour: Shown) -> None:
    engine = engine_of("market_making")
    engine.config = engine.strategy.config(LIVELY["market_making"] | {"allows_short": True, "sells_at_loss": True})
    sides = set()

    for frame, snapshot in hour:
        sides |= {fill.side for fill in engine.process(frame, snapshot).fills}
        portfolio = engine.portfolio_at(snapshot)
        for symbol in engine.terms.symbols:
            live = portfolio.open_orders(symbol)
            quoted = [order.side for order in live if order.limit_price is not None]
            assert len(quoted) == len(set(quoted)), frame.sequence
            stops = [order for order in live if order.trigger_price is not None]
            assert portfolio.position(symbol) is None or len(stops) == 1, frame.sequence

    assert len(sides) == 2
