"""Shadows: a deployment under another fill model, and how far apart the models are."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.drawing import Scene
from tests.laws import PAIRS, Drawn, law, restless
from tests.making import make_strategy, make_terms
from trading.engine import MAX_ERRORS_IN_A_ROW, Engine, Outcome
from trading.engine.shadow import Shadow, band_of, other_models
from trading.frames import Frame
from trading.market import Market
from trading.performance.optimism import Origin, optimism_band
from trading.signals import Signal

SYMBOLS = tuple(pair.symbol for pair in PAIRS)
markets = st.builds(Drawn.of, st.integers(0, 2**32), st.integers(30, 60))


def trader(**terms: Any) -> Engine:
    strategy = make_strategy(restless, symbols=SYMBOLS)
    return Engine(strategy, {}, make_terms(symbols=SYMBOLS, stake=D(100), latency_ms=150, **terms))


def trade(engine: Engine, frames: list[Frame], fork_after: int | None = None) -> tuple[list[Outcome], list[Shadow]]:
    """Run the engine over the frames; its shadows begin after so many of them."""
    market, outcomes, shadows = Market(), [], []
    for number, frame in enumerate(frames):
        if number == fork_after:
            shadows = [Shadow.fork(engine, model) for model in other_models(engine)]
        market.fold(frame)
        outcomes.append(engine.process(frame, market.snapshot()))
        for shadow in shadows:
            shadow.process(frame, market.snapshot())
    return outcomes, shadows


@law
@given(markets, st.integers(0, 29))
def test_a_deployment_trades_the_same_with_shadows_and_without(frames: list[Frame], fork_after: int) -> None:
    alone, shadowed = trader(), trader()

    expected, _ = trade(alone, frames)
    outcomes, shadows = trade(shadowed, frames, fork_after)

    assert len(shadows) == 2
    assert outcomes == expected
    assert shadowed.checkpoint() == alone.checkpoint()


@law
@given(markets)
def test_a_shadow_from_the_beginning_is_the_deployment_under_the_other_model(frames: list[Frame]) -> None:
    _, shadows = trade(trader(), frames, fork_after=0)

    for shadow in shadows:
        alone = trader(fill_model=shadow.model)
        trade(alone, frames)
        assert shadow.engine.checkpoint() == alone.checkpoint()


@law
@given(markets, st.integers(0, 29))
def test_the_band_holds_the_gain_of_every_model_since_all_had_the_same_equity(
    frames: list[Frame], fork_after: int
) -> None:
    engine = trader()
    _, shadows = trade(engine, frames, fork_after)

    band = band_of(engine, shadows)

    assert band is not None
    (since,) = {shadow.origin.equity for shadow in shadows}
    for each in (engine, *(shadow.engine for shadow in shadows)):
        gain = each.state.figures.equity - since
        assert band.returns_pct[each.terms.fill_model] == pytest.approx(gain / since * 100, abs=D("1e-9"))
    assert band.low_pct <= band.returns_pct["realistic"] <= band.high_pct
    assert band.gap_pct == band.high_pct - band.low_pct >= 0


def test_shadows_of_an_account_that_has_not_begun_begin_with_its_stake() -> None:
    frames = Drawn.of(7, 40)

    _, shadows = trade(trader(), frames, fork_after=0)

    assert {(s.origin.equity, s.origin.result, s.origin.time_ns) for s in shadows} == {
        (D(100), D(0), frames[0].time_ns)
    }


def test_a_shadow_forked_later_shares_its_deployments_past() -> None:
    early = Origin(sequence=10, equity=D(200), result=D(100))
    late = Origin(sequence=20, equity=D(240), result=D(140))

    band = optimism_band([late, early], {"realistic": D(110), "optimistic": D(130), "pessimistic": D(90)})

    assert band.origin == early
    assert band.returns_pct == {"realistic": D(5), "optimistic": D(15), "pessimistic": D(-5)}
    assert (band.low_pct, band.high_pct, band.gap_pct) == (D(-5), D(15), D(20))


@pytest.mark.parametrize("origins", [[], [Origin(sequence=1)], [Origin(sequence=1, equity=D(0), result=D(-100))]])
def test_nothing_is_compared_without_a_common_worth(origins: list[Origin]) -> None:
    assert optimism_band(origins, {"realistic": D(1)}) is None


BOOK = """
    101 x 500
    ---
     99 x 500
"""


def fails_once_it_holds(data: Any, config: Any, state: dict[str, Any]) -> Signal | None:
    if data.portfolio.position("XRP/USD"):
        raise RuntimeError("what now?")
    return Signal.buy("XRP/USD", 50, order_type="limit", limit_price=99)


def test_what_a_shadow_raises_is_counted_and_halts_it_alone() -> None:
    scene = Scene()
    engine = Engine(make_strategy(fails_once_it_holds), {}, make_terms())
    shadows = {model: Shadow.fork(engine, model) for model in other_models(engine)}

    # A print at the limit: enough for the optimist, too little for the queue ahead of the others.
    for trades in ("", "", "sell 99 x 100", *[""] * 10):
        frame, snapshot = scene.show(BOOK, trades)
        engine.process(frame, snapshot)
        for shadow in shadows.values():
            shadow.process(frame, snapshot)

    optimist, pessimist = shadows["optimistic"], shadows["pessimistic"]
    assert (optimist.errors, optimist.engine.is_halted) == (MAX_ERRORS_IN_A_ROW, True)
    assert (pessimist.errors, pessimist.engine.is_halted, engine.is_halted) == (0, False, False)
