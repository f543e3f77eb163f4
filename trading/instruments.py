"""What can be traded, and the only place where exact integers meet human numbers."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from enum import StrEnum

import msgspec

# Of ticks, lots, and their products: neither price nor quantity has more than 18 decimals.
_UNITS = tuple(Decimal(1).scaleb(-decimals) for decimals in range(2 * 18 + 1))


class InvalidNumber(ValueError):
    """A price or quantity that the instrument cannot express."""


class InstrumentStatus(StrEnum):
    """What the exchange lets us do with an instrument (Kraken `instrument` channel, `pairs[].status`)."""

    ONLINE = "online"
    CANCEL_ONLY = "cancel_only"
    POST_ONLY = "post_only"
    LIMIT_ONLY = "limit_only"
    REDUCE_ONLY = "reduce_only"
    MAINTENANCE = "maintenance"
    DELISTED = "delisted"
    WORK_IN_PROGRESS = "work_in_progress"


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """One tradable pair and its rules.

    Inside books, frames and matching a price is an integer count of *ticks*
    (units of 10 ** -price_decimals of the quote currency) and a quantity an integer
    count of *lots* (units of 10 ** -qty_decimals of the base currency).
    """

    symbol: str  # BASE/QUOTE as Kraken v2 spells it: BTC/USD
    base: str
    quote: str
    price_decimals: int
    qty_decimals: int
    price_increment_ticks: int = 1  # an order's price is a multiple of this
    qty_increment_lots: int = 1  # an order's quantity is a multiple of this
    qty_min_lots: int = 0  # smallest order, in lots
    cost_min: Decimal = Decimal(0)  # smallest order, in quote currency
    status: str = InstrumentStatus.ONLINE.value

    def ticks(self, price: Decimal | str) -> int:
        """Return ``price`` in ticks.

        Raises:
            InvalidNumber: not a number, or finer than ``price_decimals``.
        """
        return _exact(price, self.price_decimals, f"{self.symbol} price")

    def lots(self, qty: Decimal | str) -> int:
        """Return ``qty`` in lots.

        Raises:
            InvalidNumber: not a number, or finer than ``qty_decimals``.
        """
        return _exact(qty, self.qty_decimals, f"{self.symbol} quantity")

    def price(self, ticks: int | Decimal) -> Decimal:
        """Return ``ticks`` as quote currency per unit of base, at full precision."""
        return ticks * _UNITS[self.price_decimals]

    def qty(self, lots: int | Decimal) -> Decimal:
        """Return ``lots`` as base currency, at full precision."""
        return lots * _UNITS[self.qty_decimals]

    def cost(self, ticks: int, lots: int) -> Decimal:
        """Return what ``lots`` at ``ticks`` are worth in quote currency, exactly."""
        return ticks * lots * _UNITS[self.price_decimals + self.qty_decimals]

    def price_float(self, ticks: int) -> float:
        """Return the price as strategies and charts read it."""
        return float(ticks / 10**self.price_decimals)

    def qty_float(self, lots: int) -> float:
        """Return the quantity as strategies and charts read it."""
        return float(lots / 10**self.qty_decimals)

    def lots_within(self, qty: Decimal) -> int:
        """Return the most whole lots, on the quantity grid, that ``qty`` of base holds."""
        lots = int(qty.scaleb(self.qty_decimals))
        return lots - lots % self.qty_increment_lots

    def nearest_ticks(self, price: float | Decimal) -> int:
        """Return the price on the tick grid that is nearest to ``price``."""
        raw = Decimal(str(price)).scaleb(self.price_decimals) / self.price_increment_ticks
        return int(raw.to_integral_value()) * self.price_increment_ticks


def _exact(number: Decimal | str, decimals: int, what: str) -> int:
    try:
        scaled = Decimal(number).scaleb(decimals)
        whole = int(scaled)
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise InvalidNumber(f"{what} is {number!r}; expected a finite decimal number") from error
    if scaled != whole:
        raise InvalidNumber(f"{what} is {number}; expected at most {decimals} decimals")
    return whole
