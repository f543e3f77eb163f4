"""The reference of each indicator over candles, by its name, at its default parameters (20 where it has none)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from tests.trading.indicator_references import (
    Line,
    Value,
    average_ranges,
    closes,
    deviation,
    directional,
    exponential,
    joined,
    least_squares,
    mean,
    over_windows,
    parabolic,
    pearson,
    place,
    relative_strength,
    returns,
    simple,
    supertrend,
    true_ranges,
    typical,
    weighted,
    weighted_mean,
    wilders,
)
from trading.candles import Candle

Candles = Sequence[Candle]
Values = tuple[Value, ...]
REFERENCES: dict[str, Callable[..., Values]] = {}
DAY_NS = 86_400_000_000_000


def reference(compute: Callable[..., Values]) -> Callable[..., Values]:
    REFERENCES[compute.__name__] = compute
    return compute


def at_end(*lines: Line) -> Values:
    return tuple(line[-1] if line else None for line in lines)


def around(middle: Value, width: Value) -> Values:
    return (None, middle, None) if None in (middle, width) else (middle + width, middle, middle - width)


def highs(candles: Candles) -> list[float]:
    return [c.high for c in candles]


def lows(candles: Candles) -> list[float]:
    return [c.low for c in candles]


REFERENCES |= {
    "sma": lambda cs: at_end(simple(closes(cs), 20)),
    "ema": lambda cs: at_end(exponential(closes(cs), 20)),
    "wma": lambda cs: at_end(weighted(closes(cs), 20)),
    "rma": lambda cs: at_end(wilders(closes(cs), 20)),
    "rsi": lambda cs: at_end(relative_strength(cs, 14)),
    "directional_movement": lambda cs: at_end(*directional(cs, 14)),
    "adx": lambda cs: at_end(directional(cs, 14)[0]),
    "supertrend": lambda cs: supertrend(cs, 10, 3.0),
    "parabolic_sar": lambda cs: (parabolic(cs, 0.02, 0.2),),
    "true_range": lambda cs: at_end(true_ranges(cs)),
    "atr": lambda cs: at_end(average_ranges(cs, 14)),
    "atr_pct": lambda cs: at_end(joined(lambda a, c: 100 * a / c, average_ranges(cs, 14), closes(cs))),
    "momentum": lambda cs: (cs[-1].close - cs[-11].close if len(cs) > 10 else None,),
    "rate_of_change_pct": lambda cs: (100 * (cs[-1].close / cs[-11].close - 1) if len(cs) > 10 else None,),
    "williams_r": lambda cs: at_end(joined(lambda k: k - 100, place(closes(cs), highs(cs), lows(cs), 14))),
    "volatility_series_pct": lambda cs: at_end(over_windows(returns(cs), 20, lambda xs: 100 * deviation(xs))),
    "volatility_pct": lambda cs: at_end(over_windows(returns(cs), 20, lambda xs: 100 * deviation(xs))),
    "slope_pct": lambda cs: at_end(over_windows(closes(cs), 20, lambda xs: 100 * least_squares(xs)[0] / mean(xs))),
}


@reference
def hma(candles: Candles) -> Values:
    fast, slow = weighted(closes(candles), 10), weighted(closes(candles), 20)
    return at_end(weighted(joined(lambda f, s: 2 * f - s, fast, slow), 4))


@reference
def dema(candles: Candles) -> Values:
    once = exponential(closes(candles), 20)
    return at_end(joined(lambda x, y: 2 * x - y, once, exponential(once, 20)))


@reference
def heikin_ashi(candles: Candles) -> Values:
    began, ended = (candles[0].open + candles[0].close) / 2, 0.0
    for at, c in enumerate(candles):
        if at:
            began = (began + ended) / 2
        ended = (c.open + c.high + c.low + c.close) / 4
    newest = candles[-1]
    return began, max(newest.high, began, ended), min(newest.low, began, ended), ended


@reference
def stochastic(candles: Candles) -> Values:
    k = simple(place(closes(candles), highs(candles), lows(candles), 14), 3)
    return at_end(k, simple(k, 3))


@reference
def stochastic_rsi(candles: Candles) -> Values:
    strength = relative_strength(candles, 14)
    k = simple(place(strength, strength, strength, 14), 3)
    return at_end(k, simple(k, 3))


@reference
def macd(candles: Candles) -> Values:
    prices = closes(candles)
    line = joined(lambda fast, slow: fast - slow, exponential(prices, 12), exponential(prices, 26))
    signal = exponential(line, 9)
    histogram = joined(lambda x, y: x - y, line, signal)
    before, now = histogram[-2] if len(histogram) > 1 else None, histogram[-1]
    crossing = None if before is None else float(before < 0 <= now) - float(before > 0 >= now)
    return line[-1], signal[-1], now, crossing


@reference
def cci(candles: Candles) -> Values:
    def index(xs: list[float]) -> float:
        if max(xs) == min(xs):
            return 0.0
        middle = mean(xs)
        return (xs[-1] - middle) / (0.015 * mean([abs(x - middle) for x in xs]))

    return at_end(over_windows(typical(candles), 20, index))


@reference
def wavetrend(candles: Candles) -> Values:
    prices = typical(candles)
    middle = exponential(prices, 10)
    usual = exponential(joined(lambda p, m: abs(p - m), prices, middle), 10)
    index = joined(lambda p, m, u: 0.0 if u < 1e-12 * m else (p - m) / (0.015 * u), prices, middle, usual)
    wt1 = exponential(index, 21)
    wt2 = simple(wt1, 4)
    distance = joined(lambda x, y: x - y, wt1, wt2)
    before, now = distance[-2] if len(distance) > 1 else None, distance[-1]
    crossing = None if before is None else float(before <= 0 < now) - float(before >= 0 > now)
    return wt1[-1], wt2[-1], crossing


@reference
def ma_alignment(candles: Candles) -> Values:
    if len(candles) < 200:
        return (None,)
    prices = closes(candles)
    price, (fast, half, slow) = prices[-1], (mean(prices[-n:]) for n in (20, 50, 200))
    if half == slow:
        return (0.0,)
    way = 1 if half > slow else -1
    if (price - fast) * way > 0 and (fast - half) * way > 0:
        return (float(way),)
    return (way * (0.7 if (price - half) * way > 0 else 0.4 if (price - slow) * way > 0 else 0.1),)


@reference
def aroon(candles: Candles) -> Values:
    if len(candles) < 15:
        return None, None, None
    window = list(reversed(candles[-15:]))  # the newest first: index finds the newest of equals
    highest, lowest = highs(window), lows(window)
    up = 100 * (14 - highest.index(max(highest))) / 14
    down = 100 * (14 - lowest.index(min(lowest))) / 14
    return up, down, up - down


@reference
def trend_strength(candles: Candles) -> Values:
    if len(candles) < 11:
        return (None,)
    pairs = list(zip(closes(candles)[-11:], closes(candles)[-10:], strict=False))
    ups, downs = sum(b > a for a, b in pairs), sum(b < a for a, b in pairs)
    share = max(ups, downs) / 10
    return share, (ups > downs) - (downs > ups), share >= 0.7


@reference
def bollinger(candles: Candles) -> Values:
    if len(candles) < 20:
        return (None,)
    prices = closes(candles)[-20:]
    return around(mean(prices), 2 * deviation(prices))


@reference
def bollinger_series(candles: Candles) -> Values:
    return bollinger(candles) if len(candles) >= 20 else (None, None, None)


@reference
def keltner(candles: Candles) -> Values:
    span = average_ranges(candles, 10)[-1]
    return around(exponential(closes(candles), 20)[-1], None if span is None else 2 * span)


@reference
def donchian(candles: Candles) -> Values:
    if len(candles) < 20:
        return None, None, None
    top, bottom = max(highs(candles[-20:])), min(lows(candles[-20:]))
    return top, (top + bottom) / 2, bottom


@reference
def ichimoku(candles: Candles) -> Values:
    def middle(period: int, ago: int = 0) -> Value:
        window = candles[: len(candles) - ago][-period:] if ago < len(candles) else []
        return (max(highs(window)) + min(lows(window))) / 2 if len(window) == period else None

    sides = (middle(9, 26), middle(26, 26))
    leading = None if None in sides else sum(sides) / 2
    return middle(9), middle(26), leading, middle(52, 26), candles[-27].close if len(candles) > 26 else None


@reference
def choppiness(candles: Candles) -> Values:
    if len(candles) < 15:
        return (None,)
    whole = max(highs(candles[-14:])) - min(lows(candles[-14:]))
    walked = math.fsum(true_ranges(candles)[-14:])
    return (50.0 if whole == 0 else 100 * math.log10(walked / whole) / math.log10(14),)


@reference
def linear_regression(candles: Candles) -> Values:
    return least_squares(closes(candles)[-20:]) if len(candles) >= 20 else (None, None, None)


@reference
def z_score(candles: Candles) -> Values:
    prices = closes(candles)[-20:]
    if len(prices) < 20:
        return (None,)
    return (0.0 if max(prices) == min(prices) else (prices[-1] - mean(prices)) / deviation(prices),)


@reference
def hurst_exponent(candles: Candles) -> Values:
    if len(candles) < 128:
        return (None,)
    prices = [math.log(price) for price in closes(candles)[-128:]]
    spreads = [deviation([b - a for a, b in zip(prices, prices[lag:], strict=False)]) for lag in range(2, 21)]
    x, y = [math.log(lag) for lag in range(2, 21)], [math.log(spread) for spread in spreads]
    rise = math.fsum((a - mean(x)) * (b - mean(y)) for a, b in zip(x, y, strict=True))
    return (rise / math.fsum((a - mean(x)) ** 2 for a in x),)


@reference
def correlation(candles: Candles, others: Candles) -> Values:
    if len(candles) < 21:
        return (None,)
    return (pearson(returns(candles)[-20:], returns(others)[-20:]),)


@reference
def rolling_correlation(candles: Candles, others: Candles) -> Values:
    return correlation(candles, others)


@reference
def correlation_trend(candles: Candles, others: Candles) -> Values:
    if len(candles) < 30:
        return (None,)
    ends = range(len(candles) - 9, len(candles) + 1)
    recent = [correlation(candles[:end], others[:end])[0] for end in ends]
    if None in recent:
        return (None,)
    slope = least_squares(recent)[0]
    return slope, "improving" if slope > 0.01 else "declining" if slope < -0.01 else "stable"


@reference
def volume_ratio(candles: Candles) -> Values:
    usual = mean([c.volume for c in candles[-21:-1]]) if len(candles) > 20 else 0
    return (candles[-1].volume / usual if usual else None,)


@reference
def volume_spike(candles: Candles) -> Values:
    usual = mean([c.volume for c in candles[-23:-3]]) if len(candles) > 22 else 0
    return (mean([c.volume for c in candles[-3:]]) / usual if usual else None,)


@reference
def obv(candles: Candles) -> Values:
    total = candles[0].volume
    for before, now in pairwise(candles):
        total += now.volume * ((now.close > before.close) - (now.close < before.close))
    return (total,)


@reference
def mfi(candles: Candles) -> Values:
    if len(candles) < 15:
        return (None,)
    prices = typical(candles)
    flows = [
        (prices[at] - prices[at - 1], prices[at] * candles[at].volume) for at in range(len(candles) - 14, len(candles))
    ]
    rising, falling = (math.fsum(value for move, value in flows if move * way > 0) for way in (1, -1))
    return (50.0 if rising + falling == 0 else 100 * rising / (rising + falling),)


@reference
def rolling_vwap_bands(candles: Candles) -> Values:
    if len(candles) < 20:
        return None, None, None
    middle, width = weighted_mean(typical(candles)[-20:], [c.volume for c in candles[-20:]])
    return around(middle, None if width is None else 2 * width)


@reference
def rolling_vwap(candles: Candles) -> Values:
    return (rolling_vwap_bands(candles)[1],)


@reference
def session_vwap_bands(candles: Candles) -> Values:
    day = candles[-1].start_ns // DAY_NS
    today = [c for c in candles if c.start_ns // DAY_NS == day]
    if today[0] is candles[0] and today[0].start_ns % DAY_NS:
        return None, None, None
    middle, width = weighted_mean(typical(today), [c.volume for c in today])
    return around(middle, None if width is None else 2 * width)


@reference
def session_vwap(candles: Candles) -> Values:
    return (session_vwap_bands(candles)[1],)
