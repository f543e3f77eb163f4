"""What a deployment sees at one frame: the market that all share, and what is its own."""

from __future__ import annotations

import pytest

from tests.drawing import Scene
from tests.making import Bench
from trading.market_snapshot import MarketSnapshot, UnknownSymbol
from trading.snapshot import DataSnapshot, seen_by

BOOK = "101 x 3\n---\n99 x 2"


def seen(slug: str = "test") -> DataSnapshot:
    _, snapshot = Scene().show(BOOK)
    return seen_by(Bench(slug=slug).engine, ("XRP/USD",), snapshot)


def test_the_market_is_the_same_for_all_and_the_account_is_ones_own() -> None:
    _, market = Scene().show(BOOK)
    bench = Bench()

    data = seen_by(bench.engine, ("XRP/USD",), market)

    assert isinstance(data, MarketSnapshot)
    assert (data.sequence, data.time, data.mid("XRP/USD")) == (market.sequence, market.time, market.mid("XRP/USD"))
    assert data.memo is market.memo
    assert data.symbols == ("XRP/USD",)
    assert data.portfolio.cash == 0
    assert data.portfolio is data.portfolio
    assert not hasattr(market, "portfolio")


def test_a_deployment_draws_the_same_numbers_again_at_the_same_frame_and_another_draws_others() -> None:
    numbers = [seen().rng.random(), seen().rng.random(), seen("another").rng.random()]

    assert numbers[0] == numbers[1] != numbers[2]


def test_nothing_of_it_can_be_changed() -> None:
    with pytest.raises(AttributeError):
        seen().sequence = 5


def test_an_error_that_quotes_it_does_not_hold_the_whole_market() -> None:
    data = seen()

    assert repr(data) == f"DataSnapshot(sequence={data.sequence})"


def test_an_unknown_symbol_is_an_error_that_names_those_there_are() -> None:
    with pytest.raises(UnknownSymbol, match=r"no order book for 'BTC/USD'; the market has XRP/USD"):
        seen().top("BTC/USD")
