"""VPIN: how one-sided trade is per unit of volume, a sign that some takers know more.

Easley, López de Prado and O'Hara, Review of Financial Studies, 2012; the taker's side is known
here and need not be guessed from prices.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trading.book import Side
from trading.candles import CandleSeries
from trading.indicators.definition import indicator
from trading.market_snapshot import MarketSnapshot, Print

# Of n prints of equal size that are tossed up, a bucket shows an imbalance of √(2 / πn) that means nothing: 0.18 of 20.
FEWEST_PRINTS_PER_BUCKET = 20
BUCKETS_PER_DAY = 50
DAYS = 14  # whose volume is averaged


def vpin(prints: Sequence[Print], bucket_volume: float, buckets: int = 10) -> float | None:
    """Return the mean of (larger side - smaller side) / volume over the newest ``buckets`` of equal volume, 0 to 1.

    ``bucket_volume`` is in base units. Buckets are counted back from the newest print (prints come oldest
    first), which are split where a bucket ends: the value does not depend on where the tape begins. None
    until all are full, and when they hold fewer than 20 prints each on average: such buckets are one-sided
    by chance.
    """
    qty = np.array([p.qty for p in reversed(prints)])
    volume = np.concatenate(([0.0], np.cumsum(qty)))
    whole = bucket_volume * buckets
    # The tape's own volume divided into buckets may not quite add up to itself.
    if whole <= 0 or volume[-1] < whole * (1 - 1e-9):
        return None
    if int(np.searchsorted(volume, whole * (1 - 1e-9))) < FEWEST_PRINTS_PER_BUCKET * buckets:
        return None
    is_bought = np.array([p.side is Side.BUY for p in reversed(prints)])
    bought = np.concatenate(([0.0], np.cumsum(np.where(is_bought, qty, 0.0))))
    edges = bucket_volume * np.arange(buckets + 1)
    share = np.diff(np.interp(edges, volume, bought)) / bucket_volume
    return float(np.minimum(np.abs(2 * share - 1), 1.0).mean())


def daily_bucket_volume(days: CandleSeries, per_day: int = BUCKETS_PER_DAY) -> float | None:
    """Return an average day's volume over the last fortnight divided by ``per_day``, base units; None without one."""
    if len(days) == 0:
        return None
    return float(days.volume[-DAYS:].mean()) / per_day or None


@indicator(needs=lambda buckets: FEWEST_PRINTS_PER_BUCKET * buckets, reads="prints")
def vpin_at(data: MarketSnapshot, symbol: str, buckets: int = 10) -> float | None:
    """Return the VPIN of the newest ``buckets`` of the symbol's tape, 0 to 1.

    A bucket is a fiftieth of an average day. Where the tape does not reach back ``buckets`` of these, or they
    would hold fewer than 20 prints each, it is the tape's own volume over ``buckets``. None below 20 prints per
    bucket.
    """
    prints = data.trades(symbol)
    of_day = daily_bucket_volume(data.candles(symbol, "1d"))
    value = None if of_day is None else vpin(prints, of_day, buckets)
    return vpin(prints, sum(p.qty for p in prints) / buckets, buckets) if value is None else value
