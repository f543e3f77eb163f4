"""Every indicator over candles once more, as its definition reads: plain Python, slow, newest value only.

A reference is handed all candles up to the one it is computed for and returns a tuple of the
lines' values there, None where one is not known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from trading.candles import Candle

Value = float | None
Line = list[Value]


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def deviation(values: Sequence[float]) -> float:
    middle = mean(values)
    return math.sqrt(math.fsum((x - middle) ** 2 for x in values) / len(values))


def over_windows(values: Line, period: int, of: Callable[[list], float]) -> Line:
    """Return ``of`` the last ``period`` values at each; None where one of them is."""
    found: Line = []
    for end in range(1, len(values) + 1):
        window = values[max(0, end - period) : end]
        found.append(None if len(window) < period or None in window else of(window))
    return found


def simple(values: Line, period: int) -> Line:
    return over_windows(values, period, mean)


def weighted(values: Line, period: int) -> Line:
    whole = period * (period + 1) / 2
    return over_windows(values, period, lambda xs: sum((at + 1) * x for at, x in enumerate(xs)) / whole)


def smoothed(values: Line, period: int, factor: float) -> Line:
    """Return the recursive average seeded with the mean of the first ``period`` known values."""
    found: Line = []
    known: list[float] = []
    for value in values:
        if value is not None:
            known.append(value)
        if len(known) < period:
            found.append(None)
        elif len(known) == period:
            found.append(mean(known))
        else:
            found.append(found[-1] + factor * (value - found[-1]))
    return found


def exponential(values: Line, period: int) -> Line:
    return smoothed(values, period, 2 / (period + 1))


def wilders(values: Line, period: int) -> Line:
    return smoothed(values, period, 1 / period)


def joined(of: Callable[..., float], *lines: Line) -> Line:
    return [None if None in values else of(*values) for values in zip(*lines, strict=True)]


def closes(candles: Sequence[Candle]) -> list[float]:
    return [c.close for c in candles]


def typical(candles: Sequence[Candle]) -> list[float]:
    return [(c.high + c.low + c.close) / 3 for c in candles]


def true_ranges(candles: Sequence[Candle]) -> Line:
    pairs = pairwise(candles)
    return [None, *(max(now.high, before.close) - min(now.low, before.close) for before, now in pairs)]


def average_ranges(candles: Sequence[Candle], period: int) -> Line:
    return wilders(true_ranges(candles), period)


def returns(candles: Sequence[Candle]) -> list[float]:
    return [now.close / before.close - 1 for before, now in pairwise(candles)]


def relative_strength(candles: Sequence[Candle], period: int) -> Line:
    moves: Line = [None, *(b.close - a.close for a, b in pairwise(candles))]
    gains = wilders([None if x is None else max(x, 0.0) for x in moves], period)
    losses = wilders([None if x is None else max(-x, 0.0) for x in moves], period)
    return joined(lambda gain, loss: 50.0 if gain == loss == 0 else 100 * gain / (gain + loss), gains, losses)


def place(values: Line, highs: Line, lows: Line, period: int) -> Line:
    return joined(
        lambda x, high, low: 50.0 if high - low <= 1e-12 * abs(high) else 100 * (x - low) / (high - low),
        values,
        over_windows(highs, period, max),
        over_windows(lows, period, min),
    )


def directional(candles: Sequence[Candle], period: int) -> tuple[Line, Line, Line]:
    rises: Line = [None]
    falls: Line = [None]
    for before, now in pairwise(candles):
        up, down = now.high - before.high, before.low - now.low
        rises.append(up if up > down and up > 0 else 0.0)
        falls.append(down if down > up and down > 0 else 0.0)
    spans = average_ranges(candles, period)
    plus, minus = (
        joined(lambda move, span: 0.0 if span == 0 else 100 * move / span, wilders(moves, period), spans)
        for moves in (rises, falls)
    )
    one_sided = joined(lambda p, m: 0.0 if p + m == 0 else 100 * abs(p - m) / (p + m), plus, minus)
    return wilders(one_sided, period), plus, minus


def supertrend(candles: Sequence[Candle], period: int, multiplier: float) -> tuple[Value, Value]:
    spans = average_ranges(candles, period)
    direction: float | None = None
    above = below = 0.0
    for at in range(period, len(candles)):
        now, middle = candles[at], (candles[at].high + candles[at].low) / 2
        upper, lower = middle + multiplier * spans[at], middle - multiplier * spans[at]
        if direction is None:
            direction, above, below = 1.0, upper, lower
            continue
        last = candles[at - 1].close
        above = upper if upper < above or last > above else above
        below = lower if lower > below or last < below else below
        if direction > 0 and now.close < below:
            direction = -1.0
        elif direction < 0 and now.close > above:
            direction = 1.0
    return (None, None) if direction is None else (below if direction > 0 else above, direction)


def parabolic(candles: Sequence[Candle], step: float, most: float) -> Value:
    if len(candles) < 2:
        return None
    first, second = candles[:2]
    down, up = first.low - second.low, second.high - first.high
    is_long = not (down > 0 and down > up)
    stop, extreme = (first.low, second.high) if is_long else (first.high, second.low)
    factor, shown = step, 0.0
    for before, now in zip([second, *candles[1:]], candles[1:], strict=False):
        if (now.low <= stop) if is_long else (now.high >= stop):
            bound = min(before.low, now.low) if not is_long else max(before.high, now.high)
            shown = max(extreme, bound) if is_long else min(extreme, bound)
            is_long, factor = not is_long, step
            extreme = now.high if is_long else now.low
            stop = shown
        else:
            shown = stop
            if (now.high > extreme) if is_long else (now.low < extreme):
                extreme, factor = (now.high if is_long else now.low), min(factor + step, most)
        stop += factor * (extreme - stop)
        stop = min(stop, before.low, now.low) if is_long else max(stop, before.high, now.high)
    return shown


def least_squares(values: Sequence[float]) -> tuple[float, float, Value]:
    """Return slope, intercept at the first value, and r2 (None where nothing moved)."""
    n, middle = len(values), mean(values)
    at = (n - 1) / 2
    slope = math.fsum((x - at) * (y - middle) for x, y in enumerate(values)) / sum((x - at) ** 2 for x in range(n))
    intercept = middle - slope * at
    if max(values) == min(values):
        return slope, intercept, None
    unexplained = math.fsum((y - intercept - slope * x) ** 2 for x, y in enumerate(values))
    return slope, intercept, 1 - unexplained / math.fsum((y - middle) ** 2 for y in values)


def pearson(a: Sequence[float], b: Sequence[float]) -> Value:
    if max(a) == min(a) or max(b) == min(b):
        return None
    middle_a, middle_b = mean(a), mean(b)
    shared = mean([(x - middle_a) * (y - middle_b) for x, y in zip(a, b, strict=True)])
    return shared / (deviation(a) * deviation(b))


def weighted_mean(values: Sequence[float], weights: Sequence[float]) -> tuple[Value, Value]:
    """Return mean and deviation; None without weight."""
    whole = math.fsum(weights)
    if whole == 0:
        return None, None
    middle = math.fsum(x * w for x, w in zip(values, weights, strict=True)) / whole
    variance = math.fsum(w * (x - middle) ** 2 for x, w in zip(values, weights, strict=True)) / whole
    return middle, math.sqrt(variance)
