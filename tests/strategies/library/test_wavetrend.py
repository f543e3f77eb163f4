"""wavetrend: waits until a zone is left, enters on either side once a crossing, and leaves by each of its rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.keys import idle_keys
from tests.stage import PRICES, Stage
from trading.signals import Signal

QUIET = [60_000 + 30 * (n % 3) for n in range(80)]  # five minutes each, in a narrow band
FALL = [*QUIET, *(60_000 - 80 * n for n in range(1, 13)), 59_100]  # the oscillator has just turned up, at -82
RISE = [*QUIET, *(60_000 + 80 * n for n in range(1, 13)), 60_900]  # it has just turned down, at 79
UP = [59_200, 59_300, 59_400]  # -78, -72, -63: the last one is out of the oversold zone, which begins at -65
DOWN = [60_800, 60_700, 60_600]  # 76, 70, 61


def opening(closes: list[float], symbols: tuple[str, ...] = ("BTC/USD",), hour: int = 8, **config: Any) -> Stage:
    """Open after these closes of BTC, and nearly the like of them for XRP, just before a candle begins."""
    stage = Stage("wavetrend", symbols, at=f"2026-07-08T{hour:02}:59:50+00:00", **config)
    stage.past("BTC/USD", "5m", closes)
    alike = [close / 60_000 * PRICES["XRP/USD"] for close in closes]
    alike[-18] *= 1.003
    return stage.past("XRP/USD", "5m", alike)


def walk(stage: Stage, closes: Iterable[float], side: str = "buy") -> Stage:
    """Let each candle of BTC come to its close, and the next one begin there."""
    return stage.stride("BTC/USD", "5m", closes, side=side, qty=0.1)


def climb(start: float) -> list[float]:
    """Return closes that rise faster and faster, by 3 % in all: the oscillator gets from -60 to 53."""
    return [start * (1 + 0.00016 * n**2) for n in range(1, 15)]


def slide(start: float) -> list[float]:
    """Return closes that fall evenly, until the oscillator has left the zone it came from."""
    return [start * (1 - 0.0015 * n) for n in range(1, 13)]


def lean(stage: Stage, side: str, price: float | None = None, **options: Any) -> Stage:
    """Let the tape lean one way, and what was asked for be filled."""
    stage.trade("BTC/USD", price, side=side, qty=0.01, times=50, **options)
    stage.wait(0.1)
    return stage


def bought(**config: Any) -> Stage:
    stage = lean(opening([*FALL, *UP], **config), "buy")
    assert stage.trades == [("buy", "turned up out of the oversold zone")]
    return stage


def shorted(**config: Any) -> Stage:
    stage = lean(opening([*RISE, *DOWN], **config), "sell")
    assert stage.trades == [("sell", "turned down out of the overbought zone")]
    return stage


def test_it_waits_until_the_zone_is_left_and_then_buys() -> None:
    stage = opening(FALL)
    walk(stage, UP[:2])
    assert (stage.codes, set(stage.why)) == ([], {"waiting_zone_exit BTC/USD"})

    walk(stage, UP[2:])

    (signal,) = stage.said
    assert isinstance(signal, Signal)
    assert (signal.code, signal.size) == ("wavetrend_long", 50)
    assert (signal.stop_loss, signal.take_profit) == (pytest.approx(59_400 * 0.99), pytest.approx(59_400 * 1.02))


def test_it_shorts_mirrored_with_a_smaller_size() -> None:
    stage = shorted()

    (signal,) = stage.said
    assert isinstance(signal, Signal)
    assert (signal.code, signal.size) == ("wavetrend_short", 40)
    holding = stage.holding("BTC/USD")
    assert holding is not None
    assert holding.qty < 0


def test_it_enters_within_the_zone_when_it_need_not_wait() -> None:
    stage = lean(opening(FALL, needs_zone_exit=False), "buy")

    assert stage.codes == ["wavetrend_long"]


def test_a_crossing_that_is_undone_within_the_zone_is_dropped() -> None:
    stage = walk(opening(FALL), [58_900, 58_700, 58_500])

    assert stage.codes == []
    assert stage.why["zone_not_confirmed BTC/USD"] > 0  # it crossed downwards, far from the overbought zone


def test_a_crossing_has_one_entry() -> None:
    stage = bought(breaker={"is_on": False}, cooldown_s=0)
    lean(stage, "buy", 58_700)
    assert stage.holding("BTC/USD") is None

    for _ in range(3):
        lean(stage, "buy", 58_700, after_s=30)
    walk(stage, [59_500, 59_600])

    assert (stage.codes, stage.why["no_crossover BTC/USD"] >= 5) == (["wavetrend_long"], True)


@pytest.mark.parametrize(("price", "reason"), [(58_800, "stop loss"), (60_600, "take profit")])
def test_stop_and_target_close_a_long_at_the_exchange(price: float, reason: str) -> None:
    stage = lean(bought(), "buy", price)

    assert stage.holding("BTC/USD") is None
    assert reason in stage.trades[-1][1]


@pytest.mark.parametrize(("price", "reason"), [(61_210, "stop loss"), (59_380, "take profit")])
def test_stop_and_target_close_a_short_at_the_exchange(price: float, reason: str) -> None:
    stage = lean(shorted(), "buy", price)

    assert stage.holding("BTC/USD") is None
    assert reason in stage.trades[-1][1]


def test_it_leaves_a_long_when_the_oscillator_crosses_back() -> None:
    stage = lean(walk(bought(), [59_450, 59_420, 59_300, 59_150, 59_000]), "sell")

    assert stage.holding("BTC/USD") is None
    assert stage.codes == ["wavetrend_long", "crossover_reversal"]


def test_it_leaves_a_short_when_the_oscillator_crosses_back() -> None:
    stage = lean(walk(shorted(), [60_580, 60_650, 60_750, 60_900, 61_000]), "buy")

    assert stage.holding("BTC/USD") is None
    assert stage.codes == ["wavetrend_short", "crossover_reversal"]


def test_it_takes_its_profit_in_the_far_extreme() -> None:
    stage = lean(walk(bought(take_profit_pct=20, overbought=40, extreme_overbought=50), climb(59_400)), "buy")

    assert stage.holding("BTC/USD") is None
    assert stage.codes == ["wavetrend_long", "extreme_zone_profit_take"]


@pytest.mark.parametrize("leaves_at", [58_700, 60_600, None], ids=["stop", "target", "crossing"])
def test_it_enters_again_after_it_has_left(leaves_at: float | None) -> None:
    stage = bought(overbought=25)
    if leaves_at is not None:
        lean(stage, "buy", leaves_at, after_s=30)
    else:
        walk(stage, [59_300, 59_150, 59_000, 58_950])
    assert stage.holding("BTC/USD") is None

    walk(stage, climb(stage.prices["BTC/USD"]))
    lean(stage, "sell")
    walk(stage, slide(stage.prices["BTC/USD"]), side="sell")

    assert len([code for code in stage.codes if code.startswith("wavetrend")]) >= 2


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"least_confidence": 0.85}, "no_signal_conditions"),
        ({"take_profit_pct": 0.85, "stop_loss_pct": 0.5}, "fee_unprofitable"),
        ({"max_per_symbol_usd": 4}, "max_position"),
        ({"size_usd": 4}, "insufficient_size"),
        ({"exposure": {"max_long_usd": 4}}, "correlation_limit"),
        ({"channel_candles": 60}, "warming_up"),
    ],
)
def test_each_filter_keeps_it_out_and_says_so(config: dict[str, Any], code: str) -> None:
    stage = lean(opening([*FALL, *UP], **config), "buy")

    assert (stage.fills, stage.why) == ([], {f"{code} BTC/USD": 1})


def test_a_tape_that_goes_the_other_way_keeps_it_out_until_it_turns() -> None:
    stage = lean(opening([*FALL, *UP]), "sell")
    assert (stage.codes, stage.why) == ([], {"trade_flow_against BTC/USD": 1})

    lean(stage, "buy", after_s=60)

    assert stage.codes == ["wavetrend_long"]


def test_it_does_not_short_when_shorts_are_off() -> None:
    stage = lean(opening([*RISE, *DOWN], goes_short=False), "sell")

    assert (stage.codes, stage.why) == ([], {"no_shorts BTC/USD": 1})


def test_a_crossing_far_from_the_zones_is_not_one_of_its_own() -> None:
    stage = walk(opening([60_000 + 30 * (n % 3) for n in range(90)]), [60_060, 60_000])

    assert (stage.codes, stage.why["zone_not_confirmed BTC/USD"] > 0) == ([], True)


def test_losses_in_a_row_stop_entries() -> None:
    stage = bought(breaker={"losses": 1})
    lean(stage, "buy", 58_700)
    lean(stage, "buy", 58_700)

    assert stage.why["circuit_breaker BTC/USD"] > 0


@pytest.mark.parametrize(("block_from", "codes"), [(0.7, ["wavetrend_short"]), (0.85, ["wavetrend_short"] * 2)])
def test_a_second_symbol_that_moves_alike_is_left_alone(block_from: float, codes: list[str]) -> None:
    symbols = ("BTC/USD", "XRP/USD")
    stage = opening([*RISE, *DOWN], symbols, overbought=64, correlated={"block_from": block_from})

    lean(lean(stage, "sell"), "sell")  # over 20 candles their returns correlate by 0.71

    assert (stage.codes, stage.why.get("correlation_limit XRP/USD")) == (codes, 1 if len(codes) == 1 else None)


def test_what_it_knows_survives_a_checkpoint() -> None:
    stage = opening(FALL)
    walk(stage, UP[:2])
    stage.engine = type(stage.engine).resume(
        stage.engine.strategy, stage.engine.config, stage.engine.terms, stage.engine.checkpoint()
    )

    walk(stage, UP[2:])

    assert stage.codes == ["wavetrend_long"]


def test_a_target_below_the_stop_is_refused() -> None:
    with pytest.raises(ValueError, match=r"take_profit_pct is 1\.0; expected at least stop_loss_pct, which is 2\.0"):
        Stage("wavetrend", take_profit_pct=1.0, stop_loss_pct=2.0)


def long_play(**config: Any) -> Stage:
    """A tape that turns, a long that is stopped, and a second one."""
    stage = opening([*FALL, *UP], **config)
    stage.trade("BTC/USD", side="sell", qty=0.01, times=30)
    stage.trade("BTC/USD", side="buy", qty=0.01, times=20)
    stage.trade("BTC/USD", side="sell", qty=0.01, times=40)
    lean(stage, "buy")
    lean(stage, "buy", 58_700, after_s=30)
    lean(stage, "buy", 58_700, after_s=30)
    return walk(stage, climb(58_700))


def mixed_play(**config: Any) -> Stage:
    """The newest prints are bought, those before were sold."""
    stage = opening([*FALL, *UP], **config)
    stage.trade("BTC/USD", side="sell", qty=0.01, times=60)
    stage.trade("BTC/USD", side="buy", qty=0.01, times=40)
    return stage


def short_play(**config: Any) -> Stage:
    """A short that goes well."""
    stage = lean(opening([*RISE, *DOWN], **{"take_profit_pct": 20, **config}), "sell")
    return walk(stage, [60_600 * (1 - 0.00016 * n**2) for n in range(1, 15)], side="sell")


def far_play(**config: Any) -> Stage:
    """A long that goes far."""
    return walk(lean(opening([*FALL, *UP], **{"take_profit_pct": 20, **config}), "buy"), climb(59_400))


def waiting_play(**config: Any) -> Stage:
    """A crossing in the zone, then out of it."""
    return walk(opening(FALL, **config), UP)


DIVERGING = [
    *QUIET, *(60_000 - 80 * n for n in range(1, 10)), 59_400, 59_550, 59_650, 59_600, 59_500, 59_400, 59_300, 59_250,
    59_230, 59_210, 59_200, 59_190, 59_185,
]  # fmt: skip


def diverging_play(**config: Any) -> Stage:
    """A lower low of the price, a higher one of the oscillator."""
    return lean(opening(DIVERGING, **config), "buy")


def pair_play(closes: list[float], side: str) -> Callable[..., Stage]:
    """Play two symbols that ask for the same at once, and moved alike but for one candle."""

    def play(**config: Any) -> Stage:
        stage = opening(closes, **{"symbols": ("BTC/USD", "XRP/USD"), "oversold": -64, "overbought": 64, **config})
        return lean(lean(stage, side), side)

    return play


def hour_play(hour: int) -> Callable[..., Stage]:
    return lambda **config: lean(opening([*FALL, *UP], hour=hour, **config), "buy")


@pytest.mark.slow
def test_every_key_changes_something() -> None:
    alone = {"correlated.is_on": False}
    unsure = {"oversold": -64, "least_confidence": 0.8}
    together = {
        "uses_divergence": {"divergence_candles": 10, **unsure},
        "divergence_candles": unsure,
        "extreme_overbought": {"overbought": 40},
        "extreme_oversold": {"oversold": -30},
        "exposure": alone,
        "breaker": {"breaker.losses": 1},
        "fees.is_on": {"fees.min_net_pct": 5},
    }
    values = {"extreme_overbought": [50], "extreme_oversold": [-40], "divergence_candles": [10]}
    plays = (
        long_play, mixed_play, short_play, far_play, waiting_play, diverging_play, pair_play([*FALL, *UP], "buy"),
        pair_play([*RISE, *DOWN], "sell"), *map(hour_play, (3, 15, 18, 22)),
    )  # fmt: skip

    assert idle_keys("wavetrend", plays, together=together, values=values) == []
