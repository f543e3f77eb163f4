"""What things are worth in other currencies, by the books that lead there."""

from __future__ import annotations

from decimal import Decimal as D

from tests.drawing import Scene, instrument
from trading.accounting.valuation import buyback_cost, liquidation_value, mid_rate, way
from trading.market_snapshot import MarketSnapshot

FEE_BPS = D(100)  # one percent


def market(**books: str) -> MarketSnapshot:
    """Show books named like ``XRP_USD``; a pair drawn as an empty text has no book."""
    drawn = {name.replace("_", "/"): text for name, text in books.items()}
    scene = Scene(*(instrument(symbol) for symbol in drawn))
    _, snapshot = scene.show({symbol: text for symbol, text in drawn.items() if text})
    return snapshot


def names(snapshot: MarketSnapshot, source: str, target: str) -> list[str]:
    return [leg.instrument.symbol for leg in way(snapshot, source, target) or ()]


def test_a_pair_is_read_either_way_round() -> None:
    snapshot = market(BTC_USD="120 x 9\n---\n80 x 9")

    assert mid_rate(snapshot, "BTC", "USD") == 100
    assert mid_rate(snapshot, "USD", "BTC") == D("0.01")
    assert mid_rate(snapshot, "USD", "USD") == 1


def test_the_way_may_be_of_any_length() -> None:
    snapshot = market(
        A_B="3 x 9\n---\n1 x 9", C_B="5 x 9\n---\n3 x 9", C_D="11 x 9\n---\n9 x 9", D_E="7 x 9\n---\n5 x 9"
    )

    assert names(snapshot, "A", "E") == ["A/B", "C/B", "C/D", "D/E"]
    assert mid_rate(snapshot, "A", "E") == D(2) / 4 * 10 * 6


def test_the_shortest_way_is_taken_and_of_equals_the_one_most_instruments_meet_in() -> None:
    top = "3 x 9\n---\n1 x 9"
    snapshot = market(XRP_BTC=top, BTC_EUR=top, XRP_USD=top, USD_EUR=top, ETH_USD=top, SOL_USD=top, XRP_AAA=top)

    assert names(snapshot, "XRP", "EUR") == ["XRP/USD", "USD/EUR"]


def test_a_way_whose_book_is_gone_is_left_for_the_next_and_taken_again_when_it_is_back() -> None:
    top = "3 x 9\n---\n1 x 9"
    scene = Scene(instrument("XRP/USD"), instrument("XRP/BTC"), instrument("BTC/USD"))
    _, before = scene.show({"XRP/BTC": top, "BTC/USD": top})
    _, after = scene.show({"XRP/USD": top})

    assert names(before, "XRP", "USD") == ["XRP/BTC", "BTC/USD"]
    assert names(after, "XRP", "USD") == ["XRP/USD"]
    assert mid_rate(before, "XRP", "EUR") is None
    assert mid_rate(market(XRP_USD=""), "XRP", "USD") is None


def test_a_holding_is_worth_what_the_bids_pay_less_the_fee() -> None:
    snapshot = market(XRP_USD="110 x 100\n---\n100 x 100\n90 x 100")

    assert liquidation_value(snapshot, "XRP", D(1), "USD", FEE_BPS) == 99
    assert liquidation_value(snapshot, "XRP", D("1.5"), "USD", FEE_BPS) == (100 + 45) * D("0.99")
    assert liquidation_value(snapshot, "XRP", D(4), "USD", FEE_BPS) == (100 + 90 * 3) * D("0.99")


def test_a_debt_costs_what_the_asks_want_and_the_fee() -> None:
    snapshot = market(XRP_USD="120 x 100\n110 x 100\n---\n100 x 100")

    assert buyback_cost(snapshot, "XRP", D("1.5"), "USD", FEE_BPS) == (110 + 60) * D("1.01")
    assert buyback_cost(snapshot, "XRP", D(4), "USD", FEE_BPS) == (110 + 120 * 3) * D("1.01")


def test_against_the_pairs_direction_the_other_side_of_the_book_counts() -> None:
    snapshot = market(BTC_USD="120 x 100\n110 x 100\n---\n100 x 100\n80 x 100")

    assert liquidation_value(snapshot, "USD", D(170), "BTC", FEE_BPS) == D("1.5") * D("0.99")
    assert buyback_cost(snapshot, "USD", D(99) + D("0.99") * 40, "BTC", FEE_BPS) == D("1.5")


def test_over_two_pairs_two_fees_are_paid() -> None:
    snapshot = market(XRP_BTC="3 x 9000\n---\n2 x 9000", BTC_USD="11 x 9000\n---\n10 x 9000")

    assert liquidation_value(snapshot, "XRP", D(1), "USD", FEE_BPS) == 20 * D("0.99") ** 2
    assert buyback_cost(snapshot, "XRP", D(1), "USD", FEE_BPS) == 33 * D("1.01") ** 2


def test_selling_and_buying_back_never_gains() -> None:
    snapshot = market(XRP_BTC="3 x 9000\n---\n2 x 9000", BTC_USD="11 x 9000\n---\n10 x 9000")

    for currency in ("XRP", "BTC"):
        fetched = liquidation_value(snapshot, currency, D(3), "USD", D(0))
        assert fetched is not None
        assert fetched < 3 * mid_rate(snapshot, currency, "USD") < buyback_cost(snapshot, currency, D(3), "USD", D(0))
