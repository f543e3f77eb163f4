"""Every key of market_making changes something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.keys import idle_keys
from tests.stage import Stage
from tests.strategies.library.making import BTC, CALM, at
from tests.strategies.library.making_exits import APART, ratio


def raw(closes: list[float] = CALM, hour: int = 9, **config: Any) -> Stage:
    stage = Stage("market_making", (BTC,), at=f"2026-07-08T{hour:02}:00:00+00:00", **config).past(BTC, "1m", closes)
    stage.prices[BTC] = 60_000
    return at(stage, 60_000)


def spread_play(**config: Any) -> Stage:
    """Small moves, purchases, sales, and a rest above the purchase."""
    stage = at(raw(**config), 60_024, 60_036, 60_100, 59_800, after_s=2)
    at(stage, 59_650, 59_650, 59_450, 59_450)
    return at(stage, 59_900, 60_000, 60_500, 60_500, 60_200, after_s=6)


def stopped_play(**config: Any) -> Stage:
    """A purchase, its stop, and what comes after: soon, and much later."""
    stage = at(raw(**config), 59_800, 59_300, 58_900, 58_900)
    return at(stage, 58_900, 58_900, after_s=16 * 60)


def partial_play(**config: Any) -> Stage:
    """A purchase of one half, and of the other half much later."""
    stage = raw(**config).book(BTC, spread_pct=0.1)
    stage.trade(BTC, 59_830, qty=0.0002, side="sell", after_s=2)
    return at(stage, 60_000, 60_000, 60_000)


def kept_play(**config: Any) -> Stage:
    """What is held for five hours: a little less than it cost."""
    wide = {"min_spread_pct": 4, "take_profit_pct": 1.2, "inventory_skew": 0}
    stage = at(raw(**{**wide, **config}), 58_800, 58_800)
    for _ in range(5):
        at(stage, 58_800, 58_800, after_s=1_850)
    return at(stage, 58_800, 58_800, after_s=3_600)


def trailing_play(**config: Any) -> Stage:
    """A gain that melts away."""
    wide = {"take_profit_pct": 5, "min_spread_pct": 4, "trailing": {"is_on": True}}
    stage = at(raw(**{**wide, **config}), 58_800, 59_000, 59_060, 59_100)
    return at(stage, 59_040, 59_000, 58_950, 58_800)


def leaning_play(**config: Any) -> Stage:
    """A book that leans on the ask, less and less, while the tape turns."""
    stage = raw(**{"allows_short": True, **config})
    for asks in (0.6, 0.8, 0.9):
        stage.book(BTC, bids=1.0, asks=asks)
        for bought in (1.0, 0.6, 0.4):
            stage.prints(BTC, [("buy", bought), ("sell", 1 - bought)] * 20, 60_000, after_s=4)
    return stage


def trend_play(**config: Any) -> Stage:
    """A fall that goes on, minute by minute."""
    return raw(**config).stride(BTC, "1m", [59_960 - 60 * n for n in range(12)])


def ratio_play(**config: Any) -> Stage:
    return ratio(APART, **config)


def lively_play(wobble_pct: float) -> Callable[..., Stage]:
    """Minutes that swing so far; the deviation of their returns is that and a little more."""

    def play(**config: Any) -> Stage:
        return at(raw([60_000 * (1 + wobble_pct / 100 * (n % 2)) for n in range(40)], **config), 60_000)

    return play


def hour_play(hour: int) -> Callable[..., Stage]:
    def play(**config: Any) -> Stage:
        return raw(hour=hour, **config)

    return play


@pytest.mark.slow
def test_every_key_changes_something() -> None:
    wide = {"min_spread_pct": 2.0}
    model = {"uses_optimal_spread": True, "gamma": 0.5, "kappa": 2.0}
    together = {
        "breaker": {"breaker.losses": 1},
        "min_profit_pct": {"min_spread_pct": 0.1},
        "checks_fees": {"min_spread_pct": 0.1},
        "base_volatility_pct": wide,
        "most_widening": wide,
        "uses_reservation_price": {"inventory_skew": 0.0},
        "gamma": model,
        "kappa": model,
        "horizon_minutes": {"uses_reservation_price": True},
        "spread_sessions": wide,
        "volatility": wide,
        "volatility.extreme_threshold": {**wide, "volatility.is_paused_when_extreme": False},
        "volatility.extreme_size": {"volatility.is_paused_when_extreme": False},
    }
    plays = [spread_play, stopped_play, partial_play, kept_play, trailing_play, leaning_play, trend_play, ratio_play]
    plays += [lively_play(wobble_pct) for wobble_pct in (0.1, 0.3, 0.8)]
    plays += [hour_play(hour) for hour in (3, 9, 15, 18, 22)]

    assert idle_keys("market_making", plays, together=together) == []
