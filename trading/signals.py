"""What a strategy says: a Signal is a wish, an order is what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

import msgspec

from trading.book import Side

Size = Decimal | float | int | Literal["all"]
Price = Decimal | float | int


class Action(StrEnum):
    """What a strategy wants to do. ``short`` and ``cover`` need margin."""

    BUY = "buy"
    SELL = "sell"
    SHORT = "short"
    COVER = "cover"


class OrderType(StrEnum):
    """How an order meets the market."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"  # a market order once the last trade is at or beyond the trigger, against us
    TAKE_PROFIT = "take_profit"  # a market order once the last trade is at or beyond the trigger, for us
    TRAILING_STOP = "trailing_stop"


class TimeInForce(StrEnum):
    """How long an order stands."""

    GTC = "gtc"  # until cancelled
    IOC = "ioc"  # what can be had at once; the rest is cancelled


class SizeUnit(StrEnum):
    """What ``Signal.size`` counts."""

    QUOTE = "quote"
    BASE = "base"
    ACCOUNT = "account"  # the account's currency, converted at mid through the instruments at hand


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One wish. The engine sizes, checks and sends it; the exchange may still refuse it."""

    action: Action
    symbol: str
    size: Size  # in `size_in`; "all" closes what is held
    size_in: SizeUnit = SizeUnit.QUOTE
    order_type: OrderType = OrderType.MARKET
    limit_price: Price | None = None  # quote per base; limit orders
    trigger_price: Price | None = None  # quote per base; stop and take-profit orders
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False
    stop_loss: Price | None = None  # quote per base; kept by the exchange, sized by the position
    take_profit: Price | None = None  # quote per base; one of the two cancels the other
    reason: str = ""
    code: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take the plain words "buy", "limit", "base" as well as the enums.

        Raises:
            ValueError, TypeError: an unknown word, or a symbol or reason that is no text.
        """
        words = (("action", Action), ("size_in", SizeUnit), ("order_type", OrderType), ("time_in_force", TimeInForce))
        for name, kind in words:
            object.__setattr__(self, name, kind(getattr(self, name)))
        for name in ("symbol", "reason", "code"):
            if not isinstance(getattr(self, name), str):
                raise TypeError(f"Signal.{name} is {getattr(self, name)!r}; expected text")

    @property
    def side(self) -> Side:
        """The side of the order that would follow."""
        return Side.BUY if self.action in (Action.BUY, Action.COVER) else Side.SELL

    @classmethod
    def buy(cls, symbol: str, size: Size, **options: Any) -> Signal:
        """Return a wish to buy; ``options`` are the other fields."""
        return cls(action=Action.BUY, symbol=symbol, size=size, **options)

    @classmethod
    def sell(cls, symbol: str, size: Size = "all", **options: Any) -> Signal:
        """Return a wish to sell what is held."""
        return cls(action=Action.SELL, symbol=symbol, size=size, **options)


class NoSignal(msgspec.Struct, frozen=True):
    """Why the strategy does nothing now; counted per code."""

    code: str
    detail: str = ""
