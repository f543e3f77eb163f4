"""Another venue in the paper exchange's place: what it executes is booked, marked and shown like any fill."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest

from tests.drawing import Scene
from tests.making import make_strategy, make_terms, says
from trading.accounting.ledger import InsufficientFunds
from trading.accounting.settlement import Execution, Settlement
from trading.engine import Engine
from trading.exchange import ExchangeState
from trading.fees import Liquidity
from trading.fills import Fill
from trading.frames import Frame
from trading.market_snapshot import MarketSnapshot
from trading.orders import AmendRequest, CancelRequest, Order, OrderStatus
from trading.recount import Recount
from trading.signals import Cancel, Signal
from trading.venue import VenueReport

BOOK = "101 x 300\n---\n99 x 500"


class Remote:
    """A venue that has no market of its own: it is sent executions from elsewhere, and books them."""

    def __init__(self, settlement: Settlement, state: ExchangeState) -> None:
        self.settlement = settlement
        self.open_orders = state.orders
        self.requests = state.requests
        self.executed: list[tuple[str, Execution]] = []  # order id and execution, sent since the last frame

    def send(self, order: Order) -> None:
        self.open_orders[order.order_id] = order

    def cancel(self, request: CancelRequest) -> None:
        self.requests.append(request)

    def amend(self, request: AmendRequest) -> None:
        self.requests.append(request)

    def reserved(self, currency: str, snapshot: MarketSnapshot) -> D:
        return D(0)

    def recount(self, change: Recount, snapshot: MarketSnapshot) -> VenueReport:
        return VenueReport()

    def process(self, frame: Frame, snapshot: MarketSnapshot) -> VenueReport:
        report = VenueReport()
        for order_id, execution in self.executed:
            order = self.open_orders[order_id]
            if order.status is OrderStatus.SENT:
                order.become(OrderStatus.OPEN, snapshot.time_ns)
            booked = self.settlement.book(order, execution, snapshot)
            order.filled_lots += execution.lots
            if not order.open_lots:
                order.become(OrderStatus.FILLED, snapshot.time_ns)
                del self.open_orders[order_id]
            report.fills.append(booked.fill)
            report.entries += booked.entries
            report.orders[order_id] = order
        self.executed.clear()
        return report


def engine_at(remote: list[Remote], *answers: Any, **changes: Any) -> Engine:
    def open_venue(settlement: Settlement, state: ExchangeState) -> Remote:
        remote.append(Remote(settlement, state))
        return remote[0]

    return Engine(make_strategy(says(*answers), **changes), {}, make_terms(), open_venue=open_venue)


def bought(order_id: str, lots: int) -> tuple[str, Execution]:
    return order_id, Execution(f"TX-{lots}", 101, lots, Liquidity.TAKER, {"reported": True})


def test_what_another_venue_executes_is_the_accounts() -> None:
    scene, remote, seen = Scene(), [], list[Fill]()
    engine = engine_at(remote, Signal.buy("XRP/USD", 3, size_in="base"), on_fill=lambda fill, state: seen.append(fill))
    engine.process(*scene.show(BOOK))
    (order_id,) = engine.open_orders

    remote[0].executed = [bought(order_id, 100), bought(order_id, 200)]
    outcome = engine.process(*scene.show())

    assert [(fill.fill_id, fill.qty, fill.price) for fill in seen] == [("TX-100", 1, 101), ("TX-200", 2, 101)]
    assert list(outcome.fills) == seen
    assert outcome.orders[order_id].status is OrderStatus.FILLED
    assert engine.account.balance("XRP") == 3
    assert outcome.mark is not None
    assert engine.open_orders == {}


def test_a_strategys_second_thought_reaches_it_as_a_request() -> None:
    scene, remote = Scene(), []
    engine = engine_at(remote, Signal.buy("XRP/USD", 3, size_in="base"), Cancel())
    engine.process(*scene.show(BOOK))
    engine.process(*scene.show())

    (request,) = remote[0].requests

    assert isinstance(request, CancelRequest)
    assert request.order_id in engine.open_orders


def test_an_execution_that_the_account_cannot_pay_is_an_error_and_changes_nothing() -> None:
    scene, remote = Scene(), []
    engine = engine_at(remote, Signal.buy("XRP/USD", 3, size_in="base"))
    _, snapshot = shown = scene.show(BOOK)
    engine.process(*shown)
    (order,) = engine.open_orders.values()
    before = engine.checkpoint()

    with pytest.raises(InsufficientFunds):
        remote[0].settlement.book(order, bought(order.order_id, 10**6)[1], snapshot)

    assert engine.checkpoint() == before
