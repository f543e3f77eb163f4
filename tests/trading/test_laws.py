"""The invariants, as laws over generated markets and signals."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal as D

from hypothesis import given
from hypothesis import strategies as st

from tests.laws import PAIRS, latencies, law, make_engine, market_of, markets
from trading.accounting.ledger import Party
from trading.book import Side
from trading.engine import Engine, Outcome
from trading.fills import digest
from trading.frames import Frame, decode_frame, encode_frame
from trading.market import Market


def run(engine: Engine, frames: list[Frame]) -> list[Outcome]:
    market, outcomes = Market(), []
    for frame in frames:
        market.fold(frame)
        outcomes.append(engine.process(frame, market.snapshot()))
    return outcomes


fundings = st.sampled_from(["USD", "BTC"])


@law
@given(markets, fundings, latencies)
def test_ledger_entries_sum_to_zero_and_to_the_balances(frames: list[Frame], funding: str, latency_ms: int) -> None:
    engine = make_engine(funding_currency=funding, latency_ms=latency_ms)

    outcomes = run(engine, frames)

    of_fact, of_account = defaultdict(D), defaultdict(D)
    for entry in (entry for outcome in outcomes for entry in outcome.entries):
        of_fact[entry.entry_id.rsplit(":", 1)[0], entry.currency] += entry.amount
        if entry.party is Party.ACCOUNT:
            of_account[entry.currency] += entry.amount
    assert set(of_fact.values()) <= {D(0)}
    assert dict(of_account) == engine.account.state.balances
    assert all(amount >= 0 for amount in engine.account.state.balances.values())


@law
@given(markets, fundings, latencies)
def test_a_fill_never_exceeds_its_order_nor_beats_its_limit_the_wrong_way(
    frames: list[Frame], funding: str, latency_ms: int
) -> None:
    outcomes = run(make_engine(funding_currency=funding, latency_ms=latency_ms), frames)

    orders = {o.order_id: o for outcome in outcomes for o in outcome.orders.values()}
    filled = defaultdict(D)
    rules = {pair.symbol: pair for pair in PAIRS}
    for fill in (fill for outcome in outcomes for fill in outcome.fills):
        filled[fill.order_id] += fill.qty
        if "limit" in fill.evidence:  # as it was then: it may have been amended since
            limit = rules[fill.symbol].price(fill.evidence["limit"])
            assert fill.price <= limit if fill.side is Side.BUY else fill.price >= limit
    assert all(qty <= rules[orders[i].symbol].qty(orders[i].lots) for i, qty in filled.items())


@law
@given(markets)
def test_no_more_is_filled_than_was_displayed_or_printed(frames: list[Frame]) -> None:
    outcomes = run(make_engine(latency_ms=0), frames)

    for frame, outcome in zip(frames, outcomes, strict=True):
        printed = {(t.symbol, t.trade_id): t.lots for t in frame.trades}
        for fill in outcome.fills:
            lots = int(fill.qty.scaleb(8))
            if "print" in fill.evidence:
                trade_id = fill.evidence["print"][0]
                printed[fill.symbol, trade_id] -= lots
                assert printed[fill.symbol, trade_id] >= 0
            else:
                assert lots <= fill.evidence["level"][1]


@law
@given(markets, st.integers(1, 29), fundings)
def test_an_engine_killed_and_resumed_is_byte_for_byte_the_engine_that_lived(
    frames: list[Frame], killed_at: int, funding: str
) -> None:
    whole = make_engine(funding_currency=funding)
    lived = run(whole, frames)

    first = make_engine(funding_currency=funding)
    before = run(first, frames[:killed_at])
    resumed = Engine.resume(first.strategy, {}, first.terms, first.checkpoint())
    after = run(resumed, frames)[killed_at:]

    assert _digest(before + after) == _digest(lived)
    assert resumed.checkpoint() == whole.checkpoint()


@law
@given(markets)
def test_a_neighbour_changes_nothing(frames: list[Frame]) -> None:
    alone = run(make_engine("b"), frames)

    market, beside, neighbour = Market(), make_engine("b"), make_engine("a")
    together = []
    for frame in frames:
        market.fold(frame)
        snapshot = market.snapshot()
        neighbour.process(frame, snapshot)
        together.append(beside.process(frame, snapshot))

    assert [o.entries for o in together] == [o.entries for o in alone]


@law
@given(markets)
def test_a_frame_seen_twice_changes_nothing_the_second_time(frames: list[Frame]) -> None:
    engine = make_engine()
    run(engine, frames)
    before = engine.checkpoint()

    outcomes = run(engine, frames)

    assert not any(outcome.has_facts for outcome in outcomes)
    assert engine.checkpoint() == before


@law
@given(markets)
def test_frames_survive_the_wire_and_so_does_the_market(frames: list[Frame]) -> None:
    sent = [decode_frame(encode_frame(frame)) for frame in frames]

    assert sent == frames
    market, again = Market(), Market()
    for frame, copy in zip(frames, sent, strict=True):
        market.fold(frame)
        again.fold(copy)
    assert market.checkpoint() == again.checkpoint()
    assert Market.restore(market.checkpoint(), ()).checkpoint() == market.checkpoint()


def _digest(outcomes: list[Outcome]) -> str:
    return digest(("x", fill) for outcome in outcomes for fill in outcome.fills)


def test_the_generated_market_makes_these_laws_say_something() -> None:
    outcomes = [outcome for seed in range(30) for outcome in run(make_engine(), market_of(seed, 300))]

    fills = [fill for outcome in outcomes for fill in outcome.fills]
    rules = {fill.evidence["rule"] for fill in fills}

    assert len(fills) > 200
    assert rules == {"depth_walk", "queue", "print_through", "crossed_book"}
