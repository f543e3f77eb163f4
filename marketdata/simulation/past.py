"""The simulated market's past as candles: what a feed would have built from the prints, minute for minute."""

from __future__ import annotations

import threading
from functools import lru_cache

import numpy as np

from marketdata.simulation.market import SimulatedMarket
from marketdata.simulation.prints import PrintMaker
from marketdata.simulation.vectors import Ints
from trading.candles import MINUTE_NS, Candle

_CHUNK_MINUTES = 240  # computed and remembered together
_KEPT_CHUNKS = 1_000


class Past:
    """One pair's candles in ticks and lots. The cache only saves time; threads may share it."""

    def __init__(self, market: SimulatedMarket, symbol: str) -> None:
        pair = market.pairs[symbol]
        self._a_minute = pair.trades_per_minute
        self._prints = PrintMaker(pair, market.prices, market.seed)
        self._chunk = lru_cache(maxsize=_KEPT_CHUNKS)(self._chunk_of)
        self._lock = threading.Lock()

    def candles(self, first_minute: int, count: int, width: int) -> list[Candle]:
        """Return ``count`` candles of ``width`` minutes each, the first beginning at ``first_minute``."""
        if count <= 0:
            return []
        parts = self._minutes(first_minute, count * width).reshape(count, width, -1)
        starts = (first_minute + width * np.arange(count)) * MINUTE_NS
        columns = (
            *(starts, parts[:, 0, 0], parts[:, :, 1].max(axis=1), parts[:, :, 2].min(axis=1), parts[:, -1, 3]),
            *(parts[:, :, 4].sum(axis=1), np.full(count, width * self._a_minute)),
        )
        return [Candle(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]

    def forming(self, start_ns: int, now_ns: int) -> Candle | None:
        """Return the candle that began at ``start_ns`` as it stands; None before its first trade."""
        first, present = start_ns // MINUTE_NS, now_ns // MINUTE_NS
        whole = self._minutes(first, present - first)
        prints = self._prints.of_minutes(present, 1)
        printed = np.flatnonzero(prints.time_ns <= now_ns)
        ticks, lots = prints.ticks[printed], prints.lots[printed]
        if len(printed):
            now = [ticks[0], ticks.max(), ticks.min(), ticks[-1], lots.sum()]
            whole = np.concatenate([whole, np.array([now], dtype=np.int64)])
        if not len(whole):
            return None
        trades = (present - first) * self._a_minute + len(printed)
        figures = (whole[0, 0], whole[:, 1].max(), whole[:, 2].min(), whole[-1, 3], whole[:, 4].sum())
        open_, high, low, close, volume = (int(figure) for figure in figures)
        return Candle(start_ns, open_, high, low, close, volume, trades)

    def _minutes(self, first: int, count: int) -> Ints:
        """Return open, high, low, close and volume of each minute."""
        if count <= 0:
            return np.empty((0, 5), dtype=np.int64)
        chunks = range(first // _CHUNK_MINUTES, (first + count - 1) // _CHUNK_MINUTES + 1)
        with self._lock:
            rows = np.concatenate([self._chunk(chunk) for chunk in chunks])
        offset = first - chunks[0] * _CHUNK_MINUTES
        minutes: Ints = rows[offset : offset + count]
        return minutes

    def _chunk_of(self, chunk: int) -> Ints:
        prints = self._prints.of_minutes(chunk * _CHUNK_MINUTES, _CHUNK_MINUTES)
        # Every minute has the same number of prints: they stand in rows.
        ticks = prints.ticks.reshape(_CHUNK_MINUTES, self._a_minute)
        volume = prints.lots.reshape(_CHUNK_MINUTES, self._a_minute).sum(axis=1)
        return np.stack([ticks[:, 0], ticks.max(axis=1), ticks.min(axis=1), ticks[:, -1], volume], axis=1)
