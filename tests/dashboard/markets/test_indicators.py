"""Indicators as charts request them."""

import random

import pytest

from dashboard.markets.indicators import InvalidParameter, plots
from trading.candles import MINUTE_NS, Candle, CandleStore
from trading.indicators.averages import ema
from trading.indicators.oscillators import macd, rsi


def drawn_series(count, seed=7):
    dice, store, price = random.Random(seed), CandleStore("BTC/USD", "1m"), 100.0
    for at in range(count):
        before, price = price, price * (1 + dice.uniform(-0.01, 0.01))
        high, low = max(before, price) * 1.001, min(before, price) * 0.999
        store.append(Candle(at * MINUTE_NS, before, high, low, price, dice.uniform(1, 9), 3))
    return store.view()


def test_values_are_those_that_strategies_read():
    series = drawn_series(120)
    plot = plots()["rsi"]

    values = plot.values(series, plot.chosen({"period": "14"}))["value"]

    assert values[14:] == rsi(series, 14).tolist()[14:]
    assert values[:14] == [None] * 14


def test_an_average_needs_no_default():
    series = drawn_series(50)
    plot = plots()["ema"]

    assert plot.values(series, plot.chosen({"period": "9"}))["value"][8:] == ema(series, 9).tolist()[8:]


def test_each_line_of_an_indicator_has_its_name():
    series = drawn_series(120)
    plot = plots()["macd"]

    values = plot.values(series, plot.chosen({"fast": "5"}))

    assert list(values) == ["line", "signal", "histogram", "crossing"]
    assert values["histogram"][-1] == macd(series, 5).histogram[-1]
    assert plot.drawn == ("line", "signal", "histogram")


def test_what_is_in_units_of_the_price_is_drawn_over_the_candles():
    assert plots()["bollinger_series"].is_overlay
    assert not plots()["rsi"].is_overlay


@pytest.mark.parametrize(
    ("name", "given", "field", "expected"),
    [
        ("rsi", {"period": "1"}, "period", "a whole number from 2 to 500"),
        ("rsi", {"period": "14.5"}, "period", "a whole number from 2 to 500"),
        ("rsi", {"period": "٣٠"}, "period", "a whole number from 2 to 500"),
        ("rsi", {"perid": "14"}, "perid", "expected one of period"),
        ("bollinger_series", {"deviations": "nan"}, "deviations", "a number from 0.01 to 100"),
        ("bollinger_series", {"deviations": "1e9"}, "deviations", "a number from 0.01 to 100"),
        ("obv", {"period": "14"}, "period", "expected one of none"),
        ("wavetrend", {"channel": "500", "average": "500", "smooth": "500"}, "channel", "at most 1500"),
    ],
)
def test_a_parameter_that_cannot_be_is_refused_by_name(name, given, field, expected):
    with pytest.raises(InvalidParameter, match=expected) as refused:
        plots()[name].chosen(given)

    assert refused.value.name == field


@pytest.mark.parametrize("count", [0, 1, 3, 700])
@pytest.mark.parametrize("name", plots())
def test_every_indicator_stands_any_choice_within_its_bounds(name, count):
    plot, series = plots()[name], drawn_series(count)

    for bound in ("least", "most"):
        chosen = {p.name: getattr(p, bound) for p in plot.parameters}
        values = plot.values(series, chosen)

        assert {line: len(column) for line, column in values.items()} == dict.fromkeys(plot.lines, count)
