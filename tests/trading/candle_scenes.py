"""Series of candles for indicators: a market that walks, one that rests, one that does not move at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from trading.candles import MINUTE_NS, Candle, CandleSeries, CandleStore


def series_of(candles: Iterable[Candle], timeframe: str = "1m") -> CandleSeries:
    store = CandleStore("XRP/USD", timeframe)
    for candle in candles:
        store.append(candle)
    return store.view()


def walk(steps: Sequence[float], *, start: float = 100.0, seed: int = 5, first_ns: int = 0) -> list[Candle]:
    """Return minutes whose closes move by ``steps`` percent, with shadows and volumes of chance.

    A step of exactly zero is a minute in which nobody traded.
    """
    chance = np.random.default_rng(seed)
    candles, close = [], start
    for at, step in enumerate(steps):
        began, close = close, close * (1 + step / 100)
        above, below, volume = (float(x) for x in chance.random(3))
        if step == 0:
            candles.append(Candle(first_ns + at * MINUTE_NS, close, close, close, close, 0.0, 0))
            continue
        high, low = max(began, close) * (1 + above / 1_000), min(began, close) * (1 - below / 1_000)
        candles.append(Candle(first_ns + at * MINUTE_NS, began, high, low, close, 1 + 9 * volume, 3))
    return candles


def steps(count: int, seed: int = 7, drift: float = 0.0) -> list[float]:
    return [float(x) for x in np.random.default_rng(seed).normal(drift, 0.2, count)]


RESTING = [*steps(150), *[0.0] * 60, *steps(150, seed=8)]  # nobody trades for an hour in the middle
