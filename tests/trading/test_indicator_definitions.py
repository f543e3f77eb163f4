"""Each indicator over candles is what its definition says, at every stage of a market's life."""

from __future__ import annotations

import pytest

from tests.trading.candle_scenes import RESTING, series_of, steps, walk
from tests.trading.indicator_definitions import REFERENCES
from tests.trading.indicators_asked import are_alike, ask, values_of
from trading.indicators.catalogue import INDICATORS

CANDLES = walk(RESTING, start=0.1)
OTHERS = walk([0.6 * a + 0.4 * b for a, b in zip(RESTING, steps(len(RESTING), seed=9), strict=True)], seed=6)
LENGTHS = [*range(1, 50), 78, 79, 127, 128, 150, 155, 169, 190, 209, 210, 211, 212, 222, 230, 300, 360]


def test_each_indicator_over_candles_has_a_definition_to_be_held_to() -> None:
    over_candles = {name for name, known in INDICATORS.items() if known.reads == "candles"}

    assert over_candles - set(REFERENCES) == {"regime"}  # which is made of others, and has its own tests
    assert set(REFERENCES) <= over_candles


@pytest.mark.parametrize("name", sorted(REFERENCES))
def test_an_indicator_is_what_its_definition_says(name: str) -> None:
    asked = INDICATORS[name]
    reference = REFERENCES[name]
    is_of_two = name in {"correlation", "rolling_correlation", "correlation_trend"}

    for length in LENGTHS:
        found = values_of(ask(asked, series_of(CANDLES[:length]), series_of(OTHERS[:length])))
        expected = reference(CANDLES[:length], *([OTHERS[:length]] if is_of_two else []))
        assert are_alike(found, expected), f"{name} of {length} candles is {found}, should be {expected}"
