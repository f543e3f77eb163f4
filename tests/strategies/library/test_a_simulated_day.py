"""A day of the simulated market, all of the library side by side: each trades, none is stuck, and it replays."""

from __future__ import annotations

import pytest

from strategies.versions import registry
from tests.simulated import engine_of, simulated_frames
from trading.fees import Liquidity
from trading.fills import Fill, digest
from trading.frames import Frame
from trading.market import Market

pytestmark = pytest.mark.slow
STRIDE_S = 30
FRAMES = 24 * 3_600 // STRIDE_S
NAMES = sorted(registry.found())
PATIENT = "market_making"  # with its usual numbers, too: they earn the fees on a day, on no hour of it


def traded(frames: list[Frame]) -> tuple[list[tuple[str, Fill]], list[str], dict[str, int]]:
    """Return every fill, every error, and in which of the day's frames each was asked last."""
    engines, market = {name: engine_of(name) for name in NAMES}, Market()
    engines["patient"] = engine_of(PATIENT)
    engines["patient"].config = engines["patient"].strategy.config({})
    fills: list[tuple[str, Fill]] = []
    errors: list[str] = []
    for frame in frames:
        market.fold(frame)
        snapshot = market.snapshot()
        for name, engine in engines.items():
            outcome = engine.process(frame, snapshot)
            fills += [(name, fill) for fill in outcome.fills]
            errors += [f"{name}: {error.summary}" for error in outcome.errors]
    return fills, errors, {name: engine.state.evaluated_ns for name, engine in engines.items()}


def test_every_strategy_trades_on_a_day_without_an_error_and_the_day_replays_to_the_same_fills() -> None:
    frames = simulated_frames(FRAMES, every_s=STRIDE_S)

    fills, errors, asked_ns = traded(frames)

    assert errors == []
    assert {name for name, _ in fills} == {*NAMES, "patient"}
    assert [name for name, last_ns in asked_ns.items() if frames[-1].time_ns - last_ns > 3_600 * 10**9] == []
    quoted = [fill for name, fill in fills if name == "patient" and "stop loss" not in fill.reason]
    results = [fill.result for fill in quoted if fill.result is not None]
    assert {fill.liquidity for fill in quoted} == {Liquidity.MAKER}
    assert (len(results) >= 3, min(results) >= 0) == (True, True)
    assert digest(traded(frames)[0]) == digest(fills)
