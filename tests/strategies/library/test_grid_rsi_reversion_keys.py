"""Every key of grid_rsi_reversion changes something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.keys import idle_keys
from tests.stage import Stage
from tests.strategies.library.grid import APART, BTC, QUIET, TOGETHER, at, paired

RAW: dict[str, Any] = {"min_volume_ratio": 0}


def raw(closes: list[float] = QUIET, wick_pct: float = 0.05, hour: int = 9, **config: Any) -> Stage:
    stage = Stage("grid_rsi_reversion", (BTC,), at=f"2026-07-08T{hour:02}:00:00+00:00", **{**RAW, **config})
    return stage.past(BTC, "5m", closes, [10.0] * 50 + [8.0 + n for n in range(10)], wick_pct)


def cycle_play(**config: Any) -> Stage:
    """Purchases, cycles, and a price that leaves the grid on either side."""
    stage = at(raw(**config), 60_000, 59_050, 58_150, 59_150, 60_050, after_s=70)
    at(stage, 59_050, 58_150, 57_250, 56_350, 55_450, after_s=70)
    return at(stage, 55_000, 56_000, 62_500, 62_500, 61_000, after_s=2_000)


def recentring_play(**config: Any) -> Stage:
    """One cycle, and an hour in the middle of the grid with a level held."""
    calm = {"avoids_trends": False, "volatility": {"is_on": False}}
    stage = at(raw(**{**calm, **config}), 60_000, 58_150, 59_150, 59_400)
    return at(stage, 59_400, 59_400, after_s=1_000)


def losing_play(**config: Any) -> Stage:
    """A stop, and what comes after: soon, and much later."""
    calm = {"avoids_trends": False, "volatility": {"is_on": False}}
    stage = at(raw(**{**calm, **config}), 60_000, 59_050, 49_000, 49_000, 49_000)
    return at(stage, 49_000, after_s=16 * 60)


def oversold_play(**config: Any) -> Stage:
    """Bids in a fall."""
    stage = at(raw(**{"avoids_trends": False, "live_bids": 2, **config}), 60_000)
    return stage.stride(BTC, "5m", [59_900, 59_960, 59_850, 59_900, 59_800, 59_830, 59_700])


def sold_play(**config: Any) -> Stage:
    """Takers sell, and begin to buy: of the last fifty prints 17, then 25."""
    stage = raw(**config)
    for side, times in (("sell", 70), ("buy", 17), ("buy", 8)):
        stage.trade(BTC, 60_000, side=side, qty=0.01, times=times, after_s=11)
    return stage


def pair_play(**config: Any) -> Stage:
    stage = paired(APART, 2.4, **{**RAW, **config})
    at(stage, 58_900)
    return stage


def twin_play(**config: Any) -> Stage:
    return paired(TOGETHER, 2.37, **{**RAW, **config})


def lively_play(wobble_pct: float) -> Callable[..., Stage]:
    """Candles that swing so far; the spread of their returns is that and a little more."""

    def play(**config: Any) -> Stage:
        closes = [60_000 * (1 + wobble_pct / 100 * (n % 2)) for n in range(60)]
        return at(raw(closes, **{"avoids_trends": False, "range_pct": 40, "atr_spacing": 0.1, **config}), closes[-1])

    return play


def hour_play(hour: int) -> Callable[..., Stage]:
    def play(**config: Any) -> Stage:
        return at(raw(hour=hour, **config), 60_000)

    return play


@pytest.mark.slow
def test_every_key_changes_something() -> None:
    soon = {"recentre_min_s": 600, "recentre_cycles": 1}
    together = {
        "recentre_cycles": {"recentre_min_s": 600},
        "recentre_min_s": {"recentre_cycles": 1},
        "adx_recentre": soon,
        "breaker": {"breaker.losses": 1},
        "volume_candles": {"min_volume_ratio": 1.57},
        "atr_candles": {"atr_spacing": 10},
        "rsi_expansion": {"rsi_oversold": 31.5},
        "fees.is_on": {"fees.min_net_pct": 3},
        "volatility.extreme_threshold": {"volatility.is_paused_when_extreme": False},
        "volatility.extreme_size": {"volatility.is_paused_when_extreme": False},
    }
    plays = [cycle_play, recentring_play, losing_play, oversold_play, sold_play, pair_play, twin_play]
    plays += [lively_play(wobble_pct) for wobble_pct in (0.2, 0.5, 1.0, 2.0)]
    plays += [hour_play(hour) for hour in (3, 9, 15, 18, 22)]

    assert idle_keys("grid_rsi_reversion", plays, together=together) == []
