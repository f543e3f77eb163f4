"""One market for a whole league: what one deployment has taken, the next finds gone."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.drawing import Scene
from tests.laws import PAIRS, Drawn, law, restless
from tests.making import make_strategy, make_terms, says
from trading.engine import Engine, Outcome
from trading.exchange.consumed import OutOfTurn, SharedBook
from trading.frames import Frame
from trading.market import Market
from trading.signals import Signal

BOOK = """
    101 x 300
    100 x 200
    ---
     99 x 500
"""


class League:
    """Several engines on one scene, matched by slug."""

    def __init__(self, shared: SharedBook | None, **signals: Any) -> None:
        self.scene = Scene()
        self.engines = [
            Engine(make_strategy(says(None, signal)), {}, make_terms(slug=slug), shared=shared)
            for slug, signal in signals.items()
        ]
        self.fills: list[tuple[str, D, D]] = []
        for _ in range(3):
            self.show(BOOK)

    def show(self, *args: Any, **changes: Any) -> None:
        frame, snapshot = self.scene.show(*args, **changes)
        for engine in self.engines:
            for fill in engine.process(frame, snapshot).fills:
                self.fills.append((engine.terms.slug, fill.qty, fill.price))


def buy(qty: float, **options: Any) -> Signal:
    return Signal.buy("XRP/USD", qty, size_in="base", **options)


def test_who_shares_a_book_finds_gone_what_another_took() -> None:
    league = League(SharedBook(), ann=buy(2), bob=buy(2))

    assert league.fills == [("ann", D(2), D(100)), ("bob", D(2), D(101))]


def test_who_does_not_share_takes_as_if_alone() -> None:
    league = League(None, ann=buy(2), bob=buy(2))

    assert league.fills == [("ann", D(2), D(100)), ("bob", D(2), D(100))]


def test_a_level_that_changes_is_whole_again_for_all() -> None:
    league = League(SharedBook(), ann=buy(2), bob=buy(3, order_type="limit", limit_price=100))
    assert league.fills == [("ann", D(2), D(100))]

    league.show(BOOK.replace("100 x 200", "100 x 150"))

    assert league.fills[1:] == [("bob", D("1.5"), D(100))]


def test_those_who_share_a_book_share_each_print() -> None:
    limit = buy(2, order_type="limit", limit_price=98)
    league = League(SharedBook(), ann=limit, bob=limit)

    league.show(trades="sell 97 x 300")

    assert league.fills == [("ann", D(2), D(98)), ("bob", D(1), D(98))]


def test_a_deployment_out_of_turn_is_an_error_that_names_both() -> None:
    shared, (frame, snapshot) = SharedBook(), Scene().show()
    shared.prints("bob", frame, snapshot)

    with pytest.raises(OutOfTurn, match=f"'ann' comes after 'bob' in frame {frame.sequence}"):
        shared.prints("ann", frame, snapshot)


def league_of(shared: SharedBook) -> list[Engine]:
    symbols = tuple(pair.symbol for pair in PAIRS)
    strategy = make_strategy(restless, symbols=symbols)
    terms = [make_terms(slug=slug, symbols=symbols, stake=D(100)) for slug in ("ann", "bob", "cid")]
    return [Engine(strategy, {}, each, shared=shared) for each in terms]


def run(engines: list[Engine], frames: list[Frame]) -> list[Outcome]:
    market, outcomes = Market(), []
    for frame in frames:
        market.fold(frame)
        outcomes += [engine.process(frame, market.snapshot()) for engine in engines]
    return outcomes


markets = st.builds(Drawn.of, st.integers(0, 2**32), st.integers(30, 60))


@law
@given(markets)
def test_no_print_and_no_level_is_sold_twice_to_those_who_share(frames: list[Frame]) -> None:
    market, engines = Market(), league_of(SharedBook())
    lots_of = {pair.symbol: 10**pair.qty_decimals for pair in PAIRS}

    for frame in frames:
        market.fold(frame)
        left = {(t.symbol, t.trade_id): t.lots for t in frame.trades}
        taken: dict[tuple[str, str, int], int] = {}
        for fill in (f for engine in engines for f in engine.process(frame, market.snapshot()).fills):
            lots = int(fill.qty * lots_of[fill.symbol])
            if "print" in fill.evidence:
                left[fill.symbol, fill.evidence["print"][0]] -= lots
            else:
                key = (fill.symbol, fill.side.value, fill.evidence["level"][0])
                taken[key] = taken.get(key, 0) + lots
        assert all(lots >= 0 for lots in left.values())
        for (symbol, side, ticks), lots in taken.items():
            top = market.snapshot().top(symbol)
            assert lots <= dict(top.asks if side == "buy" else top.bids)[ticks]


@law
@given(markets)
def test_a_league_that_shares_trades_the_same_when_it_is_run_again(frames: list[Frame]) -> None:
    one, other = (run(league_of(SharedBook()), frames) for _ in range(2))

    assert [outcome.fills for outcome in one] == [outcome.fills for outcome in other]
