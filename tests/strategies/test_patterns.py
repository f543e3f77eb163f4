"""What `newstrategy` writes does what its docstrings say."""

from __future__ import annotations

from pathlib import Path

import pytest

from strategies.authoring import begin_strategy
from strategies.versions import registry
from tests.stage import Stage


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings):
    settings.STRATEGY_PATHS = [tmp_path]
    begin_strategy("my_cross", "minimal", tmp_path)
    begin_strategy("my_dips", "full", tmp_path)
    registry.rescan()
    yield
    registry.rescan()


def test_the_guides_example_of_a_stage_holds():
    stage = Stage("my_dips", size_usd=25).past("BTC/USD", "1m", [60_000] * 60)
    stage.trade("BTC/USD", 59_900)
    stage.candles("BTC/USD", "1m", [60_100])

    assert stage.codes == ["dip", "back"]
    assert stage.why["resting BTC/USD"] > 0


def test_the_full_template_buys_the_dip_leaves_at_the_average_and_buys_again():
    stage = Stage("my_dips").past("BTC/USD", "1m", [60_000] * 60)

    for price in (59_900, 59_900, 60_100, 60_100, 59_800, 59_800):
        stage.trade("BTC/USD", price, after_s=40)

    assert stage.codes == ["dip", "back", "dip"]
    assert [side for side, _ in stage.trades] == ["buy", "sell", "buy"]


@pytest.mark.parametrize("price", [59_000, 61_500])
def test_the_full_templates_stop_and_target_are_kept_by_the_exchange(price):
    stage = Stage("my_dips").past("BTC/USD", "1m", [60_000] * 60)
    stage.trade("BTC/USD", 59_900)
    stage.trade("BTC/USD", 59_900)

    stage.engine.is_paused = True
    stage.trade("BTC/USD", price)
    stage.trade("BTC/USD", price)

    assert [side for side, _ in stage.trades] == ["buy", "sell"]
    assert stage.holding("BTC/USD") is None


def test_the_full_template_rests_after_a_fill():
    stage = Stage("my_dips", rest_s=60).past("BTC/USD", "1m", [60_000] * 60)
    for price in (59_900, 59_900, 60_100, 60_100):
        stage.trade("BTC/USD", price)

    stage.trade("BTC/USD", 59_800, after_s=30)
    assert stage.codes == ["dip", "back"]
    stage.trade("BTC/USD", 59_800, after_s=40)
    assert stage.codes == ["dip", "back", "dip"]


def test_the_minimal_template_buys_the_rise_sells_the_fall_and_buys_again():
    stage = Stage("my_cross").past("BTC/USD", "1m", [60_000 - 10 * n for n in range(30)])

    for closes in (
        [60_000 + 100 * n for n in range(6)],
        [60_000 - 100 * n for n in range(8)],
        [60_000, 60_500, 61_000],
    ):
        stage.candles("BTC/USD", "1m", closes)

    assert [side for side, _ in stage.trades] == ["buy", "sell", "buy"]
