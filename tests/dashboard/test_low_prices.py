"""Pairs that cost next to nothing, such as SHIB and PEPE: their prices are shown, not rounded away."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from dashboard.templatetags import figures
from tests.drawing import Scene, instrument
from tests.making import Bench
from trading.bounds import shown
from trading.orders import Order
from trading.signals import Signal
from tradingsite.rest.tables import cell

PEPE = instrument("PEPE/USD", price_decimals=9, qty_decimals=0, qty_min_lots=10_000, price_increment_ticks=100)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("0.00000012", "0.00000012"),
        ("0.000000001200", "0.000000001200"),
        ("1.2E-9", "0.0000000012"),
        ("0.00001234", "0.00001234"),
        ("0.5", "0.5"),
        ("0", "0"),
    ],
)
def test_a_price_is_shown_whatever_its_size(number: str, said: str) -> None:
    assert figures.price(D(number)) == said


def test_a_price_has_its_instruments_decimals_and_is_never_zero() -> None:
    assert figures.price_of(D("0.00000712"), "PEPE/USD", {"PEPE/USD": 9}) == "0.000007120"
    assert figures.price_of(D("0.00000000412"), "SHIB/USD", {"SHIB/USD": 8}) == "0.000000004120"
    assert figures.price_of(D(0), "SHIB/USD", {"SHIB/USD": 8}) == "0.00000000"


@pytest.mark.parametrize(
    ("number", "said"),
    [("1.5E-9", "0.0000000015"), ("2", "2"), ("0.123456789", "0.12345679"), ("-3E-10", "−0.0000000003")],
)
def test_a_quantity_is_never_rounded_to_nothing(number: str, said: str) -> None:
    assert figures.quantity(D(number)) == said


def test_an_amount_of_a_quote_currency_is_never_rounded_to_nothing() -> None:
    assert figures.quoted(D("1.234E-10")) == "0.0000000001234"
    assert figures.quoted(D("0.00012345")) == "0.00012345"


@pytest.mark.parametrize("value", [1.2e-9, D("1.2E-9")])
def test_a_table_for_spreadsheets_knows_no_exponents(value: float | D) -> None:
    assert cell(value) == "0.0000000012"


@pytest.mark.parametrize("value", [1.2e-9, D("1.2E-9")])
def test_a_sentence_about_a_price_knows_no_exponents(value: float | D) -> None:
    assert shown(value) == "0.0000000012"


def test_a_refusal_names_prices_and_costs_as_people_write_them() -> None:
    bench = Bench(
        Signal.buy("PEPE/USD", 5, order_type="limit", limit_price=7.1e-06, post_only=True),
        scene=Scene(PEPE),
        symbols=("PEPE/USD",),
    )
    bench.show("7100 x 900000\n---\n7000 x 900000")
    bench.show()
    bench.show()

    said = [order.refusal.sentence for order in bench.refused if isinstance(order, Order) and order.refusal]

    assert said == ["at 0.0000071 it would take from the book"]
