"""The desk: takes what a strategy signals, and what a person commands, to the venue of one account.

Each signal passes order entry, the risk limits and the stop of entries, then travels for the
latency. A refusal is counted, and put on record once a minute.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from decimal import Decimal

from trading.accounting.account import Account
from trading.accounting.ledger import ZERO
from trading.accounting.valuation import mid_rate
from trading.book import Side
from trading.bounds import (
    LONGEST_SYMBOL,
    MOST_OPEN_ORDERS,
    MOST_REFUSAL_ROWS,
    MOST_REQUESTS,
    add_reason,
    storable,
)
from trading.candles import MINUTE_NS
from trading.engine.entry_stop import entry_refusal as stop_refusal
from trading.engine.entry_stop import is_entry_amended, keep_to_the_exit
from trading.engine.order_entry import Refused, amendment_from, cancelled_by, order_from, refused_order, value_of
from trading.engine.outcome import Outcome
from trading.engine.risk import RiskSituation, entry_refusal, rate_refusal
from trading.engine.state import EngineState, Terms
from trading.exchange.models import FillModel, Latency
from trading.market_snapshot import MarketSnapshot
from trading.orders import CancelRequest, Order, Refusal
from trading.signals import Amend, Cancel, Signal
from trading.strategy import Wanted
from trading.venue import Venue

REFUSAL_ROW_NS = MINUTE_NS  # the same refusal is a row once a minute and counted always


class Desk:
    """Sends one account's orders and requests; knows no strategy."""

    def __init__(self, terms: Terms, state: EngineState, account: Account, venue: Venue, model: FillModel) -> None:
        self.terms = terms
        self.state = state
        self.account = account
        self.venue = venue
        self._latency = terms.latency or Latency(terms.latency_ms, terms.latency_sigma)
        self._latency_factor = model.latency_factor

    def latency_of(self, order_id: str) -> int:
        """Return the nanoseconds that an order, or a request about one, takes to reach the exchange."""
        return self._latency.of(order_id) * self._latency_factor

    def count(self, code: str) -> None:
        """Count a reason not to trade."""
        add_reason(self.state.why, code)

    def note_surplus(self, what: str, times: int = 1) -> None:
        """Count what went beyond the bounds of `trading.bounds`, and was left out."""
        surplus = self.state.surplus
        surplus[what] = surplus.get(what, 0) + times

    def place(self, signal: Wanted, at: int, snapshot: MarketSnapshot, outcome: Outcome) -> None:
        """Send what the signal at place ``at`` of an answer wants, or refuse it."""
        order_id = f"{self.terms.slug}:{snapshot.sequence}:o{at}"
        latency_ns = self.latency_of(order_id)
        if isinstance(signal, Cancel):
            self._cancel(signal, snapshot.time_ns + latency_ns)
            return
        if isinstance(signal, Amend):
            self._amend(signal, snapshot.time_ns + latency_ns, snapshot, outcome)
            return
        try:
            free = self._free(snapshot, signal.symbol)
            order = order_from(signal, self.account, snapshot, order_id=order_id, latency_ns=latency_ns, free=free)
        except Refused as refused:
            self._refuse(signal, order_id, refused.refusal, snapshot, outcome)
            return
        refusal = self._crowd_refusal(order) or self._risk_refusal(order, snapshot)
        if self.state.are_entries_stopped:
            refusal = stop_refusal(order, self.account.position(order.symbol)) or refusal
            keep_to_the_exit(order)
        if refusal is not None:
            self._refuse(signal, order_id, refusal, snapshot, outcome)
            return
        self.state.orders_sent_ns.append(snapshot.time_ns)
        self.send(order, outcome)

    def send(self, order: Order, outcome: Outcome) -> None:
        """Send an order as it is."""
        self.venue.send(order)
        outcome.orders = {**outcome.orders, order.order_id: order}

    def request_cancel(self, order_id: str, time_ns: int, why: str, by: str = "") -> None:
        """Request now that a live order be cancelled; ``why`` tells one latency from another of the same order."""
        self.venue.cancel(CancelRequest(order_id, time_ns + self.latency_of(f"{order_id}:{why}"), by))

    def is_being_cancelled(self, order_id: str) -> bool:
        """True while a request to cancel the order is on its way."""
        return any(isinstance(r, CancelRequest) and r.order_id == order_id for r in self.venue.requests)

    # What a strategy wants of live orders

    def _cancel(self, wanted: Cancel, arrives_ns: int) -> None:
        order_ids: Sequence[str] = cancelled_by(wanted, self.venue.open_orders.values())
        if not order_ids:
            self.count("no_such_order")
        for order_id in order_ids:
            if self._has_room_for_a_request():
                self.venue.cancel(CancelRequest(order_id, arrives_ns))

    def _amend(self, wanted: Amend, arrives_ns: int, snapshot: MarketSnapshot, outcome: Outcome) -> None:
        order = self.venue.open_orders.get(wanted.order_id)
        if order is None:
            self.count("no_such_order")
            return
        try:
            request = amendment_from(wanted, order, snapshot, arrives_ns)
        except Refused as refused:
            self.state.figures.refusals += 1
            self.count(f"refused_{refused.refusal.code}")
            order.refusal, order.updated_ns = Refusal("amend_refused", refused.refusal.sentence), snapshot.time_ns
            outcome.orders = {**outcome.orders, order.order_id: order}
            return
        if not self._has_room_for_a_request():
            return
        if self.state.are_entries_stopped and is_entry_amended(order, request, self.account.position(order.symbol)):
            self.count("refused_entries_stopped")
        else:
            self.venue.amend(request)

    # Limits

    def _has_room_for_a_request(self) -> bool:
        """Return whether one more request may be on its way; if not, it is counted as left out."""
        if len(self.venue.requests) < MOST_REQUESTS:
            return True
        self.count("too_many_requests")
        self.note_surplus("requests")
        return False

    def _crowd_refusal(self, order: Order) -> Refusal | None:
        """Return why no further order may be live, or None; twice as many where each only reduces a position."""
        live = len(self.venue.open_orders)
        if live < MOST_OPEN_ORDERS:
            return None
        if live < 2 * MOST_OPEN_ORDERS and not self.account.position(order.symbol).is_opened_by(order):
            return None
        self.note_surplus("open_orders")
        return Refusal("open_orders", f"{live} orders are open; at most {MOST_OPEN_ORDERS} may be")

    def _free(self, snapshot: MarketSnapshot, symbol: str) -> dict[str, Decimal]:
        instrument = snapshot.instruments.get(symbol)
        currencies = (instrument.base, instrument.quote) if instrument is not None else ()
        return {c: self.account.balance(c) - self.venue.reserved(c, snapshot) for c in currencies}

    def _risk_refusal(self, order: Order, snapshot: MarketSnapshot) -> Refusal | None:
        sent_ns = self.state.orders_sent_ns
        del sent_ns[: bisect_right(sent_ns, snapshot.time_ns - MINUTE_NS)]
        position = self.account.position(order.symbol)
        if not self.terms.risk.limits_money or not position.is_opened_by(order):
            return rate_refusal(self.terms.risk, len(sent_ns))
        figures = self.state.figures
        instrument = snapshot.instrument(order.symbol)
        held = instrument.qty(position.lots if order.side is Side.BUY else -position.lots)
        rate = mid_rate(snapshot, instrument.base, self.terms.currency) or ZERO
        situation = RiskSituation(
            order_value=value_of(order, self.account, snapshot),
            position_value=held * rate,
            exposure=figures.exposure,
            day_result=(figures.equity or ZERO) - figures.day_equity if figures.day else ZERO,
            drawdown_pct=figures.drawdown_pct,
            orders_last_minute=len(sent_ns),
        )
        return entry_refusal(self.terms.risk, situation)

    def _refuse(
        self, signal: Signal, order_id: str, refusal: Refusal, snapshot: MarketSnapshot, outcome: Outcome
    ) -> None:
        """Count a refusal; put it on record unless the same one is there from the last minute."""
        self.state.figures.refusals += 1
        self.count(f"refused_{refusal.code}")
        symbol = storable(signal.symbol, LONGEST_SYMBOL)
        if not self._may_be_put_on_record(f"{symbol}:{signal.action.value}:{refusal.code}", snapshot.time_ns):
            return
        refused = refused_order(signal, order_id, refusal, snapshot)
        outcome.orders = {**outcome.orders, order_id: refused}

    def _may_be_put_on_record(self, key: str, now_ns: int) -> bool:
        known = self.state.refusal_rows_ns
        if now_ns - known.get(key, -REFUSAL_ROW_NS) < REFUSAL_ROW_NS:
            return False
        if key not in known and len(known) >= MOST_REFUSAL_ROWS:
            for old in [each for each, at_ns in known.items() if now_ns - at_ns >= REFUSAL_ROW_NS]:
                del known[old]
            if len(known) >= MOST_REFUSAL_ROWS:
                self.note_surplus("refusal_rows")
                return False
        known[key] = now_ns
        return True
