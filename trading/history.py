"""One symbol's closed candles of every timeframe: minutes as they close, and history wherever it belongs."""

from __future__ import annotations

from collections.abc import Iterable

from trading.candles import (
    ROLLS_UP_FROM,
    TIMEFRAME_MINUTES,
    Candle,
    CandleSeries,
    CandleStore,
    in_units,
    recounted,
    rolled_up,
    width_ns,
)
from trading.instruments import Instrument
from trading.recount import Recount

_LONGER = {shorter: longer for longer, shorter in ROLLS_UP_FROM.items()}
_MOST_PIECES = 12  # of the next longer candle, six at most, and those after it that a correction may reach behind


class CandleHistory:
    """What is held depends only on which candles came, not on when: history never changes a candle that is here.

    Only prints that come late do, through ``correct``. Candles come in ticks and lots, and are
    rolled up in them: sums of integers are exact.
    """

    __slots__ = ("_newest", "_stores", "_symbol")

    def __init__(self, symbol: str) -> None:
        self._symbol = symbol
        self._stores: dict[str, CandleStore] = {}
        self._newest: dict[str, list[Candle]] = {}  # per timeframe the pieces of the next longer candle, oldest first

    def close(self, minute: Candle, instrument: Instrument) -> list[tuple[str, Candle]]:
        """Add a minute that has just closed; return it and the longer candles it completes, by timeframe."""
        closed: list[tuple[str, Candle]] = []
        timeframe, candle = "1m", minute
        while self._append(timeframe, candle, instrument):
            closed.append((timeframe, candle))
            longer, end_ns = _LONGER.get(timeframe), candle.start_ns + width_ns(timeframe)
            if longer is None or end_ns % width_ns(longer):
                break
            whole = rolled_up(self._newest[timeframe], longer, end_ns)
            if whole is None:
                break
            timeframe, candle = longer, whole
        return closed

    def insert(self, timeframe: str, candles: Iterable[Candle], instrument: Instrument) -> list[Candle]:
        """Add history of one timeframe; return what was new of it."""
        store = self._stores.setdefault(timeframe, CandleStore(self._symbol, timeframe))
        known = set(store.view().start_ns.tolist())
        fresh = list({c.start_ns: c for c in candles if c.start_ns not in known}.values())
        store.insert(in_units(candle, instrument) for candle in fresh)
        together = [*self._newest.get(timeframe, []), *fresh]
        self._newest[timeframe] = sorted(together, key=lambda candle: candle.start_ns)[-_MOST_PIECES:]
        return fresh

    def correct(self, minute: Candle, instrument: Instrument) -> list[tuple[str, Candle]]:
        """Replace a closed minute; return it and the longer candles that change with it, by timeframe."""
        corrected: list[tuple[str, Candle]] = []
        timeframe, candle = "1m", minute
        while self._replace(timeframe, candle, instrument):
            corrected.append((timeframe, candle))
            longer = _LONGER.get(timeframe)
            if longer is None:
                break
            start_ns = candle.start_ns // width_ns(longer) * width_ns(longer)
            whole = rolled_up(self._newest[timeframe], longer, start_ns + width_ns(longer))
            if whole is None:
                break
            timeframe, candle = longer, whole
        return corrected

    def newest(self, since_ns: int) -> list[tuple[str, Candle]]:
        """Return the candles that ended after ``since_ns``, the shortest first and then the oldest."""
        return [
            (timeframe, candle)
            for timeframe in TIMEFRAME_MINUTES
            for candle in self._newest.get(timeframe, ())
            if candle.start_ns + width_ns(timeframe) > since_ns
        ]

    def recount(self, change: Recount) -> None:
        """Count what longer candles will be made of in other decimals; what strategies read are prices and stays."""
        for timeframe, pieces in self._newest.items():
            self._newest[timeframe] = [recounted(piece, change) for piece in pieces]

    def view(self, timeframe: str) -> CandleSeries:
        """Return the closed candles of one timeframe."""
        return self._stores[timeframe].view()

    def _replace(self, timeframe: str, candle: Candle, instrument: Instrument) -> bool:
        """Put a candle in the place of the one that began with it; False when there is none, or it is the same."""
        newest = self._newest.get(timeframe, [])
        at = next((at for at, known in enumerate(newest) if known.start_ns == candle.start_ns), None)
        if at is None or newest[at] == candle:
            return False
        newest[at] = candle
        self._stores[timeframe].replace(in_units(candle, instrument))
        return True

    def _append(self, timeframe: str, candle: Candle, instrument: Instrument) -> bool:
        """Add a candle at the end; return False when there is one that began as late."""
        newest = self._newest.setdefault(timeframe, [])
        if newest and candle.start_ns <= newest[-1].start_ns:
            return False
        store = self._stores.setdefault(timeframe, CandleStore(self._symbol, timeframe))
        store.append(in_units(candle, instrument))
        newest.append(candle)
        del newest[:-_MOST_PIECES]
        return True
