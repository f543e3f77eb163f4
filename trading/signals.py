"""What a strategy says: a Signal is what it wants, an order is what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

import msgspec

from trading.book import Side
from trading.bounds import shown

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
    STOP_LIMIT = "stop_limit"  # a limit order then
    TAKE_PROFIT = "take_profit"  # a market order once the last trade is at or beyond the trigger, for us
    TAKE_PROFIT_LIMIT = "take_profit_limit"  # a limit order then
    TRAILING_STOP = "trailing_stop"  # a stop that follows the best trade since it arrived, at a distance


class TimeInForce(StrEnum):
    """How long an order stands."""

    GTC = "gtc"  # until cancelled
    GTD = "gtd"  # until a time
    IOC = "ioc"  # fill what is there at once; the rest is cancelled
    FOK = "fok"  # all of it at once, or nothing


class SizeUnit(StrEnum):
    """What ``Signal.size`` counts."""

    QUOTE = "quote"
    BASE = "base"
    ACCOUNT = "account"  # the account's currency, converted at mid through the instruments at hand


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What a strategy wants to trade. The desk sizes, checks and sends it; the exchange may still refuse it."""

    action: Action  # or its name: buy, sell, short, cover
    symbol: str  # BASE/QUOTE
    size: Size  # in `size_in`; "all" closes what is held
    size_in: SizeUnit = SizeUnit.QUOTE  # or its name: quote, base, account
    order_type: OrderType = OrderType.MARKET  # or its name
    limit_price: Price | None = None  # quote per base; limit orders
    trigger_price: Price | None = None  # quote per base; stop and take-profit orders
    trail: Price | None = None  # quote per base; a trailing stop's distance, or that of an entry's stop-loss
    trail_pct: Price | None = None  # the same in percent of the price that is followed
    time_in_force: TimeInForce = TimeInForce.GTC  # or its name
    expires_in_s: float | int | None = None  # market time; with good-till-date
    expires_at: datetime | None = None  # the same as a moment, aware
    leverage: Decimal | float | int | None = None  # None: from what the account owns; a short is always on margin
    post_only: bool = False  # a limit order that is refused rather than taking from the book
    reduce_only: bool = False  # closes what is held at most
    stop_loss: Price | None = None  # quote per base; kept by the exchange, sized by the position
    take_profit: Price | None = None  # quote per base; one of the two cancels the other
    reason: str = ""  # for people: it stands beside the order and its fills
    code: str = ""  # for machines: which of your rules it was
    metadata: dict[str, Any] = field(default_factory=dict)  # what you like; nobody else reads it

    def __post_init__(self) -> None:
        """Take the plain words "buy", "limit", "base" as well as the enums.

        Raises:
            ValueError, TypeError: an unknown word, or a symbol or reason that is no text.
        """
        words = (("action", Action), ("size_in", SizeUnit), ("order_type", OrderType), ("time_in_force", TimeInForce))
        for name, kind in words:
            word = getattr(self, name)
            if type(word) is not kind:
                object.__setattr__(self, name, kind(word))
        for name in ("symbol", "reason", "code"):
            text = getattr(self, name)
            if type(text) is not str:
                if not isinstance(text, str):
                    raise TypeError(f"Signal.{name} is {shown(text)}; expected text")
                object.__setattr__(self, name, str.__str__(text))

    @property
    def side(self) -> Side:
        """The side of the order that would follow."""
        return Side.BUY if self.action in (Action.BUY, Action.COVER) else Side.SELL

    @classmethod
    def buy(cls, symbol: str, size: Size, **options: Any) -> Signal:
        """Return a signal to buy; ``options`` are the other fields."""
        return cls(action=Action.BUY, symbol=symbol, size=size, **options)

    @classmethod
    def sell(cls, symbol: str, size: Size = "all", **options: Any) -> Signal:
        """Return a signal to sell what is held."""
        return cls(action=Action.SELL, symbol=symbol, size=size, **options)

    @classmethod
    def short(cls, symbol: str, size: Size, **options: Any) -> Signal:
        """Return a signal to sell what is borrowed."""
        return cls(action=Action.SHORT, symbol=symbol, size=size, **options)

    @classmethod
    def cover(cls, symbol: str, size: Size = "all", **options: Any) -> Signal:
        """Return a signal to buy back what was sold short."""
        return cls(action=Action.COVER, symbol=symbol, size=size, **options)


class Cancel(msgspec.Struct, frozen=True):
    """Cancel one live order, all of a symbol, or all: it takes effect after the latency."""

    order_id: str = ""
    symbol: str = ""


class Amend(msgspec.Struct, frozen=True):
    """Change a live order; None leaves as it is. Less quantity alone keeps the place in the queue."""

    order_id: str
    qty: Decimal | float | int | None = None  # base units, of the whole order
    limit_price: Price | None = None
    trigger_price: Price | None = None


class NoSignal(msgspec.Struct, frozen=True):
    """Why the strategy does nothing now, in all or in one symbol; counted per code."""

    code: str
    detail: str = ""
    symbol: str = ""
