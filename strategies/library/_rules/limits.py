"""How much may be held: through one symbol, in all, and in one direction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec

from trading.book import Side
from trading.indicators.movement import correlation
from trading.signals import NoSignal
from trading.snapshot import DataSnapshot

from ._keys import Switch, key


class Limits(msgspec.Struct, frozen=True):
    """Most held, least traded; account currency."""

    total_usd: Annotated[float, key("most held in all symbols together; account currency", gt=0)] = 100.0
    min_trade_usd: Annotated[float, key("an entry below this is not worth it; account currency", ge=1)] = 5.0

    def size(
        self, data: DataSnapshot, symbol: str, side: Side, wanted: float, per_symbol_usd: float
    ) -> float | NoSignal:
        """Return how much of ``wanted`` may be added on ``side``, or why nothing may."""
        held = {other: data.portfolio.value(other) for other in data.symbols}
        in_symbol = max(0.0, held.get(symbol, 0.0) * _sign(side))
        room = min(self.total_usd - sum(map(abs, held.values())), per_symbol_usd - in_symbol)
        if room < self.min_trade_usd:
            return NoSignal("max_position", f"{max(0.0, room):.2f} of room is left")
        size = min(wanted, room)
        return size if size >= self.min_trade_usd else NoSignal("insufficient_size", f"{size:.2f} is too little")


class Exposure(msgspec.Struct, frozen=True):
    """Limits of what is held in one direction: coins move together."""

    is_on: Switch = True
    max_long_usd: Annotated[float, key("most held long in all; account currency", gt=0)] = 100.0
    max_short_usd: Annotated[float, key("most held short in all; account currency", gt=0)] = 100.0
    same_direction_size: Annotated[
        float, key("multiplier of a size while another symbol is held the same way", ge=0, le=1)
    ] = 0.75

    def size(self, data: DataSnapshot, symbol: str, side: Side, wanted: float) -> float:
        """Return how much of ``wanted`` may be added on ``side``: zero when nothing."""
        if not self.is_on:
            return wanted
        sign = _sign(side)
        same_way = {other: max(0.0, data.portfolio.value(other) * sign) for other in data.symbols}
        if any(value for other, value in same_way.items() if other != symbol):
            wanted *= self.same_direction_size
        most = self.max_long_usd if side is Side.BUY else self.max_short_usd
        return max(0.0, min(wanted, most - sum(same_way.values())))


class Correlated(msgspec.Struct, frozen=True):
    """Measured correlation with what is held the same way."""

    is_on: Switch = True
    candles: Annotated[int, key("five-minute returns it is measured on", ge=10, le=500)] = 20
    block_from: Annotated[float, key("no entry from this correlation on, 0 to 1", gt=0, le=1)] = 0.85

    def multiplier(self, data: DataSnapshot, symbol: str, side: Side) -> float:
        """Return what a size is multiplied by: zero blocks, less than one above a correlation of a half."""
        return min(self._multipliers(data, symbol, side), default=1.0) if self.is_on else 1.0

    def _multipliers(self, data: DataSnapshot, symbol: str, side: Side) -> Iterable[float]:
        own = data.candles(symbol, "5m")
        for other in data.symbols:
            if other == symbol or data.portfolio.value(other) * _sign(side) <= 0:
                continue
            together = correlation(own, data.candles(other, "5m"), self.candles)
            if together is not None:
                yield 0.0 if abs(together) >= self.block_from else min(1.0, max(0.5, 1.5 - together))


def _sign(side: Side) -> int:
    return 1 if side is Side.BUY else -1
