"""Who leads on a market: found from candles alone, and not given up for a whim."""

from __future__ import annotations

import pytest

from tests.drawing import START_NS, Scene
from tests.making import Bench
from tests.trading.candle_scenes import series_of, steps, walk
from trading.candles import MINUTE_NS, Candle, CandleSeries, width_ns
from trading.frames import History
from trading.indicators.catalogue import INDICATORS
from trading.indicators.regime import MarketTrend, Regime, RegimeRules, _held, regime
from trading.indicators.trend import AdxStrength, adx_strength
from trading.indicators.volatility import Volatility, VolatilityBounds, volatility_kind
from trading.snapshot import DataSnapshot, UnknownSymbol, seen_by

RISING, FALLING = steps(300, drift=0.15), steps(300, drift=-0.15)
BOUNDS = (-0.6, -0.25, 0.25, 0.6)
STATES = tuple(MarketTrend)


def market(moves: list[float]) -> CandleSeries:
    return series_of(walk(moves))


def test_a_market_that_only_rises_is_the_bulls_and_one_that_falls_the_bears() -> None:
    up, down = regime(market(RISING)), regime(market(FALLING))

    assert up.trend is MarketTrend.STRONG_BULL
    assert down.trend is MarketTrend.STRONG_BEAR
    assert up.score > 0.6 > -0.6 > down.score
    assert up.trend_strength is AdxStrength.VERY_STRONG
    assert 0.5 < up.confidence <= 1


def test_a_market_that_swings_about_one_price_is_nobodys() -> None:
    swings = [0.3, -0.3] * 150

    found = regime(market(swings))

    assert found.trend is MarketTrend.SIDEWAYS
    assert abs(found.score) < 0.25


def test_a_market_at_rest_is_nobodys_and_quiet() -> None:
    found = regime(market([0.0] * 250))

    assert (found.trend, found.trend_strength, found.score) == (MarketTrend.SIDEWAYS, AdxStrength.ABSENT, 0)
    assert found.volatility is Volatility.LOW


def test_the_volume_of_an_hour_in_which_nobody_traded_speaks_for_nobody() -> None:
    assert regime(market([*steps(200), *[0.0] * 60])).components.volume == 0


def test_what_lies_further_back_than_its_memory_does_not_hold_a_state() -> None:
    stubborn = {"margin": 1.0, "confirmations": 500}
    become_quiet = market([*RISING, *[0.02, -0.02] * 100])

    assert regime(become_quiet, RegimeRules(**stubborn, memory=500)).trend is MarketTrend.STRONG_BULL
    assert regime(become_quiet, RegimeRules(**stubborn, memory=2)).trend is not MarketTrend.STRONG_BULL


def test_a_market_grown_wild_says_so_and_is_less_sure() -> None:
    wild = regime(market([*RISING, *[2.0, -1.5] * 10]))

    assert wild.volatility is Volatility.EXTREME
    assert wild.confidence < regime(market(RISING)).confidence


def test_a_regime_is_unknown_below_two_hundred_candles() -> None:
    assert regime(market(RISING[:199])) is None
    assert regime(market(RISING[:200])) is not None


def test_a_regime_is_a_function_of_the_candles() -> None:
    moves = [*steps(200), *RISING, *FALLING, *steps(100)]

    by_minute = [regime(market(moves[:end])) for end in range(780, 900, 7)]
    afresh = [regime(market(moves[:end])) for end in reversed(range(780, 900, 7))]

    assert by_minute == list(reversed(afresh))
    assert len({found.trend for found in by_minute}) > 1


def test_a_longer_history_finds_the_same_regime() -> None:
    candles = walk([*steps(700), *RISING, *steps(200, drift=-0.1)])

    assert regime(series_of(candles)).trend is regime(series_of(candles[-700:])).trend


def states(scores: list[float], confirmations: int = 3) -> MarketTrend:
    return STATES[_held(scores, BOUNDS, 0.1, confirmations)]


def test_a_state_is_kept_when_the_score_strays_a_little_beyond_it() -> None:
    assert states([0.3, 0.2]) is MarketTrend.BULL
    assert states([0.3, 0.2, 0.2]) is MarketTrend.BULL
    assert states([0.3, 0.2, 0.2, 0.3, 0.2, 0.2]) is MarketTrend.BULL


def test_a_state_is_left_when_the_score_passes_the_margin_or_stays_away_for_three_candles() -> None:
    assert states([0.3, 0.1]) is MarketTrend.SIDEWAYS
    assert states([0.3, 0.2, 0.2, 0.2]) is MarketTrend.SIDEWAYS
    assert states([0.3, 0.65]) is MarketTrend.BULL
    assert states([0.3, 0.75]) is MarketTrend.STRONG_BULL
    assert states([0.3, -0.9]) is MarketTrend.STRONG_BEAR


def test_a_market_that_hovers_at_a_bound_does_not_flicker() -> None:
    hovering = [0.3, *[0.24, 0.26] * 50]

    assert [states(hovering[:end]) for end in range(1, 100)] == [MarketTrend.BULL] * 99


def test_weights_decide_what_a_regime_listens_to() -> None:
    falling_back = market([*RISING, *[-0.25] * 25])
    deaf = {"strength_weight": 0, "rsi_weight": 0, "macd_weight": 0, "volume_weight": 0}

    usual = regime(falling_back)
    by_order_alone = regime(falling_back, RegimeRules(**deaf, choppiness_damping=0, volatility_damping=0))

    assert by_order_alone.score == pytest.approx(by_order_alone.components.direction)
    assert usual.score < by_order_alone.score


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({f"{part}_weight": 0 for part in ("direction", "strength", "rsi", "macd", "volume")}, "weights of the regime"),
        ({"bull": 0.7}, "bull is 0.7 and strong 0.6"),
        ({"high": 3.0}, "medium, high and extreme are 0.6, 3.0 and 2.5"),
    ],
)
def test_rules_that_say_nothing_are_refused(rules: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RegimeRules(**rules)


@pytest.mark.parametrize(
    "rules",
    [
        RegimeRules(short=5, middle=10, long=30, window=5, baseline=10),
        RegimeRules(short=2, middle=60, long=30, window=2, baseline=2),
        RegimeRules(short=2, middle=3, long=4, window=2, baseline=2, period=40),
        RegimeRules(short=2, middle=3, long=4, window=30, baseline=50, period=2),
        RegimeRules(short=2, middle=3, long=4, window=2, baseline=2, period=2),
    ],
)
def test_a_regime_of_other_rules_is_known_from_the_candles_on_that_they_need(rules: RegimeRules) -> None:
    needed = INDICATORS["regime"].minimum(rules=rules)

    assert regime(market(RISING[: needed - 1]), rules) is None
    assert regime(market([0.0] * (needed - 1)), rules) is None
    assert regime(market(RISING[:needed]), rules) is not None


def remembering(**histories: int) -> DataSnapshot:
    """Return what a deployment sees of a market with so many rising candles of each timeframe."""
    scene = Scene()
    pieces = []
    for timeframe, count in histories.items():
        name = timeframe.removeprefix("of_")
        first = (START_NS - MINUTE_NS * 1440 * 400) // width_ns(name) * width_ns(name)
        candles = [
            Candle(first + at * width_ns(name), 1000 + at, 1002 + at, 999 + at, 1001 + at, 50, 3) for at in range(count)
        ]
        numbers = tuple((c.start_ns, *map(int, (c.open, c.high, c.low, c.close, c.volume)), c.trades) for c in candles)
        pieces.append(History("XRP/USD", name, numbers))
    _, data = scene.show("101 x 5\n---\n99 x 4", history=tuple(pieces))
    return seen_by(Bench().engine, ("XRP/USD",), data)


def regime_of(data: DataSnapshot, *timeframes: str) -> Regime | None:
    return data.regime("XRP/USD", timeframes)


def test_a_snapshot_tells_the_regime_of_the_longest_timeframe_that_has_the_candles() -> None:
    data = remembering(of_5m=300, of_15m=250, of_1h=199)

    assert data.regime("XRP/USD").timeframe == "15m"
    assert regime_of(data, "5m", "1h").timeframe == "5m"
    assert data.regime("XRP/USD", timeframe="5m").trend is MarketTrend.STRONG_BULL
    assert data.regime("XRP/USD", timeframe="1h") is None


def test_a_regime_of_a_timeframe_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UnknownSymbol, match="timeframe is '7m'"):
        remembering().regime("XRP/USD", timeframe="7m")


def test_names_of_strength_and_volatility_begin_at_their_bounds() -> None:
    strengths = [adx_strength(value) for value in (0, 14.9, 15, 20, 25, 39.9, 40, 100)]
    kinds = [volatility_kind(value) for value in (0.0, 0.3, 0.8, 1.5)]

    assert [s.name for s in strengths] == [
        "ABSENT", "ABSENT", "WEAK", "EMERGING", "STRONG", "STRONG", "VERY_STRONG", "VERY_STRONG",
    ]  # fmt: skip
    assert kinds == list(Volatility)
    assert volatility_kind(0.5, VolatilityBounds(0.2, 0.5, 1.0)) is Volatility.HIGH
