"""Order book and tape for a page: exact decimals, cumulative size, large trades."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from statistics import median
from typing import NamedTuple

from trading.book import BookTop, Level, Side
from trading.frames import Trade, utc
from trading.indicators.order_book import book_imbalance_at, micro_price_at
from trading.instruments import Instrument
from trading.market_snapshot import MarketSnapshot

IMBALANCE_LEVELS = 10
PRINTS_SHOWN = 40
LARGE_TIMES_MEDIAN = 10
LARGE_NEEDS_PRINTS = 20  # fewer have no median worth the name


class Rung(NamedTuple):
    """One level of a ladder."""

    price: Decimal  # quote per base
    qty: Decimal  # base units
    total: Decimal  # base units from the best level to this one
    share_pct: float  # ``total`` of the deeper side's whole: the length of its bar


@dataclass(frozen=True, slots=True)
class Ladder:
    """The book of one symbol, best first on both sides."""

    asks: list[Rung]
    bids: list[Rung]
    micro_price: float | None  # quote per base
    imbalance: float | None  # of the best ``IMBALANCE_LEVELS``, -1 (only asks) to 1 (only bids)

    @property
    def spread(self) -> Decimal | None:
        """Best ask less best bid, quote; None when a side is empty."""
        return self.asks[0].price - self.bids[0].price if self.asks and self.bids else None

    @property
    def mid(self) -> Decimal | None:
        """Halfway between best bid and best ask, quote; None when a side is empty."""
        return (self.asks[0].price + self.bids[0].price) / 2 if self.asks and self.bids else None

    @property
    def spread_bps(self) -> Decimal | None:
        """The spread in basis points of the mid; None when a side is empty."""
        return self.spread / self.mid * 10_000 if self.spread is not None and self.mid else None


class Printed(NamedTuple):
    """One public trade."""

    trade_id: int
    side: Side  # the taker's
    price: Decimal  # quote per base
    qty: Decimal  # base units
    time: datetime  # UTC, the exchange's
    is_large: bool


@dataclass(frozen=True, slots=True)
class Tape:
    """The newest prints of one symbol, newest first."""

    prints: list[Printed]
    remembered: int  # prints that the rule for large ones was made from
    large_from: Decimal | None  # base units; None with too few trades


def ladder(snapshot: MarketSnapshot, symbol: str, levels: int | None = None) -> Ladder | None:
    """Return the book of ``symbol`` with ``levels`` a side, all there are when that is None; None before any book."""
    top = snapshot.top_or_none(symbol)
    if top is None:
        return None
    shown = BookTop(top.bids[:levels], top.asks[:levels])
    deepest = max(sum(level.lots for level in side) for side in (shown.asks, shown.bids)) or 1
    instrument = snapshot.instrument(symbol)
    return Ladder(
        asks=_rungs(shown.asks, instrument, deepest),
        bids=_rungs(shown.bids, instrument, deepest),
        micro_price=micro_price_at(snapshot, symbol),
        imbalance=book_imbalance_at(snapshot, symbol, IMBALANCE_LEVELS),
    )


def tape(instrument: Instrument, trades: Sequence[Trade], count: int = PRINTS_SHOWN) -> Tape:
    """Return the newest ``count`` of ``trades``, which are in the order of their ids.

    A print is large that is at least ``LARGE_TIMES_MEDIAN`` times the median size of all of them.
    """
    has_median = len(trades) >= LARGE_NEEDS_PRINTS
    large_lots = LARGE_TIMES_MEDIAN * median(trade.lots for trade in trades) if has_median else None
    prints = [
        Printed(
            trade.trade_id,
            trade.side,
            instrument.price(trade.ticks),
            instrument.qty(trade.lots),
            utc(trade.time_ns),
            large_lots is not None and trade.lots >= large_lots,
        )
        for trade in reversed(trades[-count:])
    ]
    large_from = None if large_lots is None else instrument.qty(int(large_lots))
    return Tape(prints, len(trades), large_from)


def _rungs(levels: Sequence[Level], instrument: Instrument, deepest: int) -> list[Rung]:
    rungs, total = [], 0
    for level in levels:
        total += level.lots
        share = round(100 * total / deepest, 1)
        rungs.append(Rung(instrument.price(level.ticks), instrument.qty(level.lots), instrument.qty(total), share))
    return rungs
