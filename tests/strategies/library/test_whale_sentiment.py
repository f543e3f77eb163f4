"""whale_sentiment: buys fear, shorts greed, asks volume and tape, and does not mistake a trend for a panic."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from strategies.library.whale_sentiment.confidence import Confidence
from strategies.library.whale_sentiment.zones import Lasting, Swings
from tests.keys import idle_keys
from tests.stage import PRICES, Stage
from trading.signals import Signal

QUIET = [2.4 + 0.002 * (n % 3) for n in range(300)]  # five minutes each
UP, DOWN, STILL = 1.002, 0.998, 1.0  # the last candle's move


def course(step: float, last: float) -> list[float]:
    """Return closes that are quiet, then fall or rise evenly for 20 candles, and end with a move."""
    moved = [2.4 * (1 + step * n) for n in range(1, 21)]
    return [*QUIET, *moved, moved[-1] * last]


FEAR, GREED = -0.003, 0.003  # 6 % in all: fear begins at 5 %, extreme fear at 8 %
PANIC, MANIA = -0.0045, 0.0045


def opening(
    step: float = FEAR,
    last: float = UP,
    *,
    volume: float = 30,
    trades: int = 40,
    symbols: tuple[str, ...] = ("XRP/USD",),
    hour: int = 8,
    **config: Any,
) -> Stage:
    """Open after such a course; ``volume`` is that of the last candle, 10 is usual."""
    stage = Stage("whale_sentiment", symbols, at=f"2026-07-08T{hour:02}:59:50+00:00", **config)
    closes = course(step, last)
    volumes = [10.0] * (len(closes) - 1) + [volume]
    for symbol in symbols:
        alike = [close / 2.4 * PRICES[symbol] for close in closes]
        alike[-18] *= 1 if symbol == "XRP/USD" else 1.006
        stage.past(symbol, "5m", alike, volumes, trades=trades)
    return stage


def lean(stage: Stage, side: str, price: float | None = None, *, times: int = 50, **options: Any) -> Stage:
    """Let the tape lean one way, and what was asked for be filled."""
    stage.trade("XRP/USD", price, side=side, qty=100, times=times, **options)
    stage.wait(0.1)
    return stage


def mixed(stage: Stage, bought: int) -> Stage:
    """Let so many of fifty prints be bought, and the strategy be asked after them only."""
    stage.trade("XRP/USD", side="sell", qty=100, times=50 - bought, after_s=0.1)
    stage.trade("XRP/USD", side="buy", qty=100, times=bought, after_s=0.1)
    return stage


def walk(stage: Stage, closes: Iterable[float], side: str = "buy") -> Stage:
    return stage.stride("XRP/USD", "5m", closes, side=side, qty=10)


def bought(**config: Any) -> Stage:
    stage = lean(opening(**config), "buy")
    assert stage.trades == [("buy", "fear, a whale agrees")]
    return stage


def shorted(**config: Any) -> Stage:
    stage = lean(opening(GREED, DOWN, **config), "sell")
    assert stage.trades == [("sell", "greed, a whale agrees")]
    return stage


def test_it_buys_fear_that_a_whale_buys_too() -> None:
    (signal,) = bought().said

    price = 2.4 * 0.94 * UP
    assert isinstance(signal, Signal)
    assert (signal.code, signal.size) == ("whale_sentiment_long", 25)
    assert (signal.stop_loss, signal.take_profit) == (
        pytest.approx(price * 0.975, abs=1e-5), pytest.approx(price * 1.05, abs=1e-5),
    )  # fmt: skip


def test_it_shorts_greed_that_a_whale_sells_with_a_smaller_size() -> None:
    stage = shorted()

    (signal,) = stage.said
    assert isinstance(signal, Signal)
    assert (signal.code, signal.size) == ("whale_sentiment_short", pytest.approx(25 * 0.9 * 0.6))
    holding = stage.holding("XRP/USD")
    assert holding is not None
    assert holding.qty < 0


def test_as_a_follower_it_shorts_fear() -> None:
    stage = lean(opening(FEAR, DOWN, is_contrarian=False), "sell")

    assert stage.codes == ["whale_sentiment_short"]


@pytest.mark.parametrize(
    ("step", "volume", "bought_prints", "is_bought"),
    [
        (PANIC, 30, 25, True),  # extreme, and a whale: 0.625 and more of 0.45
        (PANIC, 10, 25, True),  # extreme, no whale: 0.5975 of 0.45
        (FEAR, 30, 25, True),  # plain, a whale at three times the volume: 0.485 + 0.05 of 0.50
        (FEAR, 21, 25, False),  # at twice the volume: 0.485 + 0.005
        (FEAR, 21, 30, True),  # and a tape of +0.2: 0.04 more
        (FEAR, 10, 25, False),  # plain, no whale: 0.4575 of 0.50
        (FEAR, 10, 31, True),  # and a tape of +0.24: 0.048 more
    ],
)
def test_what_speaks_for_an_entry_is_added_up(step: float, volume: float, bought_prints: int, is_bought: bool) -> None:
    stage = mixed(opening(step, volume=volume), bought_prints)

    assert (stage.codes == ["whale_sentiment_long"]) is is_bought
    assert is_bought or stage.why["insufficient_confidence XRP/USD"] == 1


@pytest.mark.parametrize("is_wild", [False, True])
@pytest.mark.parametrize("is_extreme", [False, True])
@pytest.mark.parametrize("spike_excess", [None, 0.0])
def test_every_case_can_reach_the_confidence_it_needs(is_wild, is_extreme, spike_excess) -> None:
    rule = Confidence()

    most = rule.of(spike_excess=spike_excess, is_extreme=is_extreme, lean=1)

    assert most > rule.needed(is_extreme=is_extreme, is_wild=is_wild)


@pytest.mark.parametrize(("factor", "reason"), [(0.97, "stop loss"), (1.055, "take profit")])
def test_stop_and_target_close_a_long_at_the_exchange(factor: float, reason: str) -> None:
    stage = bought()
    lean(stage, "buy", stage.prices["XRP/USD"] * factor)

    assert stage.holding("XRP/USD") is None
    assert reason in stage.trades[-1][1]


@pytest.mark.parametrize(("factor", "reason"), [(1.03, "stop loss"), (0.945, "take profit")])
def test_stop_and_target_close_a_short_at_the_exchange(factor: float, reason: str) -> None:
    stage = shorted()
    lean(stage, "buy", stage.prices["XRP/USD"] * factor)

    assert stage.holding("XRP/USD") is None
    assert reason in stage.trades[-1][1]


def test_it_leaves_when_the_mood_has_turned() -> None:
    stage = bought(take_profit_pct=30)
    price = stage.prices["XRP/USD"]
    lean(walk(stage, [price * (1 + 0.01 * n) for n in range(1, 9)]), "buy")

    assert stage.holding("XRP/USD") is None
    assert stage.codes[:2] == ["whale_sentiment_long", "sentiment_reversal"]


def test_it_leaves_when_the_price_falls_back_from_its_best_if_trailing_is_on() -> None:
    stage = bought(trails=True)
    price = stage.prices["XRP/USD"]
    for factor in (1.02, 1.005, 1.03, 1.019):  # the target is 5 %: armed at 2.5 %
        lean(stage, "buy", price * factor)

    assert stage.holding("XRP/USD") is None
    assert stage.codes == ["whale_sentiment_long", "trailing_stop"]


@pytest.mark.parametrize("leaves", ["stop", "target", "mood"])
def test_it_enters_again_after_it_has_left(leaves: str) -> None:
    stage = bought(take_profit_pct=30 if leaves == "mood" else 5)
    price = stage.prices["XRP/USD"]
    if leaves == "mood":
        lean(walk(stage, [price * (1 + 0.01 * n) for n in range(1, 9)]), "buy")
    else:
        lean(stage, "buy", price * (0.97 if leaves == "stop" else 1.055), after_s=30)
    assert stage.holding("XRP/USD") is None

    lean(walk(stage, [price * (1 - 0.006 * n) for n in range(1, 12)]), "buy")

    assert stage.codes.count("whale_sentiment_long") >= 2


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"fear_pct": -7.0}, "neutral_sentiment"),
        ({"swings": {"extreme_from_pct": 0.3, "high_from_pct": 0.2, "low_below_pct": 0.1}}, "extreme_volatility"),
        ({"take_profit_pct": 0.85}, "fee_unprofitable"),
        ({"max_position_usd": 4}, "max_position"),
        ({"size_usd": 4}, "insufficient_size"),
        ({"exposure": {"max_long_usd": 4}}, "correlation_limit"),
        ({"confidence": {"least": 0.9}}, "insufficient_confidence"),
        ({"spike_trades": 41}, "volume_false_positive"),
        ({"spike_spread_pct": 0.005}, "volume_false_positive"),
        ({"whale_move_pct": 0.3, "empty_spike_ratio": 2.5}, "volume_false_positive"),
    ],
)
def test_each_filter_keeps_it_out_and_says_so(config: dict[str, Any], code: str) -> None:
    stage = lean(opening(**config), "buy")

    assert (stage.fills, stage.why) == ([], {f"{code} XRP/USD": 1})


def test_a_whale_that_goes_the_other_way_keeps_it_out() -> None:
    stage = lean(opening(PANIC, DOWN), "buy")

    assert (stage.codes, stage.why) == ([], {"whale_signal_mismatch XRP/USD": 1})


def test_a_tape_that_goes_the_other_way_keeps_it_out_until_it_turns() -> None:
    stage = lean(opening(), "sell")
    assert (stage.codes, stage.why) == ([], {"trade_flow_against XRP/USD": 1})

    lean(stage, "buy")

    assert stage.codes == ["whale_sentiment_long"]


def test_it_does_not_short_when_shorts_are_off() -> None:
    stage = lean(opening(GREED, DOWN, goes_short=False), "sell")

    assert (stage.codes, stage.why) == ([], {"no_shorts XRP/USD": 1})


def test_two_losses_in_a_row_stop_entries_and_a_cooldown_follows_each() -> None:
    stage = bought()
    price = stage.prices["XRP/USD"]
    lean(stage, "buy", price * 0.97, after_s=30)
    lean(stage, "buy", after_s=30)
    assert stage.why["time_cooldown XRP/USD"] > 0

    lean(stage, "buy", after_s=120)
    lean(stage, "buy", price * 0.94, after_s=30)
    lean(stage, "buy", after_s=150)

    assert stage.codes == ["whale_sentiment_long"] * 2
    assert stage.why["circuit_breaker XRP/USD"] > 0


def sinking(hours: float, symbols: tuple[str, ...] = ("XRP/USD",), **config: Any) -> Stage:
    """Fall on and on, by 0.2 % in five minutes, with a tape that is sold until the end."""
    stage = lean(opening(PANIC, STILL, volume=10, symbols=symbols, **config), "sell")
    price = stage.prices["XRP/USD"]
    walk(stage, [price * (1 - 0.002 * n) for n in range(1, round(hours * 12))], side="sell")
    return stage


@pytest.mark.parametrize(
    ("hours", "size"), [(1.5, 25 * 0.95), (3.0, 25 * 0.95 * 0.7), (6.5, None)], ids=["panic", "longer", "trend"]
)
def test_an_extreme_that_lasts_is_bought_with_less_and_then_not_at_all(hours: float, size: float | None) -> None:
    stage = sinking(hours, swings={"is_on": False}, sessions={"is_on": False})
    lean(stage, "buy")

    sizes = [one.size for one in stage.said if isinstance(one, Signal)]
    assert sizes == ([] if size is None else [pytest.approx(size)])
    assert (stage.why.get("extended_zone XRP/USD", 0) > 0) is (size is None)


def test_the_time_in_an_extreme_is_each_symbols_own_and_survives_a_restart() -> None:
    stage = sinking(1.0, symbols=("XRP/USD", "BTC/USD"))  # 9 % are extreme for XRP, not for BTC
    before = stage.engine.checkpoint()
    stage.engine = type(stage.engine).resume(stage.engine.strategy, stage.engine.config, stage.engine.terms, before)
    assert stage.engine.checkpoint() == before

    walk(stage, [stage.prices["XRP/USD"] * 0.998])

    shown = stage.engine._memory["indicators"]
    assert shown["XRP/USD"]["minutes_in_extreme"] == 65  # from 08:55 to 10:00
    assert shown["BTC/USD"]["minutes_in_extreme"] == 0


def test_an_extreme_that_lasts_must_reduce_before_it_pauses() -> None:
    with pytest.raises(ValueError, match=r"paused_after_h is 1\.0; expected more than reduced_after_h, which is 2\.0"):
        Lasting(paused_after_h=1.0)


def test_swing_bounds_must_rise() -> None:
    with pytest.raises(ValueError, match=r"swing bounds are 0\.9, 0\.7, 1\.2; expected each above the one before"):
        Swings(low_below_pct=0.9)


def mood_play(step: float, last: float, side: str, **scene: Any) -> Callable[..., Stage]:
    return lambda **config: lean(opening(step, last, **scene, **config), side)


def pair_play(step: float, last: float, side: str) -> Callable[..., Stage]:
    """Play two symbols that ask for the same at once, and moved alike but for one candle."""
    both = ("XRP/USD", "ETH/USD")
    return lambda **config: lean(lean(opening(step, last, symbols=both, **config), side), side)


def even_play(step: float, volume: float, bought: int = 25) -> Callable[..., Stage]:
    return lambda **config: mixed(opening(step, volume=volume, **config), bought)


def moving_play(**config: Any) -> Stage:
    """Two longs that are stopped, a third that rises, falls back and rises on."""
    stage = lean(opening(**{"limits": {"total_usd": 150}, **config}), "buy")
    price = stage.prices["XRP/USD"]
    for factor, after_s in ((0.97, 20), (0.97, 50), (0.97, 60), (0.94, 20), (0.94, 900), (0.94, 2_000)):
        lean(stage, "buy", price * factor, after_s=after_s)
    for factor in (0.96, 0.97, 0.964, 0.958, 0.99):
        lean(stage, "buy", price * factor, after_s=5)
    return stage


def uneven_play(**config: Any) -> Stage:
    """Less was traded the day before than in the night."""
    stage = Stage("whale_sentiment", ("XRP/USD",), **config)
    closes = course(FEAR, UP)
    stage.past("XRP/USD", "5m", closes, [5.0] * 160 + [10.0] * (len(closes) - 161) + [19.5], trades=40)
    return mixed(stage, 25)


def lasting_play(hours: float) -> Callable[..., Stage]:
    still = {"is_on": False}
    return lambda **config: lean(sinking(hours, **{"swings": still, "sessions": still, **config}), "buy")


@pytest.mark.slow
def test_every_key_changes_something() -> None:
    low, high, trails = {"swings.low_below_pct": 0.6}, {"swings.high_from_pct": 0.31}, {"trails": True}
    together = {
        "trail_from": trails,
        "trail_distance_pct": trails,
        "confidence.less_in_extreme": {"confidence.least": 0.62},
        "confidence.more_in_high": high,
        "swings.is_on": low,
        "swings.extreme_from_pct": high,
        **{f"swings.low_{name}": low for name in ("size", "stop", "cooldown")},
        **{f"swings.high_{name}": high for name in ("size", "stop", "cooldown")},
        "exposure": {"correlated.is_on": False},
        "breaker": {"breaker.losses": 1},
        "fees.is_on": {"fees.min_net_pct": 5},
    }
    plays = (
        moving_play, uneven_play, mood_play(PANIC, UP, "buy"), mood_play(GREED, DOWN, "sell"),
        mood_play(MANIA, DOWN, "sell"), mood_play(FEAR, STILL, "buy", volume=31), even_play(FEAR, 30),
        even_play(PANIC, 10), even_play(FEAR, 10, 45), even_play(FEAR, 30, 20), lasting_play(3), lasting_play(6.5),
        pair_play(FEAR, UP, "buy"), pair_play(GREED, DOWN, "sell"),
        *(mood_play(FEAR, UP, "buy", hour=hour) for hour in (3, 15, 18, 22)),
    )  # fmt: skip

    assert idle_keys("whale_sentiment", plays, together=together, values={"swings.extreme_from_pct": [0.35]}) == []
