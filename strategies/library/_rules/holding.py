"""Going in and coming out, either way round."""

from __future__ import annotations

from typing import Any

from trading.book import Side
from trading.orders import Purpose
from trading.portfolio import Holding
from trading.signals import Action, Signal, SizeUnit
from trading.snapshot import DataSnapshot

MINUTE_NS = 60_000_000_000


def enter(
    side: Side, symbol: str, size: float, price: float, *, stop_pct: float, target_pct: float, **options: Any
) -> Signal:
    """Return a signal to buy, or to short, for ``size`` of the account's currency.

    Stop and target lie so many percent from ``price`` and are kept by the exchange; other
    fields of the Signal are ``options`` and go before them.
    """
    action, sign = (Action.BUY, 1) if side is Side.BUY else (Action.SHORT, -1)
    brackets = {"stop_loss": price * (1 - sign * stop_pct / 100), "take_profit": price * (1 + sign * target_pct / 100)}
    return Signal(action=action, symbol=symbol, size=size, **{"size_in": SizeUnit.ACCOUNT, **brackets, **options})


def leave(holding: Holding, *, reason: str, code: str, **options: Any) -> Signal:
    """Return a signal to close all that is held, long or short."""
    close = Signal.sell if holding.qty > 0 else Signal.cover
    return close(holding.symbol, reason=reason, code=code, **options)


def is_leaving(data: DataSnapshot, symbol: str) -> bool:
    """Return whether an order to leave is under way; stop and target, which wait, are none."""
    return any(order.purpose == Purpose.EXIT for order in data.portfolio.open_orders(symbol))


def side_of(holding: Holding) -> Side:
    """Return the side of the orders that led to it."""
    return Side.BUY if holding.qty > 0 else Side.SELL


def gain_pct(holding: Holding, price: float) -> float:
    """Return what has been gained at ``price`` before fees, percent of the entry."""
    move = (price / holding.average_price - 1) * 100
    return move if holding.qty > 0 else -move


def age_minutes(holding: Holding, now_ns: int) -> float:
    """Return for how many minutes of market time it has been held."""
    return (now_ns - holding.opened_ns) / MINUTE_NS
