"""The paper exchange of one account: what happens to an order between being sent and being done.

When an order fills (fill model `realistic`; `models` says what the others assume):

1. Nothing happens before the latency has passed, nor while the instrument is not online or its book stale. A print
   that comes late, or was made in a gap, fills nothing and sets nothing off.
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
   price decides, and the fill says so. Reduce-only orders are cut to the position whenever they are matched.
6. A request to cancel or amend takes the latency, too; what fills until then is filled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from trading.accounting.ledger import InsufficientFunds
from trading.accounting.settlement import Execution, Settlement
from trading.exchange.admission import maintenance_refusal, order_refusal
from trading.exchange.consumed import SharedBook, Takings
from trading.exchange.executions import Grant, evidence_of, rests, takes
from trading.exchange.liquidation import watch_margin
from trading.exchange.models import REALISTIC, FillModel
from trading.exchange.recounting import recount_orders
from trading.exchange.requests import amend_refusal, amended, keeps_its_place
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
    triggered_lots,
)
from trading.exchange.state import ExchangeState
from trading.fills import sealed
from trading.frames import Frame
from trading.instruments import InstrumentStatus
from trading.market_snapshot import MarketSnapshot
from trading.orders import LIMIT_AFTER_TRIGGER, AmendRequest, CancelRequest, Order, OrderRequest, OrderStatus, Refusal
from trading.recount import Recount
from trading.signals import OrderType
from trading.venue import VenueReport


class PaperExchange:
    """The venue that matches one account's orders against public books and prints. A paper order moves no market."""

    def __init__(
        self,
        slug: str,
        settlement: Settlement,
        state: ExchangeState,
        model: FillModel = REALISTIC,
        shared: SharedBook | None = None,
    ) -> None:
        self._slug = slug
        self._settlement = settlement
        self._account = settlement.account
        self._model = model
        self._takings = Takings(state.taken) if shared is None else shared
        self._state = state

    @property
    def open_orders(self) -> Mapping[str, Order]:
        """The orders that may still be filled, by id, oldest first."""
        return self._state.orders

    @property
    def requests(self) -> Sequence[OrderRequest]:
        """The requests about live orders that have not arrived, oldest first."""
        return self._state.requests

    def send(self, order: Order) -> None:
        """Take an order in; it is matched when it has arrived."""
        order.model = self._model.label
        self._state.orders[order.order_id] = order

    def cancel(self, request: CancelRequest) -> None:
        """Take in that a live order is to end, once the request has arrived."""
        self._state.requests.append(request)

    def amend(self, request: AmendRequest) -> None:
        """Take in that a live order is to change, once the request has arrived."""
        self._state.requests.append(request)

    def reserved(self, currency: str, snapshot: MarketSnapshot) -> Decimal:
        """Return what resting limit orders have spoken for, in ``currency``."""
        return reserved(currency, self._state.orders.values(), self._account, snapshot)

    def process(self, frame: Frame, snapshot: MarketSnapshot) -> VenueReport:
        """Charge what lending has cost, match every live order against one frame, and watch what is owed."""
        account, report = self._account.state, VenueReport()
        if account.loans:
            report.entries += self._account.charge_rollovers(snapshot)
        self._match(frame, snapshot, report)
        if account.loans:
            report.margin = watch_margin(self._slug, self._account, self, report, snapshot)
        return report

    def end(
        self,
        order: Order,
        report: VenueReport,
        snapshot: MarketSnapshot,
        refusal: Refusal,
        status: OrderStatus = OrderStatus.CANCELLED,
    ) -> None:
        """End a live order for the reason given."""
        order.become(status, snapshot.time_ns)
        order.refusal = refusal
        self._note(order, report)

    def force(self, order: Order, report: VenueReport, snapshot: MarketSnapshot) -> None:
        """Execute an order of the exchange's own at once; what the visible book cannot absorb is cancelled."""
        self._state.orders[order.order_id] = order
        self._note(order, report)
        self._take(order, snapshot, report)
        self._cancel_rest(order, snapshot, report)

    def recount(self, change: Recount, snapshot: MarketSnapshot) -> VenueReport:
        """Count orders, requests and what was taken in new decimals; an order that they cannot express is cancelled."""
        report = VenueReport()
        self._takings.recount(change)
        recount_orders(self, self._state, change, snapshot, report)
        return report

    def _match(self, frame: Frame, snapshot: MarketSnapshot, report: VenueReport) -> None:
        """Match resting orders, then carry out the requests about them, then take in the orders that arrive."""
        prints = self._takings.prints(self._slug, frame, snapshot)
        if frame.gap is not None:
            for order in self._state.orders.values():
                order.is_after_gap = True
        for order in sorted(self._of_status(OrderStatus.OPEN), key=priority):
            if order.status is not OrderStatus.OPEN:
                continue  # ended by another that was matched before it
            if is_matched(order.symbol, snapshot):
                self._match_resting(order, prints, snapshot, report)
            elif snapshot.instruments[order.symbol].status == InstrumentStatus.DELISTED:
                self.end(order, report, snapshot, Refusal("delisted", f"{order.symbol} is no longer traded"))
            elif public := prints.of(order.symbol):
                order.missed_ticks = public[-1].ticks
            if order.status is OrderStatus.OPEN and 0 < order.expires_ns <= frame.time_ns:
                self.end(order, report, snapshot, Refusal("expired", "good-till date reached"))
        if self._state.requests:
            self._carry_out_requests(frame, snapshot, report)
        for order in self._of_status(OrderStatus.SENT):
            if order.status is OrderStatus.SENT and order.arrives_ns <= frame.time_ns:
                self._receive(order, snapshot, report)

    def _of_status(self, status: OrderStatus) -> list[Order]:
        return [order for order in self._state.orders.values() if order.status is status]

    # Arrival

    def _receive(self, order: Order, snapshot: MarketSnapshot, report: VenueReport) -> None:
        if 0 < order.expires_ns <= snapshot.time_ns:
            self.end(order, report, snapshot, Refusal("expired", "good-till date reached before it arrived"))
            return
        closing = self._closing_lots(order)
        if order.is_reduce_only and closing:
            order.lots = order.filled_lots + closing
        refusal = self._refusal(order, snapshot)
        if refusal is not None:
            self.end(order, report, snapshot, refusal, OrderStatus.REFUSED)
            return
        order.become(OrderStatus.OPEN, snapshot.time_ns)
        self._note(order, report)
        if order.type is OrderType.MARKET:
            self._take(order, snapshot, report)
            self._cancel_rest(order, snapshot, report)
        elif order.type is OrderType.LIMIT:
            self._begin_to_rest(order, snapshot, report)
        else:
            last = snapshot.last_ticks(order.symbol)
            follow(order, snapshot.top(order.symbol).opposite(order.side)[0].ticks if last is None else last)
            self._check_trigger(order, [] if last is None else [last], snapshot, report)

    def _begin_to_rest(self, order: Order, snapshot: MarketSnapshot, report: VenueReport) -> None:
        """Take what a limit order crosses; the rest joins the queue, unless it was to be had at once."""
        if is_matched(order.symbol, snapshot):
            self._take(order, snapshot, report)
        if order.status is not OrderStatus.OPEN:
            return
        if order.is_immediate:
            refusal = Refusal("ioc_remainder", "immediate-or-cancel: the rest was cancelled")
            self.end(order, report, snapshot, refusal)
        else:
            order.queue_ahead_lots = displayed(order, snapshot)
            order.rests_since_ns, order.printed_lots, order.printed_ns = snapshot.time_ns, 0, 0

    def _refusal(self, order: Order, snapshot: MarketSnapshot) -> Refusal | None:
        return order_refusal(order, self._account, snapshot, self._takings, self._state.orders, self._model)

    def _closing_lots(self, order: Order) -> int:
        """Return what of the order would close a position; the rest would open one."""
        return self._account.position(order.symbol).closing_lots(order.side, order.open_lots)

    # Requests

    def _carry_out_requests(self, frame: Frame, snapshot: MarketSnapshot, report: VenueReport) -> None:
        due = [request for request in self._state.requests if request.arrives_ns <= frame.time_ns]
        self._state.requests = [request for request in self._state.requests if request.arrives_ns > frame.time_ns]
        for request in due:
            order = self._state.orders.get(request.order_id)
            if order is None:
                continue  # another request, due in the same frame, has ended it
            closed = maintenance_refusal(order, request, snapshot)
            if closed is not None:
                order.refusal, order.updated_ns = closed, snapshot.time_ns
                self._note(order, report)
            elif isinstance(request, CancelRequest):
                sentence = f"as {request.by} requested" if request.by else "cancelled by the strategy"
                self.end(order, report, snapshot, Refusal("cancelled", sentence))
            else:
                self._amend(order, request, snapshot, report)

    def _amend(self, order: Order, request: AmendRequest, snapshot: MarketSnapshot, report: VenueReport) -> None:
        """Change an order, or leave it as it is and say why."""
        new = amended(order, request)
        if new.lots <= order.filled_lots:
            done = Refusal("amended_away", "it was amended to no more than what was filled")
            self.end(order, report, snapshot, done)
            return
        keeps_place = keeps_its_place(order, request)
        refusal = amend_refusal(order, request) or self._refusal(new, snapshot)
        order.updated_ns = snapshot.time_ns
        if refusal is not None:
            order.refusal = Refusal("amend_refused", refusal.sentence)
        else:
            order.refusal = None
            order.lots, order.limit_ticks, order.trigger_ticks = new.lots, new.limit_ticks, new.trigger_ticks
            order.missed_ticks = snapshot.last_ticks(order.symbol) or 0  # a new trigger may be reached already
            if order.is_limit and order.status is OrderStatus.OPEN and not keeps_place:
                self._begin_to_rest(order, snapshot, report)
        self._note(order, report)

    # Taking

    def _take(self, order: Order, snapshot: MarketSnapshot, report: VenueReport) -> None:
        step = snapshot.instrument(order.symbol).price_increment_ticks
        granted = takes(order, self._takings.left(order, snapshot), self._model, step)
        self._execute_all(order, granted, snapshot, report)

    def _cancel_rest(self, order: Order, snapshot: MarketSnapshot, report: VenueReport) -> None:
        if order.status is not OrderStatus.OPEN:
            return
        instrument = snapshot.instrument(order.symbol)
        rest = instrument.qty(order.open_lots).normalize()
        sentence = f"the visible book ended; {rest:f} {instrument.base} not filled"
        self.end(order, report, snapshot, Refusal("book_ended", sentence))

    # Resting

    def _match_resting(self, order: Order, prints: Prints, snapshot: MarketSnapshot, report: VenueReport) -> None:
        if order.is_limit:
            self._match_limit(order, prints, snapshot, report)
            was_matched = True
        else:
            missed = [order.missed_ticks] if order.missed_ticks else []
            prices = missed + [public.ticks for public in prints.of(order.symbol)]
            order.missed_ticks = 0
            self._check_trigger(order, prices, snapshot, report)
            was_matched = bool(prices) and not order.is_triggered
        if was_matched and order.status is OrderStatus.OPEN:
            order.is_after_gap = False

    def _match_limit(self, order: Order, prints: Prints, snapshot: MarketSnapshot, report: VenueReport) -> None:
        if order.is_reduce_only:
            closing = self._closing_lots(order)
            if closing == 0:
                self.end(order, report, snapshot, Refusal("no_position", "the position was closed before"))
                return
            if closing < order.open_lots:
                order.lots, order.updated_ns = order.filled_lots + closing, snapshot.time_ns
                self._note(order, report)
        if order.queue_ahead_lots == UNSEEN:
            order.queue_ahead_lots = displayed(order, snapshot)
        if is_met(order, prints, snapshot):
            count_prints(order, prints)
            granted = rests(order, prints, self._takings.left(order, snapshot), self._model)
            self._execute_all(order, granted, snapshot, report, prints)
        if order.status is OrderStatus.OPEN and order.queue_ahead_lots > 0 and is_visible(order, snapshot):
            assert order.limit_ticks is not None, "only limit orders rest in the book"
            shown = snapshot.top(order.symbol).lots_at(order.side, order.limit_ticks)
            order.queue_ahead_lots = min(order.queue_ahead_lots, shown)

    def _check_trigger(self, order: Order, prices: list[int], snapshot: MarketSnapshot, report: VenueReport) -> None:
        if not order.is_triggered and not is_set_off(order, prices):
            return
        if order.type not in LIMIT_AFTER_TRIGGER and snapshot.status(order.symbol) == InstrumentStatus.LIMIT_ONLY:
            return  # a market order: it waits until there may be one
        lots = triggered_lots(order, self._account.position(order.symbol))
        if lots == 0:
            self.end(order, report, snapshot, Refusal("no_position", "the position was closed before"))
            return
        order.lots = order.filled_lots + lots
        if order.is_limit:
            self._note(order, report)
            self._begin_to_rest(order, snapshot, report)
            return
        self._take(order, snapshot, report)
        if not is_kept(order):
            self._cancel_rest(order, snapshot, report)
        # A kept exit that the visible book could not fill goes on taking: a position never loses its stop.

    # Executing

    def _execute_all(
        self,
        order: Order,
        granted: Iterator[Grant],
        snapshot: MarketSnapshot,
        report: VenueReport,
        prints: Prints | None = None,
    ) -> None:
        for grant in granted:
            if not self._execute(order, grant, snapshot, report):
                return
            if grant.level is not None:
                self._takings.remember(order, grant.level, snapshot)
            if grant.public is not None and prints is not None:
                prints.use(grant.public, grant.lots)
            if order.status is not OrderStatus.OPEN:
                return

    def _execute(self, order: Order, grant: Grant, snapshot: MarketSnapshot, report: VenueReport) -> bool:
        """Have one execution booked; False when the account could not pay and the order was cancelled."""
        execution = Execution(
            execution_id=f"{self._slug}:{snapshot.sequence}:{len(report.fills)}",
            ticks=grant.ticks,
            lots=grant.lots,
            liquidity=grant.liquidity,
            evidence=evidence_of(order, grant, snapshot.instrument(order.symbol), self._model),
        )
        try:
            fill, entries, trip = self._settlement.book(order, execution, snapshot)
        except InsufficientFunds as error:
            self.end(order, report, snapshot, Refusal("insufficient_funds", str(error)))
            return False
        order.filled_lots += grant.lots
        order.filled_cost += fill.cost
        order.updated_ns = snapshot.time_ns
        if order.open_lots == 0:
            order.become(OrderStatus.FILLED, snapshot.time_ns)
        report.fills.append(sealed(fill))
        report.entries.extend(entries)
        self._note(order, report)
        if trip is not None:
            report.trips.append(trip)
            self._cancel_exits(order, snapshot, report)
        self._keep_bracket(order, snapshot, report)
        return True

    def _keep_bracket(self, order: Order, snapshot: MarketSnapshot, report: VenueReport) -> None:
        """Put the exits of an entry in place at its first fill; they replace older ones of the same symbol."""
        bracket, order.bracket = order.bracket, None
        if bracket is None:
            return
        replaced = Refusal("replaced", "a newer entry brought its own stop-loss and take-profit")
        for exit_ in self._exits(order.symbol):
            self.end(exit_, report, snapshot, replaced)
        legs = exit_legs(order, bracket, snapshot)
        for leg in legs:
            leg.sibling_id = next((other.order_id for other in legs if other is not leg), "")
            self._state.orders[leg.order_id] = leg
            self._note(leg, report)

    def _exits(self, symbol: str) -> Iterator[Order]:
        live = [order for order in self._state.orders.values() if order.symbol == symbol and order.status.is_live]
        return (order for order in live if is_kept(order))

    def _cancel_exits(self, order: Order, snapshot: MarketSnapshot, report: VenueReport) -> None:
        closed = Refusal("position_closed", "the position is closed: nothing is left to protect")
        for exit_ in self._exits(order.symbol):
            if exit_ is not order:
                self.end(exit_, report, snapshot, closed)

    def _note(self, order: Order, report: VenueReport) -> None:
        report.orders[order.order_id] = order
        if not order.status.is_live:
            self._state.orders.pop(order.order_id, None)
            if self._state.requests:  # those about it can change nothing any more
                self._state.requests = [r for r in self._state.requests if r.order_id != order.order_id]
