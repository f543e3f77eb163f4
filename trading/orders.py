"""An order of ours, the states it passes through, and the requests to change it."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from enum import StrEnum

import msgspec

from trading.book import Side
from trading.recount import Decimals, Recount, decimals_of
from trading.signals import OrderType, TimeInForce

LIMIT_AFTER_TRIGGER = (OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT)
TRIGGERED = (OrderType.STOP, OrderType.TAKE_PROFIT, OrderType.TRAILING_STOP, *LIMIT_AFTER_TRIGGER)


def is_reached(kind: OrderType, side: Side, trigger_ticks: int, ticks: int) -> bool:
    """True when a print at ``ticks`` sets off an order of ``kind``: stops against us, take-profits for us."""
    return ticks <= trigger_ticks if _is_falling(kind, side) else ticks >= trigger_ticks


def _is_falling(kind: OrderType, side: Side) -> bool:
    """True when a falling price sets off an order of ``kind``."""
    is_stop = kind in (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)
    return (side is Side.SELL) == is_stop


class OrderStatus(StrEnum):
    """Where an order is in its life."""

    SENT = "sent"  # on its way: the latency has not passed
    OPEN = "open"  # resting in the book, or waiting for its trigger
    FILLED = "filled"
    CANCELLED = "cancelled"  # by us, by its sibling, or for want of liquidity
    REFUSED = "refused"

    @property
    def is_live(self) -> bool:
        """True while the order may still be filled."""
        return self in (OrderStatus.SENT, OrderStatus.OPEN)


ORDER_TRANSITIONS: dict[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.SENT: frozenset({OrderStatus.OPEN, OrderStatus.REFUSED, OrderStatus.CANCELLED}),
    OrderStatus.OPEN: frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED}),
    OrderStatus.FILLED: frozenset(),
    OrderStatus.CANCELLED: frozenset(),
    OrderStatus.REFUSED: frozenset(),
}
FIRST_STATUSES = frozenset({OrderStatus.SENT, OrderStatus.OPEN, OrderStatus.REFUSED})  # open: the exchange's own orders


class ImpossibleTransition(RuntimeError):
    """An order was to become what an order of its status never becomes."""


class Purpose(StrEnum):
    """Why the order exists."""

    ENTRY = "entry"
    EXIT = "exit"
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    LIQUIDATION = "liquidation"  # the exchange's own: the account no longer secures what it owes


class Trail(msgspec.Struct, frozen=True):
    """The distance of a stop that follows the price; one of the two is set."""

    ticks: int = 0
    pct: Decimal = Decimal(0)
    step_ticks: int = 1  # of the prices that the exchange allows

    def trigger(self, side: Side, extreme_ticks: int) -> int:
        """Return where an order of ``side`` triggers when ``extreme_ticks`` was the best price, rounded away."""
        steps = (extreme_ticks * self.pct / 100 / self.step_ticks).to_integral_value(ROUND_CEILING)
        away = self.ticks or int(steps) * self.step_ticks
        return extreme_ticks - away if side is Side.SELL else extreme_ticks + away

    def recounted(self, change: Recount) -> Trail:
        """Return the same distance; below one tick it is rounded up, as the triggers that follow from it would be."""
        return Trail(change.ticks_above(self.ticks), self.pct, change.new.price_increment_ticks)


class Bracket(msgspec.Struct, frozen=True):
    """The exits that follow a filled entry; the exchange keeps them, one cancels the other."""

    stop_loss_ticks: int | None = None
    take_profit_ticks: int | None = None
    trail: Trail | None = None  # of the stop-loss, which then follows the price

    def recounted(self, change: Recount, entry: Side) -> Bracket:
        """Return the same exits, set off by the same prints; ``entry`` is the side of the order that they follow."""
        stop, target = change.ticks_below, change.ticks_above
        if entry is Side.SELL:
            stop, target = target, stop
        return Bracket(
            None if self.stop_loss_ticks is None else stop(self.stop_loss_ticks),
            None if self.take_profit_ticks is None else target(self.take_profit_ticks),
            None if self.trail is None else self.trail.recounted(change),
        )


class Refusal(msgspec.Struct, frozen=True):
    """Why something was not done: a code to count and a sentence to read."""

    code: str
    sentence: str


class Order(msgspec.Struct, kw_only=True):
    """What the exchange is to do, in ticks and lots, and how far it has come.

    Mutable: it lives inside one exchange. Its status changes through ``become`` alone.
    """

    order_id: str  # deployment, frame sequence, ordinal
    symbol: str
    side: Side
    type: OrderType
    purpose: Purpose
    lots: int
    created_sequence: int
    created_ns: int
    arrives_ns: int  # when the exchange receives it
    limit_ticks: int | None = None
    trigger_ticks: int | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    is_post_only: bool = False
    is_reduce_only: bool = False
    bracket: Bracket | None = None
    sibling_id: str = ""  # the other leg of an OCO pair
    status: OrderStatus = OrderStatus.SENT
    filled_lots: int = 0
    filled_cost: Decimal = Decimal(0)  # quote
    is_triggered: bool = False  # a stop or take-profit that has been set off
    queue_ahead_lots: int = 0  # displayed before us at our price, still unfilled
    rests_since_ns: int = 0  # when it joined the queue at its present price; zero: it has not
    printed_lots: int = 0  # of others, at its price or through it, since then
    printed_ns: int = 0  # when the last of them was
    updated_ns: int = 0
    refusal: Refusal | None = None  # why it was refused or cancelled
    reason: str = ""
    code: str = ""  # which rule it was: the strategy's code, else what made the exchange or a person send it
    leverage: Decimal | None = None  # None: spot, from the account's own balances
    expires_ns: int = 0  # market time; zero: never
    trail: Trail | None = None
    extreme_ticks: int = 0  # the best print since a trailing stop arrived
    latency_ns: int = 0  # between being sent and being received
    is_after_gap: bool = False  # nobody watched since it was matched last
    missed_ticks: int = msgspec.field(
        name="unjudged_ticks", default=0
    )  # the last print that no trigger was checked against
    set_off_ticks: int = 0  # the print that reached its trigger
    model: str = ""  # the fill model, with its version, that matches it
    decimals: Decimals | None = None  # in which its prices and quantities are counted; None: as the market counts now

    @property
    def is_immediate(self) -> bool:
        """True when what does not fill on arrival is cancelled."""
        return self.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)

    @property
    def is_limit(self) -> bool:
        """True while it rests in the book, or would: a limit order, or one that its trigger has made one."""
        return self.type is OrderType.LIMIT or (self.is_triggered and self.type in LIMIT_AFTER_TRIGGER)

    @property
    def is_sized_by_position(self) -> bool:
        """True for what never fills more than the position holds: the exits that go with it, and reduce-only orders."""
        return self.is_reduce_only or self.purpose in (Purpose.STOP_LOSS, Purpose.TAKE_PROFIT)

    @property
    def open_lots(self) -> int:
        """What is left to fill."""
        return self.lots - self.filled_lots

    def recount(self, change: Recount) -> bool:
        """Count it in other decimals; False, and nothing is changed, where the new ones cannot express it.

        A trigger between two new ticks becomes the first of them that sets it off: no print can come between, so
        that what sets it off is what did before. A limit price must be exact, and so must the quantity; an order that
        only reduces a position is cut to it anyway, and its rest below one lot left out.
        """
        limit = None if self.limit_ticks is None else change.ticks(self.limit_ticks)
        lots, filled = change.lots(self.lots), change.lots(self.filled_lots)
        if lots is None and filled is not None and self.is_sized_by_position:
            lots = filled + change.lots_within(self.open_lots)
        if (limit is None) != (self.limit_ticks is None) or not lots or filled is None or lots == filled:
            return False
        is_falling = _is_falling(self.type, self.side)
        met, unmet = change.ticks_below, change.ticks_above
        if not is_falling:
            met, unmet = unmet, met
        if self.missed_ticks:
            is_met = self.trigger_ticks is None or is_reached(
                self.type, self.side, self.trigger_ticks, self.missed_ticks
            )
            self.missed_ticks = (met if is_met else unmet)(self.missed_ticks)
        self.limit_ticks, self.lots, self.filled_lots = limit, lots, filled
        self.trigger_ticks = None if self.trigger_ticks is None else met(self.trigger_ticks)
        self.set_off_ticks = met(self.set_off_ticks)
        self.extreme_ticks = met(self.extreme_ticks)
        if self.queue_ahead_lots > 0:  # below zero it is not known
            self.queue_ahead_lots = change.lots_around(self.queue_ahead_lots)
        self.printed_lots = change.lots_within(self.printed_lots)
        self.trail = None if self.trail is None else self.trail.recounted(change)
        self.bracket = None if self.bracket is None else self.bracket.recounted(change, self.side)
        self.decimals = decimals_of(change.new)
        return True

    def become(self, status: OrderStatus, time_ns: int) -> None:
        """Take on another status at a market time.

        Raises:
            ImpossibleTransition: the table of transitions does not hold it.
        """
        if status not in ORDER_TRANSITIONS[self.status]:
            raise ImpossibleTransition(f"{self.order_id} is {self.status.value}; it cannot become {status.value}")
        self.status, self.updated_ns = status, time_ns


class CancelRequest(msgspec.Struct, frozen=True, tag_field="kind", tag="cancel"):
    """A live order is to be cancelled once this has arrived."""

    order_id: str
    arrives_ns: int
    by: str = ""  # the person who requested just this; empty: the strategy, or a command about all orders


class AmendRequest(msgspec.Struct, frozen=True, tag_field="kind", tag="amend"):
    """A live order is to be changed once this has arrived; None leaves as it is."""

    order_id: str
    arrives_ns: int
    lots: int | None = None
    limit_ticks: int | None = None
    trigger_ticks: int | None = None

    def recounted(self, change: Recount) -> AmendRequest | None:
        """Return the same request, None where the new decimals cannot express it."""
        ours = (self.lots, self.limit_ticks, self.trigger_ticks)
        ways = (change.lots, change.ticks, change.ticks)
        lots, limit, trigger = (None if n is None else way(n) for n, way in zip(ours, ways, strict=True))
        if [n is None for n in (lots, limit, trigger)] != [n is None for n in ours]:
            return None
        return AmendRequest(self.order_id, self.arrives_ns, lots, limit, trigger)


OrderRequest = CancelRequest | AmendRequest
