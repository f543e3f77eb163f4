"""The paper exchange of one account: what happens to an order between being sent and being done.

When an order fills (fill model `realistic`):

1. Nothing happens before the latency has passed, nor while the instrument is not online or its book stale.
2. A market order, and the part of a limit order that crosses, walks the visible book and takes each level at
   its price. What this account took from a level stays taken until the level changes.
3. A resting limit order stands behind all that was displayed at its price when it arrived. Prints at its price
   use up that queue first; the queue is never longer than what is displayed.
4. A print through its price, or a book that has crossed it, fills it at its own price, no more than was printed
   or displayed.
5. A stop or take-profit becomes a market order when a print reaches its trigger, for what the position then holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import msgspec

from trading.account import Account, InsufficientFunds, LedgerEntry, RoundTrip
from trading.book import Level, Side
from trading.exchange.rules import (
    UNSEEN,
    Prints,
    displayed,
    exit_legs,
    is_beyond,
    is_visible,
    reaches,
    rule_refusal,
    sweep,
)
from trading.fees import Liquidity
from trading.fills import Fill
from trading.frames import Frame, Trade
from trading.instruments import Instrument
from trading.orders import Order, OrderStatus, Purpose, Refusal
from trading.signals import OrderType, TimeInForce
from trading.snapshot import DataSnapshot
from trading.valuation import mid_rate


class _Taken(msgspec.Struct, array_like=True):
    """What this account has had from a level, while the level showed ``displayed``."""

    displayed: int
    lots: int


class ExchangeState(msgspec.Struct):
    """All that the exchange remembers of one account; a checkpoint stores it whole."""

    orders: dict[str, Order] = {}  # live ones, oldest first
    taken: dict[str, dict[str, dict[int, _Taken]]] = {}  # symbol -> side taken from -> ticks


@dataclass(slots=True)
class Matched:
    """What one frame did: facts in the order in which they happened."""

    fills: list[Fill] = field(default_factory=list)
    entries: list[LedgerEntry] = field(default_factory=list)
    trips: list[RoundTrip] = field(default_factory=list)
    orders: dict[str, Order] = field(default_factory=dict)  # every order that changed, as it now stands


class PaperExchange:
    """Matches one account's orders against public books and prints. A paper order moves no market."""

    def __init__(self, slug: str, account: Account, state: ExchangeState) -> None:
        self._slug = slug
        self._account = account
        self.state = state

    def send(self, order: Order) -> None:
        """Take an order in; it is judged when it has arrived."""
        self.state.orders[order.order_id] = order

    def cancel(self, order: Order, matched: Matched, snapshot: DataSnapshot, refusal: Refusal) -> None:
        """End a live order for the reason given."""
        _end(order, OrderStatus.CANCELLED, snapshot, refusal)
        self._note(order, matched)

    def match(self, frame: Frame, snapshot: DataSnapshot) -> Matched:
        """Judge every live order against one frame, resting ones before those that arrive in it."""
        matched = Matched()
        prints = Prints(frame.trades)
        for order in [o for o in self.state.orders.values() if o.status is OrderStatus.OPEN]:
            if order.status is OrderStatus.OPEN and snapshot.is_tradable(order.symbol):
                self._judge_resting(order, prints, snapshot, matched)
        for order in [o for o in self.state.orders.values() if o.status is OrderStatus.SENT]:
            if order.status is OrderStatus.SENT and order.arrives_ns <= frame.time_ns:
                self._receive(order, snapshot, matched)
        return matched

    # Arrival

    def _receive(self, order: Order, snapshot: DataSnapshot, matched: Matched) -> None:
        refusal = self._refusal(order, snapshot)
        if refusal is not None:
            _end(order, OrderStatus.REFUSED, snapshot, refusal)
            self._note(order, matched)
            return
        order.status, order.updated_ns = OrderStatus.OPEN, snapshot.time_ns
        self._note(order, matched)
        if order.type is OrderType.MARKET:
            self._take(order, snapshot, matched)
            self._cancel_rest(order, snapshot, matched)
        elif order.type is OrderType.LIMIT:
            self._take(order, snapshot, matched)
            if order.status is OrderStatus.OPEN and order.time_in_force is TimeInForce.IOC:
                refusal = Refusal("ioc_remainder", "what could not be had at once was cancelled, as asked")
                self.cancel(order, matched, snapshot, refusal)
            elif order.status is OrderStatus.OPEN:
                order.queue_ahead_lots = displayed(order, snapshot)
        else:
            self._judge_trigger(order, [], snapshot, matched)

    def _refusal(self, order: Order, snapshot: DataSnapshot) -> Refusal | None:
        """Return the exchange's reason not to take the order, or None."""
        if not snapshot.is_tradable(order.symbol):
            status = snapshot.status(order.symbol)
            return Refusal("not_tradable", f"{order.symbol} is {status}, the exchange {snapshot.system or 'unknown'}")
        instrument = snapshot.instrument(order.symbol)
        if mid_rate(snapshot, instrument.quote, self._account.state.currency) is None:
            worth = f"what a {instrument.quote} is worth in {self._account.state.currency} is not known yet"
            return Refusal("no_valuation", worth)
        return rule_refusal(order, instrument, snapshot) or self._means_refusal(order, instrument, snapshot)

    def _means_refusal(self, order: Order, instrument: Instrument, snapshot: DataSnapshot) -> Refusal | None:
        if order.type not in (OrderType.MARKET, OrderType.LIMIT):
            return None  # sized by the position when it triggers
        levels = self._visible(order, snapshot)
        cost = sum((instrument.cost(*level) for level in sweep(levels, order.lots)), Decimal(0))
        if order.limit_ticks is not None:
            cost = max(cost, instrument.cost(order.limit_ticks, order.lots))
        reserved = self.reserved(snapshot, but=order.order_id)
        return self._account.means_refusal(order, instrument, cost, snapshot, reserved)

    def reserved(self, snapshot: DataSnapshot, *, but: str = "") -> dict[str, Decimal]:
        """Return what resting limit orders have spoken for, per currency."""
        instruments = snapshot.instruments
        total: dict[str, Decimal] = {}
        for order in self.state.orders.values():
            if order.order_id == but or order.type is not OrderType.LIMIT or order.status is not OrderStatus.OPEN:
                continue
            instrument = instruments[order.symbol]
            if order.side is Side.SELL:
                currency, amount = instrument.base, instrument.qty(order.open_lots)
            else:
                fee = 1 + self._account.fee_bps(Liquidity.TAKER, snapshot.time_ns) / 10_000
                currency, amount = instrument.quote, instrument.cost(order.limit_ticks or 0, order.open_lots) * fee
            total[currency] = total.get(currency, Decimal(0)) + amount
        return total

    # Taking

    def _visible(self, order: Order, snapshot: DataSnapshot) -> list[Level]:
        """Return what the order could take: the displayed levels less what this account had of them."""
        side = order.side.opposite
        memory = self.state.taken.get(order.symbol, {}).get(side.value, {})
        levels = []
        for ticks, lots in snapshot.top(order.symbol).opposite(order.side):
            if order.limit_ticks is not None and is_beyond(order.side, ticks, order.limit_ticks):
                break
            had = memory.get(ticks)
            left = lots - had.lots if had is not None and had.displayed == lots else lots
            if left > 0:
                levels.append(Level(ticks, left))
        return levels

    def _remember(self, order: Order, level: Level, snapshot: DataSnapshot) -> None:
        side = order.side.opposite
        shown = dict(snapshot.top(order.symbol).own(side))
        memory = self.state.taken.setdefault(order.symbol, {}).setdefault(side.value, {})
        # Levels that have changed or gone since are whole again: forget them.
        for ticks in [t for t, had in memory.items() if shown.get(t) != had.displayed]:
            del memory[ticks]
        had = memory.setdefault(level.ticks, _Taken(shown[level.ticks], 0))
        had.lots += level.lots

    def _take(self, order: Order, snapshot: DataSnapshot, matched: Matched) -> None:
        for level in sweep(self._visible(order, snapshot), order.open_lots):
            evidence = {"model": "realistic-1", "rule": "depth_walk", "level": [level.ticks, level.lots]}
            if not self._execute(order, level, Liquidity.TAKER, snapshot, matched, evidence):
                return
            self._remember(order, level, snapshot)

    def _cancel_rest(self, order: Order, snapshot: DataSnapshot, matched: Matched) -> None:
        if order.status is not OrderStatus.OPEN:
            return
        instrument = snapshot.instrument(order.symbol)
        rest = instrument.qty(order.open_lots).normalize()
        sentence = f"the visible book ended; {rest:f} {instrument.base} were not had"
        self.cancel(order, matched, snapshot, Refusal("book_ended", sentence))

    # Resting

    def _judge_resting(self, order: Order, prints: Prints, snapshot: DataSnapshot, matched: Matched) -> None:
        if order.type is OrderType.LIMIT:
            self._judge_limit(order, prints, snapshot, matched)
        else:
            self._judge_trigger(order, prints.of(order.symbol), snapshot, matched)

    def _judge_limit(self, order: Order, prints: Prints, snapshot: DataSnapshot, matched: Matched) -> None:
        assert order.limit_ticks is not None, "a limit order has a limit"
        limit = order.limit_ticks
        if order.queue_ahead_lots == UNSEEN:
            order.queue_ahead_lots = displayed(order, snapshot)
        for public in prints.of(order.symbol):
            through = is_beyond(order.side, limit, public.ticks)
            at_our_price = public.ticks == limit and public.side is order.side.opposite
            left = prints.left(public)
            if left == 0 or not (through or at_our_price):
                continue
            if at_our_price:
                before_us = min(left, max(order.queue_ahead_lots, 0))
                order.queue_ahead_lots -= before_us if order.queue_ahead_lots > 0 else 0
                left -= before_us
            part = min(left, order.open_lots)
            if part == 0:
                continue
            rule = "print_through" if through else "queue"
            evidence = {
                "model": "realistic-1",
                "rule": rule,
                "trade_id": public.trade_id,
                "printed_lots": public.lots,
            }
            if not self._execute(order, Level(limit, part), Liquidity.MAKER, snapshot, matched, evidence):
                return
            prints.use(public, part)
            if order.status is not OrderStatus.OPEN:
                return
        self._judge_crossed(order, snapshot, matched)
        shown = snapshot.top(order.symbol).lots_at(order.side, limit)
        if order.queue_ahead_lots > 0 and is_visible(order, snapshot):
            order.queue_ahead_lots = min(order.queue_ahead_lots, shown)

    def _judge_crossed(self, order: Order, snapshot: DataSnapshot, matched: Matched) -> None:
        """Fill an order that the book has moved through: at its own price, up to what is displayed beyond it."""
        for level in sweep(self._visible(order, snapshot), order.open_lots):
            assert order.limit_ticks is not None, "only limit orders rest in the book"
            evidence = {"model": "realistic-1", "rule": "crossed_book", "level": [level.ticks, level.lots]}
            at_limit = Level(order.limit_ticks, level.lots)
            if not self._execute(order, at_limit, Liquidity.MAKER, snapshot, matched, evidence):
                return
            self._remember(order, level, snapshot)

    def _judge_trigger(self, order: Order, trades: list[Trade], snapshot: DataSnapshot, matched: Matched) -> None:
        last = snapshot.last_ticks(order.symbol)
        prices = [trade.ticks for trade in trades] + ([] if last is None else [last])
        if not order.is_triggered and not any(reaches(order, ticks) for ticks in prices):
            return
        order.is_triggered = True
        lots = self._triggered_lots(order)
        if lots == 0:
            self.cancel(order, matched, snapshot, Refusal("no_position", "the position was closed before"))
            return
        order.lots = order.filled_lots + lots
        self._take(order, snapshot, matched)
        if not _is_kept(order):
            self._cancel_rest(order, snapshot, matched)
        # A kept exit that the visible book could not fill goes on taking: a position never loses its stop.

    def _triggered_lots(self, order: Order) -> int:
        if order.side is Side.BUY:
            return order.open_lots
        held = self._account.position(order.symbol).lots
        return held if _is_kept(order) else min(order.open_lots, held)

    # Settling

    def _execute(
        self,
        order: Order,
        level: Level,
        liquidity: Liquidity,
        snapshot: DataSnapshot,
        matched: Matched,
        evidence: Mapping[str, object],
    ) -> bool:
        """Settle one execution; False when the account could not pay and the order was cancelled."""
        instrument = snapshot.instrument(order.symbol)
        try:
            fill, entries, trip = self._account.execute(
                order,
                instrument,
                fill_id=f"{self._slug}:{snapshot.sequence}:{len(matched.fills)}",
                ticks=level.ticks,
                lots=level.lots,
                liquidity=liquidity,
                snapshot=snapshot,
                evidence=evidence,
            )
        except InsufficientFunds as error:
            self.cancel(order, matched, snapshot, Refusal("insufficient_funds", str(error)))
            return False
        order.filled_lots += level.lots
        order.filled_cost += fill.cost
        order.updated_ns = snapshot.time_ns
        if order.open_lots == 0:
            order.status = OrderStatus.FILLED
        matched.fills.append(fill)
        matched.entries.extend(entries)
        self._note(order, matched)
        self._keep_bracket(order, snapshot, matched)
        if trip is not None:
            matched.trips.append(trip)
            self._cancel_exits(order, snapshot, matched)
        return True

    def _keep_bracket(self, order: Order, snapshot: DataSnapshot, matched: Matched) -> None:
        """Put the exits of an entry in place at its first fill; they replace older ones of the same symbol."""
        bracket, order.bracket = order.bracket, None
        if bracket is None:
            return
        replaced = Refusal("replaced", "a newer entry brought its own stop-loss and take-profit")
        for exit_ in self._exits(order.symbol):
            self.cancel(exit_, matched, snapshot, replaced)
        legs = exit_legs(order, bracket, snapshot)
        for leg in legs:
            leg.sibling_id = next((other.order_id for other in legs if other is not leg), "")
            self.state.orders[leg.order_id] = leg
            self._note(leg, matched)

    def _exits(self, symbol: str) -> Iterator[Order]:
        live = [order for order in self.state.orders.values() if order.symbol == symbol and order.status.is_live]
        return (order for order in live if _is_kept(order))

    def _cancel_exits(self, order: Order, snapshot: DataSnapshot, matched: Matched) -> None:
        closed = Refusal("position_closed", "the position is closed: nothing is left to protect")
        for exit_ in self._exits(order.symbol):
            if exit_ is not order:
                self.cancel(exit_, matched, snapshot, closed)

    def _note(self, order: Order, matched: Matched) -> None:
        matched.orders[order.order_id] = order
        if not order.status.is_live:
            self.state.orders.pop(order.order_id, None)


def _is_kept(order: Order) -> bool:
    """True for the exits that the exchange keeps with a position and sizes by it."""
    return order.purpose in (Purpose.STOP_LOSS, Purpose.TAKE_PROFIT)


def _end(order: Order, status: OrderStatus, snapshot: DataSnapshot, refusal: Refusal) -> None:
    order.status, order.refusal, order.updated_ns = status, refusal, snapshot.time_ns
