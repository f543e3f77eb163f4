"""Flatten: all orders cancelled, all positions closed at market, by the normal order path."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal as D
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.desk import Desk
from tests.drawing import Scene, instrument
from tests.laws import law
from tests.making import make_strategy, make_terms
from tests.markets import MIDS, PAIRS, Violent, give_orders
from trading.accounting.ledger import Party
from trading.book import BookTop, Level
from trading.engine import Engine, Outcome
from trading.engine.commands import begin_flattening
from trading.engine.state import Flattened
from trading.exchange.admission import least_order_refusal
from trading.fills import digest
from trading.frames import NS_PER_MS, Frame
from trading.market import Market

AROUND_100 = "101 x 90000\n---\n99 x 90000"


def flatten(desk: Desk) -> None:
    begin_flattening(desk.engine.desk, "flatten-1", "anna")


def done(desk: Desk) -> list[Flattened]:
    return [outcome.flattened for outcome in desk.outcomes if outcome.flattened is not None]


def fills(desk: Desk) -> list[tuple[str, D, str]]:
    return [(f.side.value, f.qty, f.reason) for outcome in desk.outcomes for f in outcome.fills]


def test_a_long_is_sold_and_a_short_is_bought_back_with_fees_and_evidence() -> None:
    for side, back in (("buy", "sell"), ("sell", "buy")):
        desk = Desk(AROUND_100)
        desk.trade(side, 2, leverage="1.5")
        flatten(desk)

        for _ in range(3):
            desk.show()

        assert fills(desk)[1:] == [(back, 2, "flatten by anna")]
        fill = desk.outcomes[-2].fills[0]
        assert fill.fee == fill.cost * D("0.004")
        assert (fill.code, fill.evidence["rule"]) == ("flatten", "depth_walk")
        assert done(desk) == [Flattened(command_id="flatten-1", by="anna", orders=1, dust="")]
        assert desk.engine.account.state.loans == {}


def test_orders_are_cancelled_after_the_latency_and_what_fills_until_then_is_sold_again() -> None:
    desk = Desk(AROUND_100, latency_ms=300)
    desk.order("buy", 1, limit=95)
    desk.order("buy", 1, limit=90)
    desk.show()
    flatten(desk)

    desk.show()
    desk.show("101 x 90000\n---\n94 x 90000", trades="sell 94 x 90000")
    for _ in range(20):
        desk.show()

    assert [(side, qty) for side, qty, _ in fills(desk)] == [("buy", 1), ("sell", 1)]
    assert desk.engine.open_orders == {}
    assert len(done(desk)) == 1


def test_its_orders_take_the_latency_of_the_deployment() -> None:
    desk = Desk(AROUND_100, latency_ms=300)
    desk.trade("buy", 2)
    flatten(desk)

    for _ in range(6):
        desk.show()

    orders = [o for outcome in desk.outcomes for o in outcome.orders.values() if o.code == "flatten"]
    assert orders[0].arrives_ns - orders[0].created_ns == 300 * NS_PER_MS
    assert done(desk)


def test_an_exit_order_that_has_spoken_for_the_position_does_not_stand_in_its_way() -> None:
    desk = Desk(AROUND_100)
    desk.trade("buy", 2)
    desk.trade("sell", 2, limit=120)
    flatten(desk)

    for _ in range(4):
        desk.show()

    assert desk.position().lots == 0
    assert len(done(desk)) == 1


def test_nothing_open_is_done_with_the_next_frame() -> None:
    desk = Desk(AROUND_100)
    flatten(desk)

    desk.show()

    assert done(desk) == [Flattened(command_id="flatten-1", by="anna", orders=0, dust="")]


def test_what_is_below_the_smallest_order_stays_and_is_said() -> None:
    desk = Desk(AROUND_100, scene=Scene(instrument(qty_min_lots=100)))
    desk.trade("buy", 2)
    desk.order("sell", "1.5")
    desk.show()
    flatten(desk)

    desk.show()

    (flattened,) = done(desk)
    assert flattened.dust == "XRP/USD stays open: order of 0.5 XRP; the minimum order is 1"
    assert desk.position().lots == 50


@pytest.mark.parametrize(
    ("closed", "opened", "sentence"),
    [
        ({"statuses": {"XRP/USD": "stale"}}, {"statuses": {"XRP/USD": "online"}}, "XRP/USD is stale"),
        ({"statuses": {"XRP/USD": "post_only"}}, {"statuses": {"XRP/USD": "online"}}, "post-only limit orders alone"),
        ({"system": "maintenance"}, {"system": "online"}, "the exchange maintenance"),
    ],
)
def test_it_waits_while_nothing_can_be_traded_and_says_so(
    closed: dict[str, Any], opened: dict[str, Any], sentence: str
) -> None:
    desk = Desk(AROUND_100)
    desk.trade("buy", 2)
    desk.show(**closed)
    flatten(desk)

    for _ in range(30):
        desk.show()
    flattening = desk.engine.flattening
    assert flattening is not None
    shown = flattening.waits_for
    for _ in range(3):
        desk.show(**(opened if desk.engine.flattening and desk.position().lots else {}))

    assert sentence in shown
    assert desk.position().lots == 0
    assert len(done(desk)) == 1


def test_a_book_too_thin_is_tried_again_once_a_second() -> None:
    desk = Desk(AROUND_100)
    desk.trade("buy", 4)
    desk.show("101 x 300\n---\n99 x 300")
    flatten(desk)

    for _ in range(9):
        desk.show()
    before = desk.position().lots
    desk.show("101 x 300\n---\n99 x 250")
    for _ in range(4):
        desk.show()

    assert before == 100
    assert desk.position().lots == 0


def test_the_strategy_is_not_evaluated_meanwhile() -> None:
    desk = Desk(AROUND_100)
    desk.trade("buy", 2)
    desk.show(statuses={"XRP/USD": "stale"})
    flatten(desk)
    evaluated_ns = desk.engine.state.evaluated_ns

    desk.show()

    assert desk.engine.state.evaluated_ns == evaluated_ns


def test_an_account_that_has_not_begun_cannot_be_flattened() -> None:
    desk = Desk()

    with pytest.raises(ValueError, match="nothing is open"):
        flatten(desk)


FRAMES = st.builds(Violent, st.integers(0, 2**32), st.integers(8, 30))


def run(
    frames: list[Frame], seed: int, command_at: int, *, restart_every: int = 0
) -> tuple[Engine, list[Outcome], Market]:
    """Trade at random, give the command after frame ``command_at``, and end with six calm seconds."""
    strategy = make_strategy(lambda data, config, state: None, symbols=tuple(p.symbol for p in PAIRS))
    terms = make_terms(symbols=strategy.symbols, stake=D(100), latency_ms=100)
    engine, market, outcomes = Engine(strategy, {}, terms), Market(), []
    calm = [_calm(frames[-1].sequence + number + 1) for number in range(60)]
    for at, frame in enumerate([*frames, *calm]):
        market.fold(frame)
        if engine.account.is_funded and at < command_at:
            give_orders(engine, seed, market.snapshot())
        outcomes.append(engine.process(frame, market.snapshot()))
        if at == command_at and engine.account.is_funded:
            begin_flattening(engine.desk, "flatten-1", "anna")
        if restart_every and at % restart_every == 0:
            engine = Engine.resume(strategy, {}, terms, engine.checkpoint())
    return engine, outcomes, market


def _calm(sequence: int) -> Frame:
    books = {s: BookTop((Level(mid - 1, 10**13),), (Level(mid + 1, 10**13),)) for s, mid in MIDS.items()}
    statuses = dict.fromkeys(MIDS, "online")
    return Frame(
        sequence=sequence, time_ns=sequence * 10**8, books=books, trades=(), statuses=statuses, system="online"
    )


@law
@given(FRAMES, st.integers(0, 2**32), st.integers(1, 7))
def test_it_leaves_nothing_but_dust_and_a_ledger_that_adds_up(frames: Any, seed: int, command_at: int) -> None:
    engine, outcomes, market = run(frames, seed, command_at)

    snapshot, of_account = market.snapshot(), defaultdict(D)
    for entry in (entry for outcome in outcomes for entry in outcome.entries):
        of_account[entry.currency] += entry.amount if entry.party is Party.ACCOUNT else 0
    assert {c: a for c, a in of_account.items() if a} == {c: a for c, a in engine.account.state.balances.items() if a}
    assert engine.flattening is None
    assert [outcome.flattened.command_id for outcome in outcomes if outcome.flattened] == ["flatten-1"]
    assert engine.open_orders == {}
    for position in engine.account.state.positions.values():
        lots = engine.account.buying_power.closable_lots(position, snapshot) if position.lots else 0
        if lots:
            assert _is_dust(engine, position.symbol, lots, snapshot)


def _is_dust(engine: Engine, symbol: str, lots: int, snapshot: Any) -> bool:
    side = "sell" if engine.account.position(symbol).lots > 0 else "buy"
    order = msgspec.structs.replace(Desk(AROUND_100).order(side, 1), symbol=symbol, lots=lots)
    return least_order_refusal(order, snapshot.instrument(symbol), snapshot) is not None


@law
@given(FRAMES, st.integers(0, 2**32), st.integers(1, 25), st.integers(1, 9))
def test_given_at_the_same_frame_it_makes_the_same_fills_restarted_or_not(
    frames: Any, seed: int, command_at: int, restart_every: int
) -> None:
    whole, outcomes, _ = run(frames, seed, command_at)
    broken, again, _ = run(frames, seed, command_at, restart_every=restart_every)

    made, remade = (digest(("a", fill) for o in each for fill in o.fills) for each in (outcomes, again))
    assert made == remade
    assert whole.checkpoint() == broken.checkpoint()
