"""What must be there before a strategy is evaluated: checked once a frame for all who need the same."""

from __future__ import annotations

from functools import lru_cache

from trading.accounting.valuation import mid_rate
from trading.market_snapshot import MarketSnapshot


class Needs:
    """Symbols that can be traded and valued, and closed candles enough."""

    __slots__ = ("_currency", "_symbols", "_warmup")

    def __init__(self, symbols: tuple[str, ...], currency: str, warmup: tuple[tuple[str, int], ...]) -> None:
        self._symbols = symbols
        self._currency = currency
        self._warmup = warmup  # timeframe and count

    def at(self, snapshot: MarketSnapshot) -> tuple[str, tuple[str, ...]]:
        """Return the code of what is missing, empty when nothing is, and those of the symbols that the market knows."""
        found: tuple[str, tuple[str, ...]] | None = snapshot.memo.get(self)
        if found is None:
            known = tuple(symbol for symbol in self._symbols if symbol in snapshot.instruments)
            found = snapshot.memo[self] = self._missing(snapshot, known), known
        return found

    def _missing(self, snapshot: MarketSnapshot, symbols: tuple[str, ...]) -> str:
        if not symbols:
            return "no_data"
        for symbol in symbols:
            if not snapshot.is_tradable(symbol):
                return "stale_data" if snapshot.status(symbol) == "stale" else "not_tradable"
            if mid_rate(snapshot, snapshot.instrument(symbol).quote, self._currency) is None:
                return "no_valuation"
            for timeframe, count in self._warmup:
                if len(snapshot.candles(symbol, timeframe)) < count:
                    return "warming_up"
        return ""


@lru_cache(maxsize=10_000)
def needs_of(symbols: tuple[str, ...], currency: str, warmup: tuple[tuple[str, int], ...]) -> Needs:
    """Return the one object that stands for these needs."""
    return Needs(symbols, currency, warmup)
