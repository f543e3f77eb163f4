"""Each indicator over candles is what its definition says, at every stage of a market's life."""

from __future__ import annotations

import numpy as np
import pytest

from tests.trading.candle_scenes import RESTING, series_of, steps, walk
from tests.trading.computing import are_alike, computed, values_of
from tests.trading.indicator_definitions import REFERENCES
from trading.candles import Candle
from trading.indicators.catalogue import INDICATORS
from trading.indicators.movement import correlation
from trading.indicators.oscillators import crossings, divergence
from trading.indicators.statistics import rolling_correlation, standard_score

CANDLES = walk(RESTING, start=0.1)
OTHERS = walk([0.6 * a + 0.4 * b for a, b in zip(RESTING, steps(len(RESTING), seed=9), strict=True)], seed=6)
LATE_AT_NIGHT_NS = 23 * 3_600_000_000_000
LENGTHS = [*range(1, 50), 78, 79, 127, 128, 150, 155, 169, 190, 209, 210, 211, 212, 222, 230, 300, 360]


def test_each_indicator_over_candles_has_a_definition_to_be_held_to() -> None:
    over_candles = {name for name, known in INDICATORS.items() if known.reads == "candles"}

    assert over_candles - set(REFERENCES) == {"regime"}  # which is made of others, and has its own tests
    assert set(REFERENCES) <= over_candles


def hold(name: str, candles: list[Candle], others: list[Candle], lengths: list[int]) -> None:
    is_of_two = name in {"correlation", "rolling_correlation", "correlation_trend"}
    for length in lengths:
        found = values_of(computed(INDICATORS[name], series_of(candles[:length]), series_of(others[:length])))
        expected = REFERENCES[name](candles[:length], *([others[:length]] if is_of_two else []))
        assert are_alike(found, expected), f"{name} of {length} candles is {found}, should be {expected}"


@pytest.mark.parametrize("name", sorted(REFERENCES))
def test_an_indicator_is_what_its_definition_says(name: str) -> None:
    hold(name, CANDLES, OTHERS, LENGTHS)


@pytest.mark.parametrize("name", sorted(REFERENCES.keys() - {"hurst_exponent"}))
@pytest.mark.parametrize("price", [0.1, 0.7, 1.1, 2.2, 123.45])
def test_no_rounding_of_a_price_at_rest_is_taken_for_movement(name: str, price: float) -> None:
    still = walk([0.0] * 260, start=price)

    hold(name, still, still, [*range(1, 40, 6), 80, 200, 230, 260])


@pytest.mark.parametrize("name", ["session_vwap", "session_vwap_bands"])
def test_a_session_begins_at_midnight_and_is_unknown_on_a_day_that_was_joined_late(name: str) -> None:
    candles = walk(steps(120), first_ns=LATE_AT_NIGHT_NS)

    whole = computed(INDICATORS[name], series_of(candles))

    for at in (0, 30, 59, 60, 61, 119):
        assert are_alike(values_of(whole, at), REFERENCES[name](candles[: at + 1]))
    assert None in values_of(whole, 59)
    assert None not in values_of(whole, 60)


def test_candles_that_the_other_market_lacks_have_no_correlation() -> None:
    candles, others = CANDLES[:60], [candle for at, candle in enumerate(OTHERS[:60]) if at != 40]

    found = rolling_correlation(series_of(candles), series_of(others))

    common = [candle for at, candle in enumerate(candles) if at != 40]
    assert np.isnan(found[40])
    assert found[41] == pytest.approx(REFERENCES["correlation"](common[:41], others[:41])[0])
    assert found[-1] == pytest.approx(correlation(series_of(candles), series_of(others)))


def test_prices_and_an_oscillator_diverge_when_one_makes_a_new_low_alone() -> None:
    falling, rising = np.array([5.0, 4, 3, 2]), np.array([2.0, 3, 4, 5])

    assert divergence(falling, falling, rising, 2) == 1
    assert divergence(rising, rising, falling, 2) == -1
    assert divergence(falling, falling, falling, 2) == 0
    assert divergence(falling, falling, np.array([np.nan, 3, 4, 5]), 2) is None
    assert divergence(falling[1:], falling[1:], rising[1:], 2) is None


def test_a_crossing_is_a_change_of_sides() -> None:
    first = np.array([np.nan, 1, 3, 3, 2, 1, 2])
    second = np.array([2.0, 2, 2, 2, 2, 2, 2])

    assert crossings(first, second).tolist()[2:] == [1, 0, 0, -1, 0]
    assert np.isnan(crossings(first, second)[:2]).all()
    assert crossings(first[:0], second[:0]).tolist() == []


def test_a_standard_score_of_what_does_not_deviate_is_zero() -> None:
    assert standard_score(12, 10, 4) == 0.5
    assert standard_score(12, 10, 0) == 0


def test_how_much_is_needed_depends_on_what_is_computed() -> None:
    assert INDICATORS["rsi"].minimum() == 15
    assert INDICATORS["rsi"].minimum(period=30) == 31
    assert INDICATORS["macd"].minimum(slow=13, signal=5) == 18
    assert INDICATORS["sma"].minimum(period=200) == 200


def test_a_market_at_rest_has_no_exponent() -> None:
    assert computed(INDICATORS["hurst_exponent"], series_of(walk([0.0] * 260, start=0.1))) is None
