"""The simulated pairs: Kraken's rules for each, and how its market is furnished."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from trading.instruments import Instrument


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One pair and the look of its market."""

    instrument: Instrument
    spread_ticks: tuple[int, int]  # narrowest and widest
    density: float  # share of prices at which someone stands
    typical_qty: float  # base units of a level near the touch
    growth_ticks: int  # so far from the touch a level is twice as large
    trade_qty: float  # base units of a typical print
    trades_per_minute: int  # exactly: ids count on for ever

    @property
    def symbol(self) -> str:
        """BASE/QUOTE."""
        return self.instrument.symbol


def _instrument(symbol: str, price_decimals: int, qty_min_lots: int, cost_min: str) -> Instrument:
    base, _, quote = symbol.partition("/")
    return Instrument(
        symbol=symbol,
        base=base,
        quote=quote,
        price_decimals=price_decimals,
        qty_decimals=8,
        qty_min_lots=qty_min_lots,
        cost_min=Decimal(cost_min),
    )


PAIRS = {
    pair.symbol: pair
    for pair in (
        Pair(
            instrument=_instrument("BTC/USD", 1, 5_000, "0.5"),
            spread_ticks=(1, 10),
            density=0.2,
            typical_qty=0.06,
            growth_ticks=150,
            trade_qty=0.006,
            trades_per_minute=90,
        ),
        Pair(
            instrument=_instrument("ETH/USD", 2, 100_000, "0.5"),
            spread_ticks=(1, 12),
            density=0.3,
            typical_qty=0.9,
            growth_ticks=100,
            trade_qty=0.12,
            trades_per_minute=60,
        ),
        Pair(
            instrument=_instrument("XRP/USD", 5, 165_000_000, "0.5"),
            spread_ticks=(1, 8),
            density=0.35,
            typical_qty=900.0,
            growth_ticks=80,
            trade_qty=160.0,
            trades_per_minute=48,
        ),
        Pair(
            instrument=_instrument("XRP/BTC", 8, 165_000_000, "0.00002"),
            spread_ticks=(1, 2),
            density=0.9,
            typical_qty=2_500.0,
            growth_ticks=12,
            trade_qty=250.0,
            trades_per_minute=12,
        ),
    )
}
