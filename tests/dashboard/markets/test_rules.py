"""What may be traded, and what it costs a small account."""

from decimal import Decimal

import pytest

from dashboard.markets.rules import STATUS_WORDS, minimum_cost, rules
from marketdata.models import Instrument
from tests.drawing import START_NS
from trading.instruments import InstrumentStatus


def pair(**changes):
    return Instrument(
        **{
            "symbol": "BTC/USD",
            "base": "BTC",
            "quote": "USD",
            "price_decimals": 1,
            "qty_decimals": 4,
            "price_increment": Decimal("0.1"),
            "qty_increment": Decimal("0.0001"),
            "qty_min": Decimal("0.0001"),
            "cost_min": Decimal("0.5"),
            "status": "online",
            **changes,
        }
    )


def known_rules(instrument, ask="64000", usd="1"):
    ask, usd = (None if n is None else Decimal(n) for n in (ask, usd))
    return rules(instrument, ask=ask, usd_per_quote=usd, time_ns=START_NS)


def test_the_smallest_order_meets_both_minimums():
    assert minimum_cost(pair(), Decimal(64_000)) == Decimal("6.4")
    assert minimum_cost(pair(cost_min=Decimal(10)), Decimal(64_000)) == Decimal("12.8")


def test_a_hundred_dollars_buy_so_many_of_the_smallest_orders():
    small = known_rules(pair()).small

    assert (small.least_usd, small.orders, small.can_trade) == (Decimal("6.40"), 15, True)
    assert (small.round_trip_usd, small.round_trip_maker_usd) == (Decimal("0.8"), Decimal("0.5"))


def test_a_pair_of_another_currency_is_shown_in_dollars():
    xrp = pair(symbol="XRP/BTC", quote="BTC", qty_min=Decimal(10), cost_min=Decimal("0.00002"))

    assert known_rules(xrp, ask="0.00002", usd="64000").small.least_usd == Decimal("12.80")


def test_what_a_hundred_dollars_do_not_buy_is_said():
    assert known_rules(pair(qty_min=Decimal("0.01"))).small.can_trade is False


def test_without_a_price_nothing_is_claimed():
    small = known_rules(pair(), ask=None).small

    assert (small.least_usd, small.orders, small.can_trade) == (None, None, None)


@pytest.mark.parametrize("status", [status.value for status in InstrumentStatus])
def test_every_status_of_the_exchange_has_words(status):
    assert known_rules(pair(status=status)).status_words == STATUS_WORDS[InstrumentStatus(status)]


def test_a_status_that_nobody_knows_is_no_permission():
    assert "nothing is matched" in known_rules(pair(status="frozen")).status_words
