"""What holds for every indicator: a new one is found in the package and held to it unasked."""

from __future__ import annotations

import inspect
import math
import pkgutil
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trading.indicators
from tests.trading.candle_scenes import RESTING, series_of, steps, walk
from tests.trading.computing import are_alike, computed, lines_of, values_of
from trading.candles import MINUTE_NS, SERIES_CAPACITY, Candle
from trading.indicators.catalogue import FAMILIES, INDICATORS
from trading.indicators.definition import Indicator

OVER_CANDLES = [pytest.param(known, id=name) for name, known in INDICATORS.items() if known.reads == "candles"]
LIVELY = walk(steps(400))
ANOTHER = walk(steps(400, seed=9), seed=6)
AT_REST = [Candle(at * MINUTE_NS, 0.1, 0.1, 0.1, 0.1, 0.0, 0) for at in range(250)]


def public_functions(family: ModuleType) -> list[str]:
    return [
        name
        for name, thing in vars(family).items()
        if inspect.isfunction(thing) and thing.__module__ == family.__name__ and not name.startswith("_")
    ]


def test_every_file_of_the_package_is_a_family_of_the_catalogue() -> None:
    files = {found.name for found in pkgutil.iter_modules(trading.indicators.__path__)}

    assert files - {"definition", "catalogue"} == {family.__name__.rpartition(".")[2] for family in FAMILIES}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__.rpartition(".")[2])
def test_every_function_over_candles_is_listed(family: ModuleType) -> None:
    of_candles = {
        name
        for name in public_functions(family)
        if "CandleSeries" in str(next(iter(inspect.signature(getattr(family, name)).parameters.values()), ""))
    }

    assert of_candles - set(INDICATORS) - {"remembered", "daily_bucket_volume"} == set()


@pytest.mark.parametrize("known", INDICATORS.values(), ids=lambda known: known.name)
def test_an_indicator_says_what_it_is_and_from_when_it_is_known(known: Indicator) -> None:
    contract = inspect.getdoc(known.compute)

    assert known.summary.startswith("Return ")
    assert known.minimum() >= 1
    assert known.name == "ema" or any(word in contract for word in ("nown from", "None ", "Counted from"))


@pytest.mark.parametrize("known", OVER_CANDLES)
def test_it_is_known_from_the_candles_on_that_it_says_it_needs(known: Indicator) -> None:
    needed = known.minimum()

    short = computed(known, series_of(LIVELY[: needed - 1]), series_of(ANOTHER[: needed - 1])) if needed > 1 else ()
    before = values_of(short) if needed > 1 else ()
    then = values_of(computed(known, series_of(LIVELY[:needed]), series_of(ANOTHER[:needed])))

    assert needed == 1 or None in before
    assert None not in then


@pytest.mark.parametrize("known", OVER_CANDLES)
@pytest.mark.parametrize("length", [0, 1, 2, 3, 250])
def test_a_market_at_rest_gives_no_nonsense(known: Indicator, length: int) -> None:
    still = series_of(AT_REST[:length])

    answer = computed(known, still)

    for line in lines_of(answer):
        assert len(line) == length
        assert not np.isinf(line).any()
        assert np.nanmax(np.abs(line), initial=0) <= 100
    if 0 < length < known.minimum():
        assert None in values_of(answer)


@pytest.mark.parametrize("known", OVER_CANDLES)
def test_an_answer_is_as_long_as_its_series_and_cannot_be_written_to(known: Indicator) -> None:
    series, other = series_of(LIVELY), series_of(ANOTHER)

    first, again = computed(known, series, other), computed(known, series, other)

    assert first is again
    for line in lines_of(first):
        assert line.dtype == np.float64
        assert len(line) == len(series)
        with pytest.raises(ValueError, match="read-only"):
            line[0] = 1


@pytest.mark.parametrize("known", OVER_CANDLES)
def test_none_looks_ahead(known: Indicator) -> None:
    candles, others = walk(RESTING), walk(steps(len(RESTING), seed=9), seed=6)
    whole = computed(known, series_of(candles), series_of(others))

    for length in (1, 14, 43, 80, 149, 171, 215, 230, 300, 359):
        then = computed(known, series_of(candles[:length]), series_of(others[:length]))

        for line, line_then in zip(lines_of(whole), lines_of(then), strict=True):
            assert np.array_equal(line[:length], line_then, equal_nan=True)


moves = st.lists(st.one_of(st.just(0.0), st.floats(-5, 5, allow_subnormal=False)), min_size=2, max_size=90)


@pytest.mark.parametrize("known", OVER_CANDLES)
@settings(max_examples=15, deadline=None)
@given(moves=moves, more=moves)
def test_no_future_changes_what_was_known(known: Indicator, moves: list[float], more: list[float]) -> None:
    past, whole = walk(moves), walk([*moves, *more])
    past_other, whole_other = walk(moves[::-1], seed=2), walk([*moves[::-1], *more], seed=2)

    then = computed(known, series_of(past), series_of(past_other))
    now = computed(known, series_of(whole), series_of(whole_other))

    for line_then, line_now in zip(lines_of(then), lines_of(now), strict=bool(lines_of(then))):
        assert not np.isinf(line_now).any()
        assert np.array_equal(line_then, line_now[: len(line_then)], equal_nan=True)


@pytest.mark.parametrize("known", OVER_CANDLES)
@pytest.mark.parametrize("factor", [2.0**-26, 2.0**20])
def test_no_price_is_too_small_or_too_large_to_be_distinguished_from_rounding(known: Indicator, factor: float) -> None:
    def scaled(c: Candle) -> Candle:
        return Candle(c.start_ns, *(factor * x for x in (c.open, c.high, c.low, c.close)), c.volume, c.trades)

    usual = values_of(computed(known, series_of(LIVELY), series_of(ANOTHER)))
    other = values_of(computed(known, series_of(map(scaled, LIVELY)), series_of(ANOTHER)))

    if known.name == "regime":
        usual, other = usual[0].components, other[0].components
    for a, b in zip(usual, other, strict=True):
        assert b == a or math.isclose(b, a, rel_tol=1e-9) or math.isclose(b, a * factor, rel_tol=1e-9)


@pytest.mark.parametrize("known", OVER_CANDLES)
def test_a_newest_value_looks_back_no_further_than_it_needs(known: Indicator) -> None:
    needed = known.minimum()

    answer = computed(known, series_of(LIVELY), series_of(ANOTHER))
    of_the_last = computed(known, series_of(LIVELY[-needed:]), series_of(ANOTHER[-needed:]))

    if not lines_of(answer) and known.name != "regime":
        assert are_alike(values_of(answer), values_of(of_the_last))


@pytest.mark.parametrize("known", [p for p in OVER_CANDLES if p.id != "obv"])
def test_nothing_jumps_when_a_full_series_forgets_its_oldest_candle(known: Indicator) -> None:
    candles, others = walk(steps(SERIES_CAPACITY + 1)), walk(steps(SERIES_CAPACITY + 1, seed=9), seed=6)

    remembering = computed(known, series_of(candles[:-1]), series_of(others[:-1]))
    forgetting = computed(known, series_of(candles), series_of(others))

    if lines_of(remembering):
        # The candle that is newest in the one is last but one in the other.
        assert are_alike(values_of(forgetting, -2), values_of(remembering, -1), 1e-9)


@pytest.mark.parametrize(
    ("name", "period", "tolerance"),
    [
        *((name, 100, 1e-9) for name in ("ema", "dema")),
        *((name, 50, 1e-9) for name in ("rma", "rsi", "atr", "adx", "supertrend")),
        ("ema", 200, 1e-5),
    ],
)
def test_long_averages_forget_as_slowly_as_the_package_says(name: str, period: int, tolerance: float) -> None:
    candles = walk(steps(SERIES_CAPACITY + 1))
    compute = INDICATORS[name].compute

    remembering, forgetting = compute(series_of(candles[:-1]), period), compute(series_of(candles), period)

    assert are_alike(values_of(forgetting, -2), values_of(remembering, -1), tolerance)


def test_the_level_of_the_on_balance_volume_may_move_but_not_its_differences() -> None:
    candles = walk(steps(SERIES_CAPACITY + 40))
    obv = INDICATORS["obv"].compute

    before, after = obv(series_of(candles[:-30])), obv(series_of(candles))

    assert np.diff(after[:-30]) == pytest.approx(np.diff(before[30:]), abs=1e-9)
