"""An order's life: the statuses that it passes through, and no others."""

from __future__ import annotations

import ast
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trading
from tests.laws import latencies, law, make_engine, markets
from tests.markets import Violent, give_orders
from trading.book import Side
from trading.engine import Engine
from trading.frames import Frame
from trading.market import Market
from trading.orders import FIRST_STATUSES, ORDER_TRANSITIONS, ImpossibleTransition, Order, OrderStatus, Purpose
from trading.signals import OrderType

Lives = dict[str, list[OrderStatus]]


def make_order(status: OrderStatus) -> Order:
    return Order(
        order_id="test:1:o0",
        symbol="XRP/USD",
        side=Side.BUY,
        type=OrderType.MARKET,
        purpose=Purpose.ENTRY,
        lots=1,
        created_sequence=1,
        created_ns=1,
        arrives_ns=1,
        status=status,
    )


def is_reachable(first: OrderStatus, last: OrderStatus) -> bool:
    """True when the table leads from one status to another, in any number of steps."""
    return first is last or any(is_reachable(after, last) for after in ORDER_TRANSITIONS[first])


def lives(engine: Engine, frames: list[Frame], seed: int | None = None) -> Lives:
    """Return the statuses of every order as the outcomes of the frames show them; a seed gives more orders by hand."""
    market, found = Market(), Lives()
    for frame in frames:
        market.fold(frame)
        if seed is not None and engine.is_funded:
            give_orders(engine, seed, market.snapshot())
        for order in engine.process(frame, market.snapshot()).orders.values():
            found.setdefault(order.order_id, []).append(order.status)
    return found


def assert_all_in_the_table(found: Lives) -> None:
    for statuses in found.values():
        assert any(is_reachable(first, statuses[0]) for first in FIRST_STATUSES)
        assert all(is_reachable(before, after) for before, after in pairwise(statuses))
        assert not any(ORDER_TRANSITIONS[ended] for ended in statuses[:-1] if not ended.is_live)


@pytest.mark.parametrize("status", OrderStatus)
def test_an_order_becomes_what_the_table_says_and_nothing_else(status: OrderStatus) -> None:
    for other in OrderStatus:
        order = make_order(status)
        if other in ORDER_TRANSITIONS[status]:
            order.become(other, 5)
            assert (order.status, order.updated_ns) == (other, 5)
        else:
            with pytest.raises(ImpossibleTransition, match=f"is {status.value}; it cannot become {other.value}"):
                order.become(other, 5)


def test_an_order_is_live_as_long_as_it_can_become_something() -> None:
    assert {status for status in OrderStatus if ORDER_TRANSITIONS[status]} == {s for s in OrderStatus if s.is_live}


@law
@given(markets, latencies)
def test_no_order_of_a_restless_strategy_leaves_the_table(frames: list[Frame], latency_ms: int) -> None:
    assert_all_in_the_table(lives(make_engine(latency_ms=latency_ms), frames))


@law
@given(st.integers(0, 2**32), st.sampled_from(["realistic", "optimistic", "pessimistic"]))
def test_no_order_leaves_the_table_in_violent_markets_on_margin(seed: int, model: str) -> None:
    engine = make_engine(fill_model=model)

    assert_all_in_the_table(lives(engine, Violent(seed, 25), seed))


def test_nothing_else_in_trading_sets_a_status() -> None:
    root = Path(trading.__file__).parent
    set_by = [
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr == "status"
    ]

    assert set_by == ["orders.py"]
