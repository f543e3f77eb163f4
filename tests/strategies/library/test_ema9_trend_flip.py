"""ema9_trend_flip: enters when an hour opens across its average, leaves when one opens on the wrong side of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.keys import idle_keys
from tests.stage import Stage
from trading.signals import Signal

QUIET = [60_000.0] * 40  # closes of hours; each opens where the one before closed
BELOW = [*QUIET, 59_800, 59_700, 59_700, 59_700]  # four hours open below their averages of about 59,900
ABOVE = [*QUIET, 60_200, 60_300, 60_300, 60_300]


def opening(closes: list[float], now: float, symbol: str = "BTC/USD", minute: int = 5, **config: Any) -> Stage:
    """Open some minutes into an hour that opened at ``now``, after hours with these closes.

    A candle counts when it was watched whole: where hours are to be played, open with one.
    """
    stage = Stage("ema9_trend_flip", (symbol,), at=f"2026-07-08T09:{minute:02}:00+00:00", **config)
    return stage.past(symbol, "1h", [*closes, now]).past(symbol, "1m", [now] * 10)


def ask(stage: Stage, price: float | None = None, *, after_s: float = 61) -> Stage:
    """Let a minute end, and what was asked for be filled."""
    if stage.market.sequence == 0:
        stage.wait(0.1)
    stage.trade("BTC/USD", price, qty=0.01, after_s=after_s)
    stage.wait(0.1)
    return stage


def hours(stage: Stage, closes: Iterable[float]) -> Stage:
    """Play whole hours; each is asked about when the first minute of the next has ended."""
    for close in closes:
        stage.stride("BTC/USD", "1h", [close], qty=0.01)
        ask(stage)
    return stage


def bought(**config: Any) -> Stage:
    stage = ask(opening(BELOW, 60_100, **config))
    assert stage.codes == ["ema_flip_long"]
    return stage


def shorted(**config: Any) -> Stage:
    stage = ask(opening(ABOVE, 59_900, **config))
    assert stage.codes == ["ema_flip_short"]
    return stage


def test_it_buys_when_an_hour_opens_above_after_three_below() -> None:
    stage = bought()

    (signal,) = stage.said
    assert isinstance(signal, Signal)
    assert (signal.size, signal.stop_loss, signal.take_profit) == (
        50, pytest.approx(60_100 * 0.99), pytest.approx(60_100 * 1.02),
    )  # fmt: skip
    assert stage.holding("BTC/USD") is not None


def test_it_shorts_when_an_hour_opens_below_after_three_above() -> None:
    stage = shorted()

    (signal,) = stage.said
    assert isinstance(signal, Signal)
    assert (signal.stop_loss, signal.take_profit) == (pytest.approx(59_900 * 1.01), pytest.approx(59_900 * 0.98))
    holding = stage.holding("BTC/USD")
    assert holding is not None
    assert holding.qty < 0


def test_the_hour_just_before_counts_among_the_three() -> None:
    stage = ask(opening([*BELOW, 59_960], 60_100))  # it opened within a tenth of a percent of its average

    assert (stage.codes, set(stage.why)) == ([], {"no_flip_signal BTC/USD"})


def test_it_looks_at_how_the_hour_opened_not_at_where_the_price_has_gone() -> None:
    stage = ask(opening(BELOW, 59_700), 60_500)

    assert (stage.codes, set(stage.why)) == ([], {"no_flip_signal BTC/USD"})


def test_a_live_hour_counts_from_its_first_minute_on() -> None:
    stage = opening(BELOW, 59_700, minute=0)
    ask(stage, 59_700)
    stage.stride("BTC/USD", "1h", [60_100], qty=0.01)
    assert stage.codes == []

    ask(stage)

    assert stage.codes == ["ema_flip_long"]


@pytest.mark.parametrize(("price", "reason"), [(59_400, "stop loss"), (61_400, "take profit")])
def test_stop_and_target_close_a_long_at_the_exchange(price: float, reason: str) -> None:
    stage = ask(bought(), price, after_s=5)

    assert stage.holding("BTC/USD") is None
    assert reason in stage.trades[-1][1]


@pytest.mark.parametrize(("price", "reason"), [(60_600, "stop loss"), (58_600, "take profit")])
def test_stop_and_target_close_a_short_at_the_exchange(price: float, reason: str) -> None:
    stage = ask(shorted(), price, after_s=5)

    assert stage.holding("BTC/USD") is None
    assert reason in stage.trades[-1][1]


def test_stop_and_target_may_follow_the_range_of_the_hours() -> None:
    (signal,) = bought(uses_ranges=True, range_candles=1).said

    # The last hour went from 59,700 to 60,100, with wicks of 0.05 % at both ends.
    reach = 60_100 * 1.0005 - 59_700 * 0.9995
    assert isinstance(signal, Signal)
    assert signal.stop_loss == pytest.approx(60_100 - 1.5 * reach, abs=0.5)
    assert signal.take_profit == pytest.approx(60_100 + 3 * reach, abs=0.5)


def test_it_leaves_when_an_hour_opens_on_the_wrong_side() -> None:
    stage = hours(bought(minute=0), [59_700])

    assert stage.holding("BTC/USD") is None
    assert stage.codes == ["ema_flip_long", "ema_flip"]


def test_a_short_is_left_likewise() -> None:
    stage = hours(shorted(minute=0), [60_300])

    assert stage.holding("BTC/USD") is None
    assert stage.codes == ["ema_flip_short", "ema_flip"]


def test_it_leaves_after_three_days() -> None:
    stage = hours(bought(minute=0), [60_150] * 71)
    assert stage.holding("BTC/USD") is not None

    hours(stage, [60_150] * 2)

    assert stage.holding("BTC/USD") is None
    assert stage.codes == ["ema_flip_long", "time_exit"]


def test_a_flip_has_one_entry() -> None:
    stage = ask(bought(), 61_400, after_s=5)
    assert stage.holding("BTC/USD") is None

    for _ in range(5):
        ask(stage, 60_100, after_s=500)

    assert (stage.codes, stage.why["time_cooldown BTC/USD"] > 0) == (["ema_flip_long"], True)
    assert stage.why["no_flip_signal BTC/USD"] > 0


def test_after_a_loss_it_rests_longer_than_after_a_gain() -> None:
    waits = []
    for price in (61_400, 59_400):
        stage = ask(bought(), price, after_s=5)
        for _ in range(5):
            ask(stage, 60_100, after_s=600)
        waits.append(stage.why["time_cooldown BTC/USD"])

    assert waits == [2, 5]  # ten minutes each: half an hour, and more than fifty minutes


@pytest.mark.parametrize("leaves", ["stop", "target", "flip", "age"])
def test_it_enters_again_after_it_has_left(leaves: str) -> None:
    stage = bought(max_hold_h=2.5, minute=0)
    match leaves:
        case "stop":
            ask(stage, 59_400, after_s=5)
        case "target":
            ask(stage, 61_400, after_s=5)
        case "flip":
            hours(stage, [59_700])
        case "age":
            hours(stage, [60_150] * 3)
    assert stage.holding("BTC/USD") is None

    hours(stage, [59_500, 59_400, 59_300, 59_300, 60_300])

    assert stage.codes.count("ema_flip_long") == 2


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"buffer_pct": 2}, "buffer_not_met"),
        ({"confirmations": 5}, "no_flip_signal"),
        ({"size_usd": 9}, "insufficient_size"),
        ({"limits": {"total_usd": 9}}, "max_position"),
        ({"average_candles": 26, "confirmations": 20}, "insufficient_candles"),
    ],
)
def test_each_filter_keeps_it_out_and_says_so(config: dict[str, Any], code: str) -> None:
    stage = ask(opening(BELOW, 60_100, **config))

    assert (stage.fills, set(stage.why)) == ([], {f"{code} BTC/USD"})


def test_it_does_not_short_when_shorts_are_off() -> None:
    stage = ask(opening(ABOVE, 59_900, goes_short=False))

    assert (stage.codes, set(stage.why)) == ([], {"no_shorts BTC/USD"})


def test_losses_in_a_row_stop_entries() -> None:
    stage = ask(bought(breaker={"losses": 1}), 59_400, after_s=5)
    ask(stage)

    assert stage.why["circuit_breaker BTC/USD"] > 0


def test_an_hour_whose_first_minute_nobody_saw_is_not_judged() -> None:
    stage = Stage("ema9_trend_flip", ("BTC/USD",), at="2026-07-08T09:05:00+00:00")
    stage.past("BTC/USD", "1h", [*BELOW, 60_100]).past("BTC/USD", "1m", [60_100] * 3)

    ask(stage)

    assert (stage.codes, set(stage.why)) == ([], {"insufficient_candles BTC/USD"})


@pytest.mark.parametrize(("stop", "target"), [("stop_loss_pct", "take_profit_pct"), ("stop_ranges", "target_ranges")])
def test_a_target_below_the_stop_is_refused(stop: str, target: str) -> None:
    with pytest.raises(ValueError, match=f"{target} is 1.0; expected at least {stop}, which is 2.0"):
        Stage("ema9_trend_flip", **{stop: 2, target: 1})


def test_a_checkpoint_changes_nothing() -> None:
    straight, resumed = bought(), bought()
    resumed.engine = type(resumed.engine).resume(
        resumed.engine.strategy, resumed.engine.config, resumed.engine.terms, resumed.engine.checkpoint()
    )

    ends = []
    for stage in (straight, resumed):
        ask(stage, 61_400, after_s=5)
        for _ in range(4):
            ask(stage, 60_100, after_s=600)
        ends.append(stage.engine.checkpoint())

    assert ends[0] == ends[1]


def leaving_play(price: float) -> Callable[..., Stage]:
    """Play a long that is left at a price, the rest of its hour, and hours that flip twice."""

    def play(**config: Any) -> Stage:
        stage = ask(ask(opening(BELOW, 60_100, minute=0, **config)), price, after_s=5)
        for _ in range(4):
            ask(stage, 60_100, after_s=700)
        return hours(stage, [59_500, 59_400, 59_300, 59_300, 60_300, 59_000, 59_500])

    return play


def holding_play(**config: Any) -> Stage:
    """A long that is held for days."""
    return hours(ask(opening(BELOW, 60_100, minute=0, **config)), [60_150] * 75)


def short_play(**config: Any) -> Stage:
    """A short, and a flip against it."""
    return hours(ask(opening(ABOVE, 59_900, minute=0, **config)), [60_200])


@pytest.mark.slow
def test_every_key_changes_something() -> None:
    ranges = {"uses_ranges": True}
    together = {
        **dict.fromkeys(("range_candles", "stop_ranges", "target_ranges"), ranges),
        "breaker": {"breaker.losses": 1},
    }
    plays = (leaving_play(59_400), leaving_play(61_400), short_play, holding_play)

    assert idle_keys("ema9_trend_flip", plays, together=together) == []
