"""What the exchange allows, and where an order stands relative to the book."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trading.book import Level, Side
from trading.frames import Trade
from trading.instruments import Instrument, InstrumentStatus
from trading.orders import TRIGGERED, Bracket, Order, OrderStatus, Purpose, Refusal
from trading.signals import OrderType
from trading.snapshot import DataSnapshot

_ENTRY_STATUSES = (InstrumentStatus.ONLINE, InstrumentStatus.LIMIT_ONLY, InstrumentStatus.REDUCE_ONLY)
UNSEEN = -1  # the queue at a price deeper than the visible book is not known yet


def is_matched(symbol: str, snapshot: DataSnapshot) -> bool:
    """True while the exchange matches orders of ``symbol``, and we know its book."""
    top = snapshot.top_or_none(symbol)
    is_open = snapshot.status(symbol) in _ENTRY_STATUSES and snapshot.system == "online"
    return is_open and top is not None and bool(top.bids) and bool(top.asks)


def status_refusal(order: Order, snapshot: DataSnapshot, closing_lots: int) -> Refusal | None:
    """Return why the state of the exchange or of the instrument keeps the order out, or None.

    ``closing_lots`` is what of the order would close a position. Kraken's states: kraken.md 1.1, 2.1.
    """
    status, system = snapshot.status(order.symbol), snapshot.system or "unknown"
    if status == "stale" or snapshot.top_or_none(order.symbol) is None:
        return Refusal("not_tradable", f"{order.symbol} is stale: its book is not known")
    if "post_only" in (status, system) and not (order.type is OrderType.LIMIT and order.is_post_only):
        return Refusal("post_only_mode", f"{order.symbol} takes post-only limit orders alone now")
    if system not in ("online", "post_only") or status not in (*_ENTRY_STATUSES, InstrumentStatus.POST_ONLY):
        return Refusal("not_tradable", f"{order.symbol} is {status}, the exchange {system}; expected both online")
    if status == InstrumentStatus.LIMIT_ONLY and order.limit_ticks is None:
        return Refusal("limit_only_mode", f"{order.symbol} takes limit orders alone now, not {order.type.value}")
    if status == InstrumentStatus.REDUCE_ONLY and closing_lots < order.open_lots:
        return Refusal("reduce_only_mode", f"{order.symbol} may only be reduced now")
    return None


def rule_refusal(order: Order, instrument: Instrument, snapshot: DataSnapshot) -> Refusal | None:
    """Return which of the instrument's rules the order breaks, or None."""
    step = instrument.price_increment_ticks
    for what, ticks in (("limit price", order.limit_ticks), ("trigger price", order.trigger_ticks)):
        if ticks is not None and (ticks <= 0 or ticks % step):
            asked, grid = instrument.price(ticks), instrument.price(step)
            return Refusal("tick_size", f"the {what} is {asked}; it must be a multiple of {grid} above zero")
    if order.type in TRIGGERED and order.limit_ticks is None:
        return None  # sized by the position when it triggers
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
    """Return the exits of an entry, resting from now on."""
    fell = snapshot.last_ticks(order.symbol) or snapshot.top(order.symbol).opposite(order.side)[0].ticks
    trail = bracket.trail
    stop = bracket.stop_loss_ticks if trail is None else trail.trigger(order.side.opposite, fell)
    wanted = (
        (Purpose.STOP_LOSS, OrderType.STOP if trail is None else OrderType.TRAILING_STOP, stop, trail),
        (Purpose.TAKE_PROFIT, OrderType.TAKE_PROFIT, bracket.take_profit_ticks, None),
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
            trail=leg_trail,
            extreme_ticks=fell if leg_trail is not None else 0,
        )
        for purpose, type_, ticks, leg_trail in wanted
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
    is_stop = order.type in (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)
    falling = (order.side is Side.SELL) == is_stop
    return ticks <= order.trigger_ticks if falling else ticks >= order.trigger_ticks


def follow(order: Order, ticks: int) -> None:
    """Let a trailing stop follow a print that was better than all since it arrived."""
    if order.trail is None:
        return
    is_better = ticks > order.extreme_ticks if order.side is Side.SELL else ticks < order.extreme_ticks
    if is_better or not order.extreme_ticks:
        order.extreme_ticks, order.trigger_ticks = ticks, order.trail.trigger(order.side, ticks)


def self_cross_refusal(
    order: Order, worst_ticks: int, others: Iterable[Order], instrument: Instrument
) -> Refusal | None:
    """Return which of our own resting orders the order would trade with, or None."""
    for other in others:
        rests = other.symbol == order.symbol and other.status is OrderStatus.OPEN and other.is_limit
        if not rests or other.side is order.side or other.limit_ticks is None:
            continue
        if not is_beyond(order.side, other.limit_ticks, worst_ticks):
            price = instrument.price(other.limit_ticks)
            return Refusal("self_cross", f"it would trade with our own {other.side.value} at {price}")
    return None


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
