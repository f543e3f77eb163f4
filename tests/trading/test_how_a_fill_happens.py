"""The examples of the documentation, run: every order type and flag, computed by hand."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.making import Bench
from tests.trading.played import played
from trading.exchange.evidence import rederived
from trading.exchange.examples import EXAMPLES, Example
from trading.fills import Fill
from trading.orders import OrderStatus


def described(fill: Fill) -> str:
    return f"{fill.side.value} {fill.qty:.2f} @ {fill.price:f} {fill.liquidity.value} {fill.evidence['rule']}"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
def test_an_example_of_the_documentation_happens_as_it_is_written(example: Example) -> None:
    bench, fills = played(example)

    assert [[described(fill) for fill in of_event] for of_event in fills] == [
        list(event.fills) for event in example.events
    ]
    ends = [order.refusal.code for order in bench.refused]
    assert ends == ([example.ended] if example.ended else [])


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
def test_every_fill_of_the_examples_can_be_derived_from_its_evidence(example: Example) -> None:
    _, fills = played(example)

    for fill in (fill for of_event in fills for fill in of_event):
        derivation = rederived(fill)
        assert derivation.is_verified, derivation
        assert len(derivation.steps) >= 3
        stored = msgspec.structs.replace(fill, evidence=msgspec.json.decode(msgspec.json.encode(fill.evidence)))
        assert rederived(stored) == derivation


FILLS = [fill for example in EXAMPLES for of_event in played(example)[1] for fill in of_event]


@given(st.sampled_from(FILLS), st.sampled_from(["price", "qty", "cost", "fee"]), st.integers(1, 10**6))
def test_a_fill_with_another_number_is_not_verified(fill: Fill, name: str, by: int) -> None:
    tampered = msgspec.structs.replace(fill, **{name: getattr(fill, name) + Decimal(by).scaleb(-6)})

    assert not rederived(tampered).is_verified


@given(st.sampled_from(FILLS), st.data())
def test_evidence_that_is_no_evidence_is_said_to_say_too_little(fill: Fill, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(["model", "rule", "decimals", "open", "fee_schedule", "volume", "fee_bps"]))
    junk = data.draw(st.sampled_from([None, "x", [], {}, -1]))

    derivation = rederived(msgspec.structs.replace(fill, evidence={**fill.evidence, key: junk}))

    assert not derivation.is_verified


def test_an_amendment_to_less_keeps_the_place_in_the_queue_and_to_another_price_loses_it() -> None:
    from trading.signals import Amend, Signal

    def queue(amendment: Amend) -> int:
        order = Signal.buy("XRP/USD", 3, size_in="base", order_type="limit", limit_price=99)
        bench = Bench(order, None, None, amendment)
        bench.show(EXAMPLES[0].book)
        for prints in ("", "", "sell 99 x 200", "", "", ""):
            bench.show(trades=prints)
        (live,) = bench.engine.open_orders.values()
        assert live.status is OrderStatus.OPEN
        return live.queue_ahead_lots

    order_id = f"test:{Bench().scene.sequence + 2}:o0"

    assert queue(Amend(order_id, qty=2)) == 300
    assert queue(Amend(order_id, limit_price=98)) == 500
    assert queue(Amend(order_id, qty=4)) == 500
