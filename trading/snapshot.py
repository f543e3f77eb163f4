"""What a strategy may know at one frame: the market, and its own account in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from msgspec.structs import force_setattr

from trading.market_snapshot import TAPE_LENGTH, MarketSnapshot, MarketView, Print, Quote, UnknownSymbol
from trading.portfolio import Portfolio

if TYPE_CHECKING:
    from trading.indicators.regime import Regime

__all__ = ["TAPE_LENGTH", "Asked", "DataSnapshot", "MarketView", "Print", "Quote", "UnknownSymbol", "Viewer", "seen_by"]


class Viewer(Protocol):
    """The deployment that reads a snapshot; what it alone may read is computed when it reads it."""

    def portfolio_at(self, snapshot: MarketSnapshot) -> Portfolio:
        """Return its money as it stands, valued at the snapshot."""

    def seed_at(self, sequence: int) -> int:
        """Return the seed of its random numbers at a frame."""


Asked = Viewer  # the name under which kept versions of strategies may import it


class DataSnapshot(MarketSnapshot, frozen=True, eq=False):
    """What a strategy may know at one frame: prices, books, prints, closed candles and its own account.

    Immutable. Prices are floats in quote currency per unit of base. A symbol that the
    market does not know raises UnknownSymbol: a zero would be traded on.
    """

    symbols: tuple[str, ...]  # those the deployment trades
    _viewer: Viewer
    _portfolio: Portfolio | None = None  # made when it is read, as are the random numbers
    _rng: np.random.Generator | None = None

    @property
    def portfolio(self) -> Portfolio:
        """Cash, positions and open orders of the deployment, read-only."""
        if self._portfolio is not None:
            return self._portfolio
        portfolio = self._viewer.portfolio_at(self)
        force_setattr(self, "_portfolio", portfolio)
        return portfolio

    @property
    def rng(self) -> np.random.Generator:
        """Random numbers that the same deployment draws again at the same frame."""
        if self._rng is not None:
            return self._rng
        rng = np.random.default_rng(self._viewer.seed_at(self.sequence))
        force_setattr(self, "_rng", rng)
        return rng

    def seen_by(self, viewer: Viewer, symbols: tuple[str, ...]) -> DataSnapshot:
        """Return the same market as ``viewer`` sees it."""
        return seen_by(viewer, symbols, self)

    def regime(self, symbol: str, timeframe: str | tuple[str, ...] = ("4h", "1h", "15m", "5m")) -> Regime | None:
        """Return who leads on the market, at the longest of the timeframes that has the candles to tell.

        The regime says which it was; None while none has enough (200). Other rules than the usual
        ones go to ``trading.indicators.regime``.

        Raises:
            UnknownSymbol: no such symbol, or no such timeframe.
        """
        from trading.indicators.regime import regime_at  # loads TA-Lib, which only who calls this needs

        return regime_at(self, symbol, (timeframe,) if isinstance(timeframe, str) else timeframe)


def seen_by(viewer: Viewer, symbols: tuple[str, ...], market: MarketSnapshot) -> DataSnapshot:
    """Return the market as ``viewer`` sees it: with its own portfolio, symbols and random numbers."""
    view = market._view  # noqa: SLF001 - a field of its own base class
    return DataSnapshot(view, market.sequence, market.time_ns, market.memo, symbols, viewer)
