"""momentum_scalping: rides one-minute momentum either way, briefly, and leaves by each of its rules."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from strategies.versions import registry
from tests.keys import idle_keys
from tests.stage import PRICES, Stage
from trading.signals import Signal
from trading.strategy import InvalidConfig

CLIMB = [59_554 + 8 * n + 60 * (n % 2 == 0) for n in range(58)]  # a zigzag upwards, minute by minute
RISE = [*CLIMB, 59_970, 60_000]  # RSI 50, then 53; the fast average above the slow one, the price above both
FALL = [120_000 - close for close in RISE]
HIGHER = [59_000 + 15 * n for n in range(60)]  # five minutes each
LOWER = [120_000 - close for close in HIGHER]
FREE = {"avoids_strong_trends": False}


def opening(closes: list[int] = RISE, higher: list[int] = HIGHER, *, last_volume: float = 25.0, **config: Any) -> Stage:
    """Open after these minutes, of which the newest has two and a half times the volume of those before."""
    stage = Stage("momentum_scalping", **{**FREE, **config})
    stage.past("BTC/USD", "5m", higher)
    volumes = [30.0] * 30 + [10.0] * (len(closes) - 31) + [last_volume]
    return stage.past("BTC/USD", "1m", closes, volumes)


def lean(stage: Stage, side: str = "buy", price: float | None = None, **options: Any) -> Stage:
    """Let the tape lean one way, and the orders that follow arrive."""
    stage.trade("BTC/USD", price, side=side, qty=0.01, times=50, **options)
    stage.wait(0.1)
    return stage


def show(stage: Stage, price: float, after_s: float = 1.0) -> Stage:
    """Let one small trade happen at a price, and the orders that follow arrive."""
    stage.trade("BTC/USD", price, qty=0.01, after_s=after_s)
    stage.wait(0.1)
    return stage


def bought(**config: Any) -> Stage:
    stage = lean(opening(**config))
    assert stage.trades == [("buy", "momentum with trend and volume")]
    return stage


def shorted(**config: Any) -> Stage:
    stage = lean(opening(FALL, LOWER, **config), "sell")
    assert stage.trades == [("sell", "momentum with trend and volume")]
    return stage


def again(stage: Stage) -> Stage:
    """Climb for half an hour, dip, and rise with volume."""
    stage.candles("BTC/USD", "1m", [*CLIMB[-30:], 59_970])
    stage.candles("BTC/USD", "1m", [60_000], volume=40)
    return lean(stage)


def test_it_buys_rising_momentum_with_trend_and_volume() -> None:
    stage = bought()

    (signal,) = stage.said
    assert isinstance(signal, Signal)
    assert (signal.code, signal.size) == ("momentum_long", 50)
    assert (signal.stop_loss, signal.take_profit) == (pytest.approx(60_000 * 0.994), pytest.approx(60_000 * 1.012))
    assert signal.metadata == {"momentum": 0.25}


def test_it_shorts_falling_momentum() -> None:
    stage = shorted()

    holding = stage.holding("BTC/USD")
    assert stage.codes == ["momentum_short"]
    assert holding is not None
    assert holding.qty < 0


def test_it_does_not_short_when_shorts_are_off() -> None:
    stage = lean(opening(FALL, LOWER, goes_short=False), "sell")

    assert (stage.fills, stage.why["no_shorts BTC/USD"]) == ([], 1)


TURN = [*CLIMB, 59_990, 60_030, 60_062]  # the MACD comes above its signal line


@pytest.mark.parametrize(
    ("closes", "config", "momentum"),
    [
        (RISE, {}, 0.25),  # RSI rises in its middle
        (RISE, {"rsi_candles": 2}, 0.5),  # RSI comes back above 30, from 23
        (RISE, {"rsi_candles": 2, "wild_rsi_oversold": 20}, 0.5),
        (TURN, {"rsi_candles": 5}, 0.4),  # RSI is above its middle
        (TURN, {}, 0.5),
        (TURN, {"uses_macd": False}, 0.25),
        ([120_000 - close for close in TURN], {}, -0.5),
    ],
)
def test_momentum_is_what_rsi_and_macd_say_of_the_newest_candle(
    closes: list[int], config: dict[str, Any], momentum: float
) -> None:
    stage = lean(opening(closes, **config))

    assert stage.indicators["BTC/USD"]["momentum"] == pytest.approx(momentum)


def test_a_wild_market_must_have_gone_further_before_it_turns() -> None:
    wild = {"low_below_pct": 0.01, "medium_below_pct": 0.02}
    stage = lean(opening(rsi_candles=2, wild_rsi_oversold=20, volatility=wild))

    assert stage.indicators["BTC/USD"]["momentum"] == pytest.approx(0.25)


@pytest.mark.parametrize(("price", "reason"), [(59_600, "stop loss"), (60_800, "take profit")])
def test_stop_and_target_close_a_long_at_the_exchange(price: float, reason: str) -> None:
    stage = show(bought(), price)

    assert stage.holding("BTC/USD") is None
    assert reason in stage.trades[-1][1]


@pytest.mark.parametrize("price", [60_400, 59_200])
def test_stop_and_target_close_a_short_at_the_exchange(price: float) -> None:
    stage = show(shorted(), price)

    assert stage.holding("BTC/USD") is None
    assert stage.codes == ["momentum_short"]  # it was not the strategy that left


@pytest.mark.parametrize(("enters", "sign"), [(bought, 1), (shorted, -1)])
def test_a_trail_follows_the_best_price_once_there_is_something_to_protect(
    enters: Callable[[], Stage], sign: int
) -> None:
    stage = show(show(enters(), 60_000 + sign * 450), 60_000 + sign * 200)  # 0.75 % do not arm it
    assert len(stage.codes) == 1

    show(show(stage, 60_000 + sign * 500), 60_000 + sign * 350)  # 150 dollars behind: an ATR is 116
    assert len(stage.codes) == 1
    show(stage, 60_000 + sign * 320)

    assert stage.codes[-1] == "trailing_stop"
    assert stage.holding("BTC/USD") is None


def exhausted(price: float, **config: Any) -> Stage:
    """Enter, let a minute close so high that RSI is above 70, and trade at a price in the next."""
    stage = lean(opening(**config))
    stage.trade("BTC/USD", 60_300, after_s=90)
    return show(stage, price, after_s=35)


def test_it_takes_its_gain_when_momentum_is_exhausted() -> None:
    stage = exhausted(60_150)

    assert stage.codes == ["momentum_long", "momentum_exhaustion"]
    assert stage.holding("BTC/USD") is None


def test_an_exhausted_move_is_left_at_breakeven_only_when_configured() -> None:
    assert exhausted(59_980).codes == ["momentum_long"]
    assert exhausted(59_980, exhaustion={"at_breakeven": True}).codes == ["momentum_long", "momentum_breakeven"]


def test_it_gives_up_after_three_minutes() -> None:
    stage = show(bought(), 60_000, after_s=178)
    assert stage.codes == ["momentum_long"]

    show(stage, 59_990, after_s=4)

    assert stage.codes == ["momentum_long", "time_exit"]
    assert stage.holding("BTC/USD") is None


def test_it_takes_a_gain_when_the_price_crosses_the_fast_average() -> None:
    stage = bought(exhaustion={"is_on": False})
    stage.candles("BTC/USD", "1m", [60_000, 60_180])
    show(stage, 60_020)

    assert stage.codes == ["momentum_long", "ema_cross"]
    assert stage.holding("BTC/USD") is None


@pytest.mark.parametrize("leaves", ["stop", "target", "trail", "exhaustion", "time", "cross"])
def test_it_enters_again_after_each_kind_of_exit(leaves: str) -> None:
    ways: dict[str, Callable[[], Stage]] = {
        "stop": lambda: show(bought(), 59_600),
        "target": lambda: show(bought(), 60_800),
        "trail": lambda: show(show(bought(), 60_500), 60_300),
        "exhaustion": lambda: exhausted(60_150),
        "time": lambda: show(bought(), 59_990, after_s=200),
        "cross": lambda: show(bought(exhaustion={"is_on": False}).candles("BTC/USD", "1m", [60_000, 60_180]), 60_020),
    }
    stage = ways[leaves]()
    assert stage.holding("BTC/USD") is None

    again(stage)

    assert stage.codes.count("momentum_long") == 2


def test_one_candle_is_one_chance() -> None:
    stage = show(bought(cooldown_s=0, cooldown_prints=0), 60_800)
    lean(stage, price=60_000)
    assert stage.holding("BTC/USD") is None

    assert stage.codes == ["momentum_long"]
    assert set(stage.why) == {"no_signal_conditions BTC/USD"}


def test_after_an_entry_it_waits_for_seconds_and_for_prints() -> None:
    stage = show(bought(), 60_800)
    lean(stage, price=60_000)
    assert set(stage.why) == {"time_cooldown BTC/USD"}

    later = show(bought(cooldown_s=0, cooldown_prints=100), 60_800)
    lean(later, price=60_000)
    assert set(later.why) == {"trade_cooldown BTC/USD"}


def test_losses_stop_entries_but_no_exit() -> None:
    stage = again(show(bought(breaker={"losses": 1, "minutes": 120}), 59_600))

    assert stage.codes == ["momentum_long"]
    assert stage.why["circuit_breaker BTC/USD"] > 0


def test_it_does_not_add_to_what_it_holds() -> None:
    stage = lean(bought(), after_s=40)

    assert stage.codes == ["momentum_long"]
    assert stage.why["existing_position BTC/USD"] == 1


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ({"last_volume": 12.0}, "volume_not_confirmed"),
        ({"higher": [61_000] * 60}, "timeframe_misalignment"),
        ({"avoids_strong_trends": True}, "adx_strong_trend"),
        ({"closes": [*CLIMB[:-6], *(59_800 - 10 * n for n in range(6)), 59_740, 59_790]}, "trend_not_aligned"),
        ({"closes": [60_000] * 60}, "momentum_not_confirmed"),
        ({"flow": {"prints": 5, "threshold": 1}}, "trade_flow_misalignment"),
        ({"fees": {"min_net_pct": 1}}, "fee_unprofitable"),
        ({"max_position_usd": 4}, "max_position"),
        ({"size_usd": 4}, "insufficient_size"),
        ({"exposure": {"max_long_usd": 4}}, "correlation_limit"),
        ({"volatility": {"low_below_pct": 0.01, "medium_below_pct": 0.02, "high_below_pct": 0.03}}, "regime_pause"),
    ],
)
def test_each_filter_keeps_it_out_and_says_so(setting: dict[str, Any], code: str) -> None:
    stage = lean(opening(**setting))

    assert (stage.fills, stage.why) == ([], {f"{code} BTC/USD": 1})


def test_it_leaves_xrp_btc_alone_while_the_coins_go_different_ways() -> None:
    stage = cross_play()

    assert (stage.fills, stage.why) == ([], {"correlation_breakdown XRP/BTC": 1})


def test_a_fast_average_must_be_faster() -> None:
    with pytest.raises(InvalidConfig, match="macd_fast is 13; expected below macd_slow, 13"):
        registry.strategy("momentum_scalping").config({"macd_fast": 13})


def cross_play(**config: Any) -> Stage:
    """XRP/BTC rises while XRP and BTC go different ways."""
    stage = Stage("momentum_scalping", ("XRP/BTC",), terms={"assets": {"BTC": Decimal("0.01")}}, **config)
    swings = [0.002 * (n * n % 7) for n in range(120)]
    stage.past("BTC/USD", "5m", [60_000 * (1 + swing) for swing in swings])
    stage.past("XRP/USD", "5m", [2.4 * (1 + swing * (1 if n < 70 else -1)) for n, swing in enumerate(swings)])
    stage.past("XRP/BTC", "5m", [PRICES["XRP/BTC"] * close / 60_000 for close in HIGHER])
    rise = [PRICES["XRP/BTC"] * close / 60_000 for close in RISE]
    stage.past("XRP/BTC", "1m", rise, [10.0] * 59 + [30.0])
    stage.trade("XRP/BTC", qty=100, times=50)
    stage.wait(0.1)
    return stage


def long_play(**config: Any) -> Stage:
    """A rise that is ridden, given up, stopped and rested from."""
    stage = lean(opening(**config))
    show(show(show(stage, 60_350), 60_500), 60_340)
    lean(stage, price=60_000, after_s=18)
    lean(stage, after_s=15)
    lean(again(stage), after_s=35)
    show(stage, 59_990, after_s=80)
    show(stage, 59_600, after_s=200)
    return again(show(again(stage), 59_600))


def exhausted_play(**config: Any) -> Stage:
    """A rise that is exhausted, seen from below and from above the entry."""
    return show(exhausted(59_980, **config), 60_050)


def cross_back_play(**config: Any) -> Stage:
    stage = lean(opening(**config))
    stage.candles("BTC/USD", "1m", [60_000, 60_180])
    return show(stage, 60_020)


def short_play(**config: Any) -> Stage:
    """A short that is exhausted after two minutes."""
    stage = lean(opening(FALL, LOWER, **config), "sell")
    stage.candles("BTC/USD", "1m", [59_850, 59_700])
    return show(stage, 59_850)


def hasty_play(**config: Any) -> Stage:
    """A target within seconds, and the same momentum a minute later."""
    stage = show(lean(opening(**config)), 60_800)
    lean(stage, price=60_000, after_s=20)
    stage.trade("BTC/USD", qty=0.01, times=3, after_s=20)
    return lean(stage, after_s=35)


def scene_play(*args: Any, side: str = "buy", **scene: Any) -> Callable[..., Stage]:
    def play(**config: Any) -> Stage:
        return lean(opening(*args, **{**scene, **config}), side)

    return play


def both_play(**config: Any) -> Stage:
    """Two coins in the same momentum, one after the other."""
    stage = Stage("momentum_scalping", ("BTC/USD", "XRP/USD"), **{**FREE, **config})
    for symbol in ("BTC/USD", "XRP/USD"):
        unit = PRICES[symbol] / 60_000
        stage.past(symbol, "5m", [close * unit for close in HIGHER])
        stage.past(symbol, "1m", [close * unit for close in RISE], [10.0] * 59 + [25.0])
    lean(stage)
    stage.trade("XRP/USD", qty=100, times=50)
    stage.wait(0.1)
    return stage


def swinging(swing: int) -> list[int]:
    """A climb whose minutes swing by so much, with the same end."""
    return [close + (swing if n % 2 else 0) for n, close in enumerate(CLIMB)] + [60_010 + swing - 40, 60_040 + swing]


@pytest.mark.slow
def test_every_key_changes_something() -> None:
    together = {
        **{key: {"avoids_strong_trends": True} for key in ("adx_candles", "adx_strong", "adx_everywhere")},
        "breaker": {"breaker.losses": 1},
        "volatility.extreme_threshold": {"volatility.is_paused_when_extreme": False},
        "volatility.extreme_size": {"volatility.is_paused_when_extreme": False},
        "exhaustion.tolerance_pct": {"exhaustion.at_breakeven": True},
        "fees.is_on": {"take_profit_pct": 0.8},
    }
    stories = (long_play, exhausted_play, cross_back_play, short_play, hasty_play, both_play, cross_play)
    turns = (scene_play(TURN), scene_play(RISE, rsi_candles=2), scene_play(FALL, LOWER, side="sell", rsi_candles=2))
    wild = {"low_below_pct": 0.01, "medium_below_pct": 0.02, "high_below_pct": 5}
    turns += tuple(
        scene_play(*scene, side=side, rsi_candles=2, volatility=wild, last_volume=40.0)
        for scene, side in (((RISE, HIGHER), "buy"), ((FALL, LOWER), "sell"))
    )
    turns += (scene_play(avoids_strong_trends=True),)
    hours = [
        scene_play(at=f"2026-07-08T{hour:02}:00:00+00:00", last_volume=volume)
        for hour in (3, 15, 18, 22)
        for volume in (19.0, 40.0)
    ]
    volumes = [scene_play(last_volume=volume) for volume in (14.0, 17.0, 30.0)]
    lively = [scene_play(swinging(swing), last_volume=v) for swing in (200, 500, 1_000) for v in (20.0, 40.0)]
    plays = (*stories, *turns, *hours, *volumes, *lively)

    assert idle_keys("momentum_scalping", plays, together=together) == []
