"""What the exchange allows, and where an order stands relative to the book."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from trading.accounting.positions import Position
from trading.book import Level, Side
from trading.frames import Frame, Trade
from trading.instruments import InstrumentStatus
from trading.market_snapshot import MarketSnapshot
from trading.orders import Bracket, Order, OrderStatus, Purpose, is_reached
from trading.signals import OrderType

MATCHED_STATUSES = (InstrumentStatus.ONLINE, InstrumentStatus.LIMIT_ONLY, InstrumentStatus.REDUCE_ONLY)
UNSEEN = -1  # the queue at a price deeper than the visible book is not known yet


def is_matched(symbol: str, snapshot: MarketSnapshot) -> bool:
    """True while the exchange matches orders of ``symbol``, and we know its book."""
    key = ("is_matched", symbol)
    known: bool | None = snapshot.memo.get(key)
    if known is None:
        top = snapshot.top_or_none(symbol)
        is_open = snapshot.status(symbol) in MATCHED_STATUSES and snapshot.system == "online"
        known = snapshot.memo[key] = is_open and top is not None and bool(top.bids) and bool(top.asks)
    return known


def is_kept(order: Order) -> bool:
    """True for the exits that the exchange keeps with a position and sizes by it."""
    return order.purpose in (Purpose.STOP_LOSS, Purpose.TAKE_PROFIT)


def triggered_lots(order: Order, position: Position) -> int:
    """Return what a triggered order is for: an exit closes what is held, an entry is for all of itself."""
    if order.purpose is Purpose.ENTRY and not order.is_reduce_only:
        return order.open_lots
    closing = position.closing_lots(order.side, abs(position.lots))
    return closing if is_kept(order) else min(order.open_lots, closing)


def exit_legs(order: Order, bracket: Bracket, snapshot: MarketSnapshot) -> list[Order]:
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
            code=purpose.value,
            trail=leg_trail,
            missed_ticks=snapshot.last_ticks(order.symbol) or 0,
            model=order.model,
            extreme_ticks=fell if leg_trail is not None else 0,
            decimals=order.decimals,
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


def priority(order: Order) -> tuple[int, int]:
    """Return the place of an order among those of one account: resting ones by price, then those that wait."""
    if not order.is_limit or order.limit_ticks is None:
        return 1, 0
    return 0, -order.limit_ticks if order.side is Side.BUY else order.limit_ticks


def is_visible(order: Order, snapshot: MarketSnapshot) -> bool:
    """True when the order's price lies within the visible part of its own side of the book."""
    own = snapshot.top(order.symbol).own(order.side)
    assert order.limit_ticks is not None, "only limit orders rest in the book"
    return bool(own) and not is_beyond(order.side, own[-1].ticks, order.limit_ticks)


def is_met(order: Order, prints: Prints, snapshot: MarketSnapshot) -> bool:
    """True when a print or the other side of the book has come to a resting order's price: else it has had nothing."""
    assert order.limit_ticks is not None, "only limit orders rest in the book"
    opposite = snapshot.top(order.symbol).opposite(order.side)
    if opposite and not is_beyond(order.side, opposite[0].ticks, order.limit_ticks):
        return True
    printed = prints.of(order.symbol)
    return bool(printed) and any(not is_beyond(order.side, public.ticks, order.limit_ticks) for public in printed)


def displayed(order: Order, snapshot: MarketSnapshot) -> int:
    """Return the lots shown at the order's price, ``UNSEEN`` when the visible book does not reach it."""
    assert order.limit_ticks is not None, "only limit orders rest in the book"
    if not is_visible(order, snapshot):
        return UNSEEN
    return snapshot.top(order.symbol).lots_at(order.side, order.limit_ticks)


def count_prints(order: Order, prints: Prints) -> None:
    """Count what others traded at a resting order's price or through it."""
    assert order.limit_ticks is not None, "only limit orders rest in the book"
    for public in prints.of(order.symbol):
        if not is_beyond(order.side, public.ticks, order.limit_ticks):
            order.printed_lots += public.lots
            order.printed_ns = public.time_ns


def reaches(order: Order, ticks: int) -> bool:
    """True when a print at ``ticks`` sets the order off."""
    assert order.trigger_ticks is not None, "stops and take-profits have a trigger"
    return is_reached(order.type, order.side, order.trigger_ticks, ticks)


def follow(order: Order, ticks: int) -> None:
    """Let a trailing stop follow a print that was better than all since it arrived."""
    if order.trail is None:
        return
    is_better = ticks > order.extreme_ticks if order.side is Side.SELL else ticks < order.extreme_ticks
    if is_better or not order.extreme_ticks:
        order.extreme_ticks, order.trigger_ticks = ticks, order.trail.trigger(order.side, ticks)


def is_set_off(order: Order, prices: list[int]) -> bool:
    """True when one of the prices, in turn, sets the order off; a trailing stop follows those that do not."""
    for ticks in prices:
        if reaches(order, ticks):
            order.is_triggered, order.set_off_ticks = True, ticks
            return True
        follow(order, ticks)
    return False


class Prints:
    """The public trades of one frame, and how much of each our own orders have used up."""

    __slots__ = ("_by_symbol", "_used")

    def __init__(self, by_symbol: Mapping[str, list[Trade]]) -> None:
        self._by_symbol = by_symbol
        self._used: dict[tuple[str, int], int] = {}

    def of(self, symbol: str) -> Sequence[Trade]:
        """Return the symbol's trades, in the exchange's order."""
        return self._by_symbol.get(symbol, ())

    def left(self, public: Trade) -> int:
        """Return the lots of a trade that our orders have not used up."""
        return public.lots - self._used.get((public.symbol, public.trade_id), 0)

    def use(self, public: Trade, lots: int) -> None:
        """Count ``lots`` of a trade as ours."""
        key = (public.symbol, public.trade_id)
        self._used[key] = self._used.get(key, 0) + lots


def prints_of(frame: Frame, snapshot: MarketSnapshot) -> Prints:
    """Return the frame's prints, none of them used up; ``snapshot`` is the market as of it."""
    by_symbol: dict[str, list[Trade]] | None = snapshot.memo.get("prints")
    if by_symbol is None:
        by_symbol = snapshot.memo["prints"] = {}
        for trade in frame.trades:
            by_symbol.setdefault(trade.symbol, []).append(trade)
    return Prints(by_symbol)
