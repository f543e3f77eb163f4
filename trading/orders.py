"""An order of ours, the states it passes through, and the requests to change it."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from enum import StrEnum

import msgspec

from trading.book import Side
from trading.signals import OrderType, TimeInForce

LIMIT_AFTER_TRIGGER = (OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT)
TRIGGERED = (OrderType.STOP, OrderType.TAKE_PROFIT, OrderType.TRAILING_STOP, *LIMIT_AFTER_TRIGGER)


def is_reached(kind: OrderType, side: Side, trigger_ticks: int, ticks: int) -> bool:
    """True when a print at ``ticks`` sets off an order of ``kind``: stops against us, take-profits for us."""
    is_stop = kind in (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)
    falling = (side is Side.SELL) == is_stop
    return ticks <= trigger_ticks if falling else ticks >= trigger_ticks


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


class Bracket(msgspec.Struct, frozen=True):
    """The exits that follow a filled entry; the exchange keeps them, one cancels the other."""

    stop_loss_ticks: int | None = None
    take_profit_ticks: int | None = None
    trail: Trail | None = None  # of the stop-loss, which then follows the price


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

    @property
    def is_immediate(self) -> bool:
        """True when what does not fill on arrival is cancelled."""
        return self.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)

    @property
    def is_limit(self) -> bool:
        """True while it rests in the book, or would: a limit order, or one that its trigger has made one."""
        return self.type is OrderType.LIMIT or (self.is_triggered and self.type in LIMIT_AFTER_TRIGGER)

    @property
    def open_lots(self) -> int:
        """What is left to fill."""
        return self.lots - self.filled_lots

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


OrderRequest = CancelRequest | AmendRequest
