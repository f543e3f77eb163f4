"""The paper exchange of one account: what happens to an order between being sent and being done.

When an order fills (fill model `realistic`; `models` says what the others assume):

1. Nothing happens before the latency has passed, nor while the instrument is not online or its book stale. What was
   told late, or printed in a gap, fills nothing and sets nothing off.
2. A market order, and the part of a limit order that crosses, walks the visible book and takes each level at
   its price. What this account took from a level stays taken until the level changes. With a shared book, what
   any account of the league took, of levels and prints, in the order of the slugs.
3. A resting limit order stands behind all that was displayed at its price when it arrived. Prints at its price
   use up that queue first; the queue is never longer than what is displayed. Deeper than the visible book it is
   not known, and prints at that price fill nothing. Of our own orders the best price comes first, then the oldest.
4. A print through its price, or a book that has crossed it, fills it at its own price, no more than was printed
   or displayed.
5. A stop or take-profit becomes a market order (with a limit: a limit order) when a print reaches its trigger, for
   what the position then holds. A trailing stop follows the best print since it arrived. After a gap the first
   price decides, and the fill says so. Reduce-only orders are cut to the position whenever they are judged.
6. A wish to cancel or amend takes the latency, too; what fills until then is filled.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from trading.accounting.account import Account
from trading.accounting.ledger import InsufficientFunds
from trading.accounting.valuation import mid_rate
from trading.exchange.admission import book_refusal, maintenance_refusal, rule_refusal, status_refusal, worst_cost
from trading.exchange.consumed import SharedBook, Takings
from trading.exchange.executions import Execution, evidence_of, rests, takes
from trading.exchange.models import REALISTIC, FillModel
from trading.exchange.requests import Wish, amend_refusal, amended, keeps_its_place
from trading.exchange.reserved import reserved
from trading.exchange.rules import (
    UNSEEN,
    Prints,
    count_prints,
    displayed,
    exit_legs,
    follow,
    is_kept,
    is_matched,
    is_met,
    is_set_off,
    is_visible,
    priority,
)
from trading.exchange.state import ExchangeState, Matched
from trading.fills import sealed
from trading.frames import Frame
from trading.instruments import InstrumentStatus
from trading.market_snapshot import MarketSnapshot
from trading.orders import LIMIT_AFTER_TRIGGER, Order, OrderStatus, Purpose, Refusal
from trading.signals import OrderType, TimeInForce

_AT_ONCE = (TimeInForce.IOC, TimeInForce.FOK)


class PaperExchange:
    """Matches one account's orders against public books and prints. A paper order moves no market."""

    def __init__(
        self,
        slug: str,
        account: Account,
        state: ExchangeState,
        model: FillModel = REALISTIC,
        shared: SharedBook | None = None,
    ) -> None:
        self._slug = slug
        self._account = account
        self._model = model
        self._takings = Takings(state.taken) if shared is None else shared
        self.state = state

    def send(self, order: Order) -> None:
        """Take an order in; it is judged when it has arrived."""
        order.model = self._model.label
        self.state.orders[order.order_id] = order

    def wish(self, wish: Wish) -> None:
        """Take in what is to become of a live order, once it has arrived."""
        self.state.wishes.append(wish)

    def cancel(self, order: Order, matched: Matched, snapshot: MarketSnapshot, refusal: Refusal) -> None:
        """End a live order for the reason given."""
        _end(order, OrderStatus.CANCELLED, snapshot, refusal)
        self._note(order, matched)

    def force(self, order: Order, matched: Matched, snapshot: MarketSnapshot) -> None:
        """Execute an order of the exchange's own at once; what the visible book cannot absorb is cancelled."""
        self.state.orders[order.order_id] = order
        self._note(order, matched)
        self._take(order, snapshot, matched)
        self._cancel_rest(order, snapshot, matched)

    def match(self, frame: Frame, snapshot: MarketSnapshot) -> Matched:
        """Judge every live order against one frame: resting ones, then wishes about them, then those that arrive."""
        matched = Matched()
        prints = self._takings.prints(self._slug, frame, snapshot)
        if frame.gap is not None:
            for order in self.state.orders.values():
                order.is_after_gap = True
        for order in sorted(self._of_status(OrderStatus.OPEN), key=priority):
            if order.status is not OrderStatus.OPEN:
                continue  # ended by another that was judged before it
            if is_matched(order.symbol, snapshot):
                self._judge_resting(order, prints, snapshot, matched)
            elif public := prints.of(order.symbol):
                order.unjudged_ticks = public[-1].ticks
            if order.status is OrderStatus.OPEN and 0 < order.expires_ns <= frame.time_ns:
                self.cancel(order, matched, snapshot, Refusal("expired", "its time was up, as asked"))
        if self.state.wishes:
            self._carry_out_wishes(frame, snapshot, matched)
        for order in self._of_status(OrderStatus.SENT):
            if order.status is OrderStatus.SENT and order.arrives_ns <= frame.time_ns:
                self._receive(order, snapshot, matched)
        return matched

    def _of_status(self, status: OrderStatus) -> list[Order]:
        return [order for order in self.state.orders.values() if order.status is status]

    # Arrival

    def _receive(self, order: Order, snapshot: MarketSnapshot, matched: Matched) -> None:
        if 0 < order.expires_ns <= snapshot.time_ns:
            self.cancel(order, matched, snapshot, Refusal("expired", "its time was up before it arrived"))
            return
        closing = self._closing_lots(order)
        if order.is_reduce_only and closing:
            order.lots = order.filled_lots + closing
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
            self._begin_to_rest(order, snapshot, matched)
        else:
            last = snapshot.last_ticks(order.symbol)
            follow(order, snapshot.top(order.symbol).opposite(order.side)[0].ticks if last is None else last)
            self._judge_trigger(order, [] if last is None else [last], snapshot, matched)

    def _begin_to_rest(self, order: Order, snapshot: MarketSnapshot, matched: Matched) -> None:
        """Take what a limit order crosses; the rest joins the queue, unless it was to be had at once."""
        if is_matched(order.symbol, snapshot):
            self._take(order, snapshot, matched)
        if order.status is not OrderStatus.OPEN:
            return
        if order.time_in_force in _AT_ONCE:
            refusal = Refusal("ioc_remainder", "what could not be had at once was cancelled, as asked")
            self.cancel(order, matched, snapshot, refusal)
        else:
            order.queue_ahead_lots = displayed(order, snapshot)
            order.rests_since_ns, order.printed_lots, order.printed_ns = snapshot.time_ns, 0, 0

    def _refusal(self, order: Order, snapshot: MarketSnapshot) -> Refusal | None:
        """Return the exchange's reason not to take the order, or None."""
        closing = self._closing_lots(order)
        refusal = status_refusal(order, snapshot, closing)
        if refusal is not None:
            return refusal
        if order.is_reduce_only and closing == 0:
            return Refusal("reduce_only", f"no position in {order.symbol} that a {order.side.value} would reduce")
        instrument = snapshot.instrument(order.symbol)
        if mid_rate(snapshot, instrument.quote, self._account.state.currency) is None:
            worth = f"what a {instrument.quote} is worth in {self._account.state.currency} is not known yet"
            return Refusal("no_valuation", worth)
        refusal = rule_refusal(order, instrument, snapshot)
        if refusal is not None:
            return refusal
        # An amended order may be filled in part: what follows is about the rest.
        rest = msgspec.structs.replace(order, lots=order.open_lots, filled_lots=0)
        levels = self._takings.left(rest, snapshot)
        refusal = book_refusal(rest, levels, self.state.orders.values(), instrument, self._model)
        if refusal is not None or order.type not in (OrderType.MARKET, OrderType.LIMIT):
            return refusal  # what waits for a trigger is sized, and paid for, when it triggers
        cost = worst_cost(rest, levels, instrument)
        currencies = (instrument.base, instrument.quote)
        reserved = {currency: self.reserved(currency, snapshot, but=order.order_id) for currency in currencies}
        return self._account.means_refusal(rest, instrument, cost, snapshot, reserved)

    def _closing_lots(self, order: Order) -> int:
        """Return what of the order would close a position; the rest would open one."""
        return self._account.position(order.symbol).closing_lots(order.side, order.open_lots)

    def reserved(self, currency: str, snapshot: MarketSnapshot, *, but: str = "") -> Decimal:
        """Return what resting limit orders have spoken for, in ``currency``."""
        others = (order for order in self.state.orders.values() if order.order_id != but)
        return reserved(currency, others, self._account, snapshot)

    # Wishes

    def _carry_out_wishes(self, frame: Frame, snapshot: MarketSnapshot, matched: Matched) -> None:
        due = [wish for wish in self.state.wishes if wish.arrives_ns <= frame.time_ns]
        self.state.wishes = [wish for wish in self.state.wishes if wish.arrives_ns > frame.time_ns]
        for wish in due:
            order = self.state.orders.get(wish.order_id)
            if order is None:
                continue  # another wish, due in the same frame, has ended it
            closed = maintenance_refusal(order, wish, snapshot)
            if closed is not None:
                order.refusal, order.updated_ns = closed, snapshot.time_ns
                self._note(order, matched)
            elif wish.kind == "cancel":
                self.cancel(order, matched, snapshot, Refusal("cancelled", "as asked"))
            else:
                self._amend(order, wish, snapshot, matched)

    def _amend(self, order: Order, wish: Wish, snapshot: MarketSnapshot, matched: Matched) -> None:
        """Change an order, or leave it as it is and say why."""
        new = amended(order, wish)
        if new.lots <= order.filled_lots:
            done = Refusal("amended_away", "it was amended to no more than what was filled")
            self.cancel(order, matched, snapshot, done)
            return
        keeps_place = keeps_its_place(order, wish)
        refusal = amend_refusal(order, wish) or self._refusal(new, snapshot)
        order.updated_ns = snapshot.time_ns
        if refusal is not None:
            order.refusal = Refusal("amend_refused", refusal.sentence)
        else:
            order.refusal = None
            order.lots, order.limit_ticks, order.trigger_ticks = new.lots, new.limit_ticks, new.trigger_ticks
            order.unjudged_ticks = snapshot.last_ticks(order.symbol) or 0  # a new trigger may be reached already
            if order.is_limit and order.status is OrderStatus.OPEN and not keeps_place:
                self._begin_to_rest(order, snapshot, matched)
        self._note(order, matched)

    # Taking

    def _take(self, order: Order, snapshot: MarketSnapshot, matched: Matched) -> None:
        step = snapshot.instrument(order.symbol).price_increment_ticks
        granted = takes(order, self._takings.left(order, snapshot), self._model, step)
        self._execute_all(order, granted, snapshot, matched)

    def _cancel_rest(self, order: Order, snapshot: MarketSnapshot, matched: Matched) -> None:
        if order.status is not OrderStatus.OPEN:
            return
        instrument = snapshot.instrument(order.symbol)
        rest = instrument.qty(order.open_lots).normalize()
        sentence = f"the visible book ended; {rest:f} {instrument.base} were not had"
        self.cancel(order, matched, snapshot, Refusal("book_ended", sentence))

    # Resting

    def _judge_resting(self, order: Order, prints: Prints, snapshot: MarketSnapshot, matched: Matched) -> None:
        if order.is_limit:
            self._judge_limit(order, prints, snapshot, matched)
            is_judged = True
        else:
            slept = [order.unjudged_ticks] if order.unjudged_ticks else []
            prices = slept + [public.ticks for public in prints.of(order.symbol)]
            order.unjudged_ticks = 0
            self._judge_trigger(order, prices, snapshot, matched)
            is_judged = bool(prices) and not order.is_triggered
        if is_judged and order.status is OrderStatus.OPEN:
            order.is_after_gap = False

    def _judge_limit(self, order: Order, prints: Prints, snapshot: MarketSnapshot, matched: Matched) -> None:
        if order.is_reduce_only:
            closing = self._closing_lots(order)
            if closing == 0:
                self.cancel(order, matched, snapshot, Refusal("no_position", "the position was closed before"))
                return
            if closing < order.open_lots:
                order.lots, order.updated_ns = order.filled_lots + closing, snapshot.time_ns
                self._note(order, matched)
        if order.queue_ahead_lots == UNSEEN:
            order.queue_ahead_lots = displayed(order, snapshot)
        if is_met(order, prints, snapshot):
            count_prints(order, prints)
            granted = rests(order, prints, self._takings.left(order, snapshot), self._model)
            self._execute_all(order, granted, snapshot, matched, prints)
        if order.status is OrderStatus.OPEN and order.queue_ahead_lots > 0 and is_visible(order, snapshot):
            assert order.limit_ticks is not None, "only limit orders rest in the book"
            shown = snapshot.top(order.symbol).lots_at(order.side, order.limit_ticks)
            order.queue_ahead_lots = min(order.queue_ahead_lots, shown)

    def _judge_trigger(self, order: Order, prices: list[int], snapshot: MarketSnapshot, matched: Matched) -> None:
        if not order.is_triggered and not is_set_off(order, prices):
            return
        if order.type not in LIMIT_AFTER_TRIGGER and snapshot.status(order.symbol) == InstrumentStatus.LIMIT_ONLY:
            return  # a market order: it waits until there may be one
        lots = self._triggered_lots(order)
        if lots == 0:
            self.cancel(order, matched, snapshot, Refusal("no_position", "the position was closed before"))
            return
        order.lots = order.filled_lots + lots
        if order.is_limit:
            self._note(order, matched)
            self._begin_to_rest(order, snapshot, matched)
            return
        self._take(order, snapshot, matched)
        if not is_kept(order):
            self._cancel_rest(order, snapshot, matched)
        # A kept exit that the visible book could not fill goes on taking: a position never loses its stop.

    def _triggered_lots(self, order: Order) -> int:
        """Return what a triggered order is for: an exit closes what is held, an entry is for what was asked."""
        if order.purpose is Purpose.ENTRY and not order.is_reduce_only:
            return order.open_lots
        held = abs(self._account.position(order.symbol).lots)
        closing = self._account.position(order.symbol).closing_lots(order.side, held)
        return closing if is_kept(order) else min(order.open_lots, closing)

    # Settling

    def _execute_all(
        self,
        order: Order,
        granted: Iterator[Execution],
        snapshot: MarketSnapshot,
        matched: Matched,
        prints: Prints | None = None,
    ) -> None:
        for execution in granted:
            if not self._execute(order, execution, snapshot, matched):
                return
            if execution.level is not None:
                self._takings.remember(order, execution.level, snapshot)
            if execution.public is not None and prints is not None:
                prints.use(execution.public, execution.lots)
            if order.status is not OrderStatus.OPEN:
                return

    def _execute(self, order: Order, execution: Execution, snapshot: MarketSnapshot, matched: Matched) -> bool:
        """Settle one execution; False when the account could not pay and the order was cancelled."""
        instrument = snapshot.instrument(order.symbol)
        try:
            fill, entries, trip = self._account.execute(
                order,
                instrument,
                fill_id=f"{self._slug}:{snapshot.sequence}:{len(matched.fills)}",
                ticks=execution.ticks,
                lots=execution.lots,
                liquidity=execution.liquidity,
                snapshot=snapshot,
                evidence=evidence_of(order, execution, instrument, self._model),
            )
        except InsufficientFunds as error:
            self.cancel(order, matched, snapshot, Refusal("insufficient_funds", str(error)))
            return False
        order.filled_lots += execution.lots
        order.filled_cost += fill.cost
        order.updated_ns = snapshot.time_ns
        if order.open_lots == 0:
            order.status = OrderStatus.FILLED
        matched.fills.append(sealed(fill))
        matched.entries.extend(entries)
        self._note(order, matched)
        if trip is not None:
            matched.trips.append(trip)
            self._cancel_exits(order, snapshot, matched)
        self._keep_bracket(order, snapshot, matched)
        return True

    def _keep_bracket(self, order: Order, snapshot: MarketSnapshot, matched: Matched) -> None:
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
        return (order for order in live if is_kept(order))

    def _cancel_exits(self, order: Order, snapshot: MarketSnapshot, matched: Matched) -> None:
        closed = Refusal("position_closed", "the position is closed: nothing is left to protect")
        for exit_ in self._exits(order.symbol):
            if exit_ is not order:
                self.cancel(exit_, matched, snapshot, closed)

    def _note(self, order: Order, matched: Matched) -> None:
        matched.orders[order.order_id] = order
        if not order.status.is_live:
            self.state.orders.pop(order.order_id, None)
            if self.state.wishes:  # those about it can change nothing any more
                self.state.wishes = [wish for wish in self.state.wishes if wish.order_id != order.order_id]


def _end(order: Order, status: OrderStatus, snapshot: MarketSnapshot, refusal: Refusal) -> None:
    order.status, order.refusal, order.updated_ns = status, refusal, snapshot.time_ns
