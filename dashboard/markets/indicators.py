"""The indicators that a chart can draw, computed by the functions that strategies use."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, get_type_hints

from marketdata.models import Candle as CandleRow
from trading.candles import SERIES_CAPACITY, Candle, CandleSeries, CandleStore, Floats
from trading.indicators.catalogue import INDICATORS
from trading.indicators.definition import Indicator
from trading.minutes import ns_of

MOST_CANDLES = 500  # that a parameter may span
MOST_MULTIPLE = 100.0
SINGLE_LINE = "value"  # the name of the line of an indicator that has but one
_WITHOUT_DEFAULT = 20

# In units of the price: drawn over the candles. All others have a pane of their own.
_OVERLAYS = {
    "ema", "sma", "wma", "rma", "hma", "dema", "heikin_ashi", "bollinger_series", "keltner", "donchian", "ichimoku",
    "supertrend", "parabolic_sar", "rolling_vwap", "rolling_vwap_bands", "session_vwap", "session_vwap_bands",
}  # fmt: skip
# Flags, and lines of another unit than the rest: in the API, not drawn.
_NOT_DRAWN = {
    "macd": {"crossing"},
    "wavetrend": {"crossing"},
    "supertrend": {"direction"},
    "linear_regression": {"intercept", "r2"},
}
_LEAST = {"period": 2, "fast": 2, "slow": 2, "atr_period": 2, "short": 2, "middle": 2, "long": 2, "within": 2}  # else 1


class InvalidParameter(ValueError):
    """An unknown parameter or an invalid value; ``name`` is the parameter's."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class Parameter(NamedTuple):
    """What can be chosen of an indicator, and within which bounds."""

    name: str
    default: float
    least: float
    most: float
    is_whole: bool

    def read(self, text: str) -> float:
        """Return ``text`` as a number.

        Raises:
            InvalidParameter: not a number, or out of bounds.
        """
        kind = "a whole number" if self.is_whole else "a number"
        refusal = InvalidParameter(
            self.name, f"{self.name} is {text!r}; expected {kind} from {self.least:g} to {self.most:g}"
        )
        if len(text) > 20 or not text.isascii():
            raise refusal
        try:
            number = int(text) if self.is_whole else float(text)
        except ValueError:
            raise refusal from None
        if not self.least <= number <= self.most:
            raise refusal
        return number


@dataclass(frozen=True, slots=True)
class Plot:
    """An indicator that a chart can draw."""

    indicator: Indicator
    parameters: tuple[Parameter, ...]
    lines: tuple[str, ...]

    @property
    def name(self) -> str:
        """The indicator's."""
        return self.indicator.name

    @property
    def summary(self) -> str:
        """What it computes, in one sentence."""
        summary = self.indicator.summary.removeprefix("Return ").replace("``", "")
        return summary[:1].upper() + summary[1:]

    @property
    def is_overlay(self) -> bool:
        """True when it is drawn over the candles, being in units of the price."""
        return self.name in _OVERLAYS

    @property
    def drawn(self) -> tuple[str, ...]:
        """The lines that are drawn."""
        return tuple(line for line in self.lines if line not in _NOT_DRAWN.get(self.name, ()))

    def chosen(self, given: Mapping[str, str]) -> dict[str, float]:
        """Return all parameters: those given, and the defaults of the others.

        Raises:
            InvalidParameter: one is unknown, is out of bounds, or all together need more candles than there are.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in given:
            if name not in known:
                raise InvalidParameter(
                    name, f"{name} is not a parameter of {self.name}; expected one of {', '.join(known) or 'none'}"
                )
        values = {p.name: p.read(given[p.name]) if p.name in given else p.default for p in self.parameters}
        needed = self.indicator.minimum(**values)
        if needed > SERIES_CAPACITY:
            raise InvalidParameter(
                next(iter(given)), f"{self.name} would need {needed} candles; expected at most {SERIES_CAPACITY}"
            )
        return values

    def values(self, series: CandleSeries, parameters: Mapping[str, float]) -> dict[str, list[float | None]]:
        """Return each line, one value a candle, oldest first; None where it is not known."""
        found = self.indicator.compute(series, **parameters)
        columns: Iterable[Floats] = found if isinstance(found, tuple) else (found,)
        return {name: _known_values(column) for name, column in zip(self.lines, columns, strict=True)}


@lru_cache(maxsize=1)
def plots() -> dict[str, Plot]:
    """Return the indicators that can be drawn, by name: those that give a value for each candle of one series."""
    found = [_plot(indicator) for indicator in INDICATORS.values() if indicator.reads == "candles"]
    return {plot.name: plot for plot in sorted((p for p in found if p), key=lambda p: p.name)}


def series_of(symbol: str, timeframe: str, newest_first: Iterable[CandleRow]) -> CandleSeries:
    """Return stored candles as strategies read them."""
    store = CandleStore(symbol, timeframe)
    for row in reversed(list(newest_first)):
        open_, high, low, close, volume = (float(n) for n in (row.open, row.high, row.low, row.close, row.volume))
        store.append(Candle(ns_of(row.start), open_, high, low, close, volume, row.trades))
    return store.view()


def _plot(indicator: Indicator) -> Plot | None:
    compute = inspect.unwrap(indicator.compute)
    hints = get_type_hints(compute)
    options = list(inspect.signature(compute).parameters.values())[1:]
    lines = _lines_of(hints["return"])
    if not lines or any(hints[option.name] not in (int, float) for option in options):
        return None
    return Plot(indicator, tuple(_parameter(option, hints[option.name] is int) for option in options), lines)


def _lines_of(answer: Any) -> tuple[str, ...]:
    if answer == Floats:
        return (SINGLE_LINE,)
    fields: tuple[str, ...] = getattr(answer, "_fields", ())
    return fields if fields and all(hint == Floats for hint in get_type_hints(answer).values()) else ()


def _parameter(option: inspect.Parameter, is_whole: bool) -> Parameter:
    default = _WITHOUT_DEFAULT if option.default is option.empty else option.default
    if is_whole:
        return Parameter(option.name, default, _LEAST.get(option.name, 1), MOST_CANDLES, is_whole=True)
    # Parabolic SAR speaks of shares, all others of multiples.
    return Parameter(option.name, default, 0.01, 1.0 if default < 1 else MOST_MULTIPLE, is_whole=False)


def _known_values(values: Floats) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values.tolist()]
