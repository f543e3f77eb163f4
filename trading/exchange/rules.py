"""What the exchange allows, and where an order stands relative to the book."""

from __future__ import annotations

from collections.abc import Iterator

from trading.book import Level, Side
from trading.frames import Trade
from trading.instruments import Instrument
from trading.orders import Bracket, Order, OrderStatus, Purpose, Refusal
from trading.signals import OrderType
from trading.snapshot import DataSnapshot

UNSEEN = -1  # the queue at a price deeper than the visible book is not known yet


def rule_refusal(order: Order, instrument: Instrument, snapshot: DataSnapshot) -> Refusal | None:
    """Return which of the instrument's rules the order breaks, or None."""
    step = instrument.price_increment_ticks
    for what, ticks in (("limit price", order.limit_ticks), ("trigger price", order.trigger_ticks)):
        if ticks is not None and (ticks <= 0 or ticks % step):
            asked, grid = instrument.price(ticks), instrument.price(step)
            return Refusal("tick_size", f"the {what} is {asked}; it must be a multiple of {grid} above zero")
    if order.type in (OrderType.STOP, OrderType.TAKE_PROFIT):
        return None
    if order.lots < instrument.qty_min_lots:
        asked, least = (
            instrument.qty(order.lots).normalize(),
            instrument.qty(instrument.qty_min_lots).normalize(),
        )
        return Refusal("qty_minimum", f"{asked:f} {instrument.base} were asked for; the smallest order is {least:f}")
    touch = snapshot.top(order.symbol).opposite(order.side)[0].ticks
    cost = instrument.cost(order.limit_ticks or touch, order.lots)
    if cost < instrument.cost_min:
        least_cost = f"{instrument.cost_min} {instrument.quote}"
        return Refusal("cost_minimum", f"the order is worth {cost.normalize():f}; the smallest is {least_cost}")
    if order.is_post_only and order.limit_ticks is not None and not is_beyond(order.side, touch, order.limit_ticks):
        return Refusal("post_only", f"at {instrument.price(order.limit_ticks)} it would take from the book")
    return None


def exit_legs(order: Order, bracket: Bracket, snapshot: DataSnapshot) -> list[Order]:
    wanted = (
        (Purpose.STOP_LOSS, OrderType.STOP, bracket.stop_loss_ticks),
        (Purpose.TAKE_PROFIT, OrderType.TAKE_PROFIT, bracket.take_profit_ticks),
    )
    return [
        Order(
            order_id=f"{order.order_id}:{purpose.value}",
            symbol=order.symbol,
            side=order.side.opposite,
            type=type_,
            purpose=purpose,
            lots=order.lots,
            created_sequence=snapshot.sequence,
            created_ns=snapshot.time_ns,
            arrives_ns=snapshot.time_ns,
            trigger_ticks=ticks,
            is_reduce_only=True,
            status=OrderStatus.OPEN,
            updated_ns=snapshot.time_ns,
            reason=f"{purpose.value.replace('_', ' ')} of {order.order_id}",
        )
        for purpose, type_, ticks in wanted
        if ticks is not None
    ]


def sweep(levels: list[Level], lots: int) -> Iterator[Level]:
    """Yield what ``lots`` would take of ``levels``, the last one cut."""
    for level in levels:
        if lots == 0:
            return
        part = min(lots, level.lots)
        lots -= part
        yield Level(level.ticks, part)


def is_beyond(side: Side, ticks: int, limit_ticks: int) -> bool:
    """True when ``ticks`` is a worse price to trade at than the limit of an order of ``side``."""
    return ticks > limit_ticks if side is Side.BUY else ticks < limit_ticks


def is_visible(order: Order, snapshot: DataSnapshot) -> bool:
    """True when the order's price lies within the visible part of its own side of the book."""
    own = snapshot.top(order.symbol).own(order.side)
    assert order.limit_ticks is not None, "only limit orders rest in the book"
    return bool(own) and not is_beyond(order.side.opposite, order.limit_ticks, own[-1].ticks)


def displayed(order: Order, snapshot: DataSnapshot) -> int:
    """Return the lots shown at the order's price, ``UNSEEN`` when the visible book does not reach it."""
    assert order.limit_ticks is not None, "only limit orders rest in the book"
    if not is_visible(order, snapshot):
        return UNSEEN
    return snapshot.top(order.symbol).lots_at(order.side, order.limit_ticks)


def reaches(order: Order, ticks: int) -> bool:
    """True when a print at ``ticks`` sets the order off."""
    assert order.trigger_ticks is not None, "stops and take-profits have a trigger"
    falling = (order.side is Side.SELL) == (order.type is OrderType.STOP)
    return ticks <= order.trigger_ticks if falling else ticks >= order.trigger_ticks


class Prints:
    """The public trades of one frame, and how much of each our own orders have used up."""

    __slots__ = ("_by_symbol", "_used")

    def __init__(self, trades: tuple[Trade, ...]) -> None:
        self._by_symbol: dict[str, list[Trade]] = {}
        for trade in trades:
            self._by_symbol.setdefault(trade.symbol, []).append(trade)
        self._used: dict[tuple[str, int], int] = {}

    def of(self, symbol: str) -> list[Trade]:
        """Return the symbol's trades, in the exchange's order."""
        return self._by_symbol.get(symbol, [])

    def left(self, public: Trade) -> int:
        """Return the lots of a trade that our orders have not used up."""
        return public.lots - self._used.get((public.symbol, public.trade_id), 0)

    def use(self, public: Trade, lots: int) -> None:
        """Count ``lots`` of a trade as ours."""
        key = (public.symbol, public.trade_id)
        self._used[key] = self._used.get(key, 0) + lots
