"""ratio_trading: changes bitcoin for XRP and XRP for bitcoin, takes what the ratio gives back, and keeps both."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from strategies.versions import registry
from tests.keys import idle_keys
from tests.stage import Stage
from trading.signals import Signal
from trading.strategy import InvalidConfig

SATOSHI = 1e-8
QUIET = [4_000 + 4 * (n % 2) for n in range(58)]  # satoshis an XRP, minute by minute
CHEAP = [*QUIET, 3_990, 3_975, 3_960]  # 1 % below its mean, RSI 27
DEAR = [*QUIET[:57], 4_014, 4_029, 4_044]
COINS = {"XRP": Decimal(20), "BTC": Decimal("0.001")}  # $48 and $60


def opening(closes: list[int] = CHEAP, apart: bool = False, **config: Any) -> Stage:
    """Open after these minutes of the ratio; the coins move together in dollars unless they are ``apart``."""
    stage = Stage("ratio_trading", ("XRP/BTC",), terms={"assets": COINS}, **config)
    swings = [0.001 * (n * n % 7) for n in range(60)]
    stage.past("BTC/USD", "1m", [60_000 * (1 + swing) for swing in swings])
    stage.past("XRP/USD", "1m", [2.4 * (1 + (-swing if apart and n > 35 else swing)) for n, swing in enumerate(swings)])
    return stage.past("XRP/BTC", "1m", [close * SATOSHI for close in closes])


def show(stage: Stage, satoshis: float | None = None, **options: Any) -> Stage:
    """Let someone trade at a price, and the orders that follow arrive."""
    stage.trade("XRP/BTC", None if satoshis is None else satoshis * SATOSHI, **options)
    stage.wait(0.1)
    return stage


def bought(**config: Any) -> Stage:
    stage = show(opening(**config))
    assert stage.codes == ["ratio_purchase"]
    assert stage.holding("XRP/BTC") is not None
    return stage


def gained(stage: Stage, coin: str) -> float:
    shown: float = stage.indicators["XRP/BTC"][f"{coin}_gained"]
    return shown


def test_it_buys_xrp_with_bitcoin_while_it_is_cheap() -> None:
    stage = bought()

    (signal,) = stage.said
    assert isinstance(signal, Signal)
    assert (signal.size, signal.stop_loss, signal.take_profit) == (
        15, pytest.approx(3_960 * SATOSHI * 0.988), pytest.approx(3_960 * SATOSHI * 1.012),
    )  # fmt: skip


def test_it_sells_xrp_that_was_paid_in_while_it_is_dear_and_shorts_nothing() -> None:
    stage = show(opening(DEAR))

    assert stage.codes == ["ratio_sale"]
    assert [fill.side.value for fill in stage.fills] == ["sell"]
    assert float(stage.fills[0].qty) == pytest.approx(15 / (4_044 * SATOSHI * 60_120), rel=0.001)
    assert stage.holding("XRP/BTC") is None


def test_it_does_not_sell_deposits_when_that_is_off() -> None:
    stage = show(opening(DEAR, sells_holdings=False))

    assert (stage.fills, stage.why) == ([], {"no_signal_conditions XRP/BTC": 1})


def test_a_sale_of_what_was_paid_in_is_no_lost_trade() -> None:
    stage = show(opening(DEAR, breaker={"losses": 1}, cooldown_s=0))
    show(stage)

    assert stage.codes == ["ratio_sale"] * 2
    assert "circuit_breaker XRP/BTC" not in stage.why


def test_it_keeps_a_share_of_what_it_began_with() -> None:
    stage = opening(DEAR, cooldown_s=0)
    for _ in range(4):
        show(stage)

    assert sum(fill.qty for fill in stage.fills) == pytest.approx(Decimal(10), rel=Decimal("0.01"))
    assert stage.why["insufficient_funds XRP/BTC"] > 0


def test_it_counts_the_coins_that_trading_has_brought() -> None:
    stage = bought()
    (fill,) = stage.fills
    show(stage)

    assert gained(stage, "XRP") == pytest.approx(float(fill.qty))
    assert gained(stage, "BTC") == pytest.approx(-float(fill.cost + fill.fee))


def test_without_bitcoin_it_cannot_buy() -> None:
    stage = Stage("ratio_trading", ("XRP/BTC",)).past("XRP/BTC", "1m", [close * SATOSHI for close in CHEAP])
    show(stage)

    assert (stage.fills, stage.why) == ([], {"insufficient_funds XRP/BTC": 1})


@pytest.mark.parametrize(("satoshis", "reason"), [(3_900, "stop loss"), (4_010, "take profit")])
def test_stop_and_target_close_it_at_the_exchange(satoshis: float, reason: str) -> None:
    stage = show(bought(), satoshis)

    assert stage.holding("XRP/BTC") is None
    assert reason in stage.trades[-1][1]


def test_it_leaves_when_the_ratio_falls_back_from_its_best() -> None:
    stage = show(bought(), 3_988)  # 0.7 % up
    show(stage, 3_971)  # and 0.43 % down from there

    assert stage.codes[-1] == "trailing_stop"
    assert stage.holding("XRP/BTC") is None


def test_it_sells_half_at_the_mean_once_that_pays_for_both_fees_and_once_a_candle() -> None:
    stage = bought(take_profit_pct=5, trailing={"is_on": False})
    before = stage.holding("XRP/BTC")
    show(stage, 3_990)  # near the mean, but 0.76 % do not pay 0.8 %
    assert stage.codes == ["ratio_purchase"]

    show(show(stage, 3_997, after_s=5), 3_997)  # 0.93 %

    assert stage.codes == ["ratio_purchase", "mean_reversion"]
    holding = stage.holding("XRP/BTC")
    assert before is not None
    assert holding is not None
    assert holding.qty == pytest.approx(before.qty / 2)


def test_a_half_that_is_too_small_to_trade_goes_with_the_other() -> None:
    stage = show(bought(take_profit_pct=5, trailing={"is_on": False}, size_usd=9), 3_997)

    assert stage.codes[-1] == "mean_reversion"
    assert stage.holding("XRP/BTC") is None


def test_it_is_content_with_half_of_its_target_after_ten_minutes() -> None:
    stage = bought(trailing={"is_on": False})
    show(stage, 3_986, after_s=9 * 60)
    assert stage.codes == ["ratio_purchase"]

    show(stage, 3_986, after_s=65)  # 0.66 % of a target of 1.2 %, near the mean

    assert stage.codes == ["ratio_purchase", "position_decay"]


def test_it_leaves_all_of_it_when_the_ratio_is_stretched_the_other_way() -> None:
    stage = bought(take_profit_pct=20, trailing={"is_on": False})
    show(stage, 4_060)

    assert stage.codes[-1] == "overshoot_exit"
    assert stage.holding("XRP/BTC") is None


@pytest.mark.parametrize("way_out", [3_900, 4_010, 3_971])
def test_it_enters_again_after_a_stop_a_target_and_a_trailing_stop(way_out: float) -> None:
    stage = bought()
    if way_out == 3_971:
        show(stage, 3_988)
    show(stage, way_out)
    assert stage.holding("XRP/BTC") is None

    show(again_cheap(stage))

    assert [side for side, _ in stage.trades].count("buy") == 2


def again_cheap(stage: Stage) -> Stage:
    """Play half an hour of quiet, and a fall; the coins go on together."""
    for close in [4_000 + 4 * (n % 2) for n in range(27)] + [3_990, 3_975, 3_960]:
        swing = 1 + 0.001 * (close % 7)
        stage.trade("BTC/USD", 60_000 * swing, after_s=20)
        stage.trade("XRP/USD", 2.4 * swing, after_s=20)
        stage.trade("XRP/BTC", close * SATOSHI, after_s=20)
    return stage


def test_a_lost_trade_stops_entries_but_no_exit() -> None:
    stage = bought(breaker={"losses": 1, "minutes": 120})
    show(stage, 3_900)
    show(again_cheap(stage))

    assert stage.codes == ["ratio_purchase"]
    assert stage.why["circuit_breaker XRP/BTC"] > 0


TREND = [*QUIET[:50], *(4_000 - 4 * n for n in range(1, 11))]


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ({"closes": TREND}, "strong_trend_detected"),
        ({"rsi_oversold": 10}, "rsi_not_confirmed"),
        ({"flow": {"is_on": True}}, "trade_flow_not_aligned"),
        ({"fees": {"min_net_pct": 1}}, "fee_unprofitable"),
        ({"max_spread_pct": 0.01}, "spread_too_wide"),
        ({"apart": True}, "correlation_too_low"),
        ({"size_usd": 4}, "insufficient_size"),
        ({"limits": {"total_usd": 4}}, "max_position"),
        ({"entry_deviations": 5}, "no_signal_conditions"),
        ({"volatility": {"low_below_pct": 0.01, "medium_below_pct": 0.02, "high_below_pct": 0.03}}, "regime_pause"),
    ],
)
def test_each_filter_keeps_it_out_and_says_so(setting: dict[str, Any], code: str) -> None:
    stage = show(opening(**setting))

    assert (stage.fills, stage.why) == ([], {f"{code} XRP/BTC": 1})


def test_a_declining_correlation_keeps_it_out_when_that_is_asked_for() -> None:
    stage = show(opening(apart=True, correlation_least=-1, avoids_decline=True))

    assert (stage.fills, stage.why) == ([], {"correlation_declining XRP/BTC": 1})


def test_after_an_entry_it_waits() -> None:
    stage = show(bought())

    assert stage.why == {"time_cooldown XRP/BTC": 1}


def test_the_mean_must_be_nearer_than_an_entry() -> None:
    with pytest.raises(InvalidConfig, match=r"exit_deviations is 2\.0; expected below 1\.5"):
        registry.strategy("ratio_trading").config({"exit_deviations": 2.0})


def cheap_play(**config: Any) -> Stage:
    """A purchase, its rise to the mean and past it, minutes later the same again, and a stop."""
    stage = show(opening(**config), side="buy", qty=10, times=6)
    for satoshis, after_s in ((3_975, 40), (3_986, 40), (3_990, 560), (3_992, 60), (3_997, 5), (3_994, 61), (3_970, 5)):
        show(stage, satoshis, after_s=after_s, side="buy")
    show(again_cheap(stage))
    show(stage, 3_900, after_s=31)
    for _ in range(3):
        show(stage, 3_890, after_s=400)
    return stage


def dear_play(**config: Any) -> Stage:
    """Sales of what was paid in."""
    stage = opening(DEAR, **config)
    for _ in range(4):
        show(stage, after_s=16)
    return show(show(stage, 3_940, after_s=300), 4_060)


def tape_play(**config: Any) -> Stage:
    """Sales that turn into purchases while the ratio is cheap."""
    stage = opening(**config)
    stage.trade("XRP/BTC", side="sell", qty=10, times=30)
    return show(stage, side="buy", qty=10, times=20)


def apart_play(**config: Any) -> Stage:
    return show(opening(apart=True, **config))


def trend_play(**config: Any) -> Stage:
    return show(opening(TREND, **config))


def near_play(**config: Any) -> Stage:
    """A rise that ends a little beyond the mean."""
    return show(show(opening(**config)), 4_003)


def lively_play(swing: int, fall: int) -> Callable[..., Stage]:
    """Minutes that swing so many satoshis, and a fall below them that is enough or not."""

    def play(**config: Any) -> Stage:
        closes = [4_000 + swing * (n % 2) for n in range(59)]
        return show(opening([*closes, 4_000 - fall], **{"needs_rsi": False, **config}))

    return play


@pytest.mark.slow
def test_every_key_changes_something() -> None:
    together = {
        "avoids_decline": {"correlation_least": -1},
        **{key: {"correlation_least": -1, "avoids_decline": True} for key in ("decline_candles", "decline_slope")},
        "decline_below": {"correlation_least": -1, "avoids_decline": True},
        "flow": {"flow.is_on": True},
        "flow.is_on": {"flow.is_on": False},
        "breaker": {"breaker.losses": 1},
        "volatility.extreme_threshold": {"volatility.is_paused_when_extreme": False},
        "volatility.extreme_size": {"volatility.is_paused_when_extreme": False},
    }
    lively = [lively_play(swing, fall) for swing, fall in ((6, 1), (14, 5), (28, 10), (28, 20), (60, 58))]
    plays = (cheap_play, dear_play, near_play, tape_play, apart_play, trend_play, *lively)

    assert idle_keys("ratio_trading", plays, together=together, values={"decay.stages": [[[1, 0.1]]]}) == []
