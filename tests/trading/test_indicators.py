from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from trading.book import Side
from trading.candles import Candle, CandleSeries, CandleStore
from trading.indicators.averages import adx, bollinger, ema, newest, rsi, sma
from trading.indicators.flow import imbalance, vwap
from trading.indicators.movement import correlation, slope_pct, volatility_pct
from trading.snapshot import Print


def series_of(closes: list[float]) -> CandleSeries:
    store = CandleStore("XRP/USD", "1m")
    for at, close in enumerate(closes):
        store.append(Candle(at * 60_000_000_000, close, close + 1, close - 1, close, 10, 1))
    return store.view()


WALK = list(np.cumsum(np.random.default_rng(3).normal(size=120)) + 100)


def test_an_ema_is_seeded_with_the_simple_average() -> None:
    expected = sum(WALK[:9]) / 9
    for close in WALK[9:]:
        expected += (close - expected) * 2 / 10

    assert ema(series_of(WALK), 9)[-1] == pytest.approx(expected, abs=1e-9)


def test_rsi_is_wilders() -> None:
    moves = np.diff(WALK)
    gain, loss = moves[:14].clip(0).mean(), (-moves[:14]).clip(0).mean()
    for move in moves[14:]:
        gain, loss = (gain * 13 + max(move, 0)) / 14, (loss * 13 + max(-move, 0)) / 14

    assert rsi(series_of(WALK))[-1] == pytest.approx(100 - 100 / (1 + gain / loss), abs=1e-9)


def test_bands_are_population_deviations_around_the_average() -> None:
    bands = bollinger(series_of([1, 2, 3, 4, 5]), 5, 2)

    assert bands == pytest.approx((3 + 2 * math.sqrt(2), 3, 3 - 2 * math.sqrt(2)))


def test_volatility_slope_and_correlation_are_those_of_the_definition() -> None:
    series = series_of([100, 101, 103, 102])

    returns = [1 / 100, 2 / 101, -1 / 103]
    assert volatility_pct(series, 3) == pytest.approx(np.std(returns) * 100)
    assert slope_pct(series, 4) == pytest.approx(np.polyfit(range(4), [100, 101, 103, 102], 1)[0] / 101.5 * 100)
    assert correlation(series_of(WALK), series_of([-x for x in WALK]), 50) == pytest.approx(1)


def test_flow_is_weighted_by_value() -> None:
    prints = [Print(10, 3, Side.BUY, 0), Print(20, 1, Side.SELL, 0)]

    assert imbalance(prints) == pytest.approx((30 - 20) / 50)
    assert vwap(prints) == pytest.approx(50 / 4)
    assert (imbalance([]), vwap([])) == (None, None)


@pytest.mark.parametrize("indicator", [ema, sma, rsi, adx])
@pytest.mark.parametrize("length", [1, 5, 13, 14, 40])
def test_what_is_not_known_yet_is_never_a_number(indicator: Callable, length: int) -> None:
    values = indicator(series_of(WALK[:length]), 14)

    assert len(values) == length
    assert newest(values) is None or length >= 14


@pytest.mark.parametrize("indicator", [ema, sma, rsi, adx])
def test_an_indicator_is_computed_once_per_version_and_cannot_be_written_to(indicator: Callable) -> None:
    series = series_of(WALK)

    assert indicator(series, 14) is indicator(series, 14)
    with pytest.raises(ValueError, match="read-only"):
        indicator(series, 14)[0] = 1


def test_nothing_is_known_of_series_that_are_too_short() -> None:
    short = series_of([1, 2])

    assert (
        bollinger(short, 5) is volatility_pct(short, 5) is slope_pct(short, 5) is correlation(short, short, 5) is None
    )
