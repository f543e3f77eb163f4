"""The laws of the whole engine for accounts that borrow, on violent markets with gaps, halts and thin books."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal as D
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.laws import law
from tests.making import make_strategy, make_terms
from tests.markets import PAIRS, Violent, give_orders
from trading.accounting.ledger import EntryKind, Party
from trading.accounting.margin import MarginEventKind
from trading.accounting.positions import Position
from trading.accounting.valuation import mid_rate
from trading.engine import Engine, Outcome
from trading.market import Market

RULES = {pair.symbol: pair for pair in PAIRS}
markets = st.builds(Violent, st.integers(0, 2**32), st.integers(8, 30))
fundings = st.sampled_from(["USD", "BTC"])
seeds = st.integers(0, 2**32)


def make_engine(slug: str = "drawn", funding: str = "USD") -> Engine:
    strategy = make_strategy(lambda data, config, state: None, symbols=tuple(RULES))
    return Engine(strategy, {}, make_terms(slug=slug, symbols=tuple(RULES), stake=D(100), funding_currency=funding))


def run(engine: Engine, frames: list[Any], seed: int, market: Market | None = None) -> list[Outcome]:
    market, outcomes = market or Market(), []
    for frame in frames:
        market.fold(frame)
        snapshot = market.snapshot()
        if engine.account.is_funded:
            give_orders(engine, seed, snapshot)
        outcomes.append(engine.process(frame, snapshot))
    return outcomes


@law
@given(markets, seeds, fundings)
def test_whatever_happens_entries_are_balances_and_loans(frames: Violent, seed: int, funding: str) -> None:
    engine = make_engine(funding=funding)

    outcomes = run(engine, frames, seed)

    facts, held, lent, ids = defaultdict(D), defaultdict(D), defaultdict(D), []
    for entry in (entry for outcome in outcomes for entry in outcome.entries):
        facts[entry.entry_id.rsplit(":", 1)[0], entry.currency] += entry.amount
        held[entry.currency] += entry.amount if entry.party is Party.ACCOUNT else 0
        lent[entry.currency] -= entry.amount if entry.party is Party.LENDER else 0
        ids.append(entry.entry_id)
    state = engine.account.state
    assert set(facts.values()) <= {D(0)}
    assert {c: a for c, a in held.items() if a} == {c: a for c, a in state.balances.items() if a}
    assert {c: a for c, a in lent.items() if a} == state.loans
    assert all(amount >= 0 for amount in state.balances.values())
    on_margin = [p for p in state.positions.values() if p.lots > 0 and p.loans]
    assert all(engine.account.balance(p.base) >= RULES[p.symbol].qty(p.borrowed_lots) for p in on_margin)
    assert len(set(ids)) == len(ids)


@law
@given(markets, seeds, fundings)
def test_between_two_prices_equity_moves_only_by_fills_fees_and_interest(
    frames: Violent, seed: int, funding: str
) -> None:
    engine, market = make_engine(funding=funding), Market()
    for frame in frames:
        market.fold(frame)
        snapshot = market.snapshot()
        before = engine.account.buying_power.mid_equity(snapshot)
        was_funded = engine.account.is_funded
        if was_funded:
            give_orders(engine, seed, snapshot)

        outcome = engine.process(frame, snapshot)

        after = engine.account.buying_power.mid_equity(snapshot)
        if not was_funded or before is None or after is None:
            continue
        moved = sum(
            (e.amount * mid_rate(snapshot, e.currency, "USD") for e in outcome.entries if e.party in OUTSIDE), D(0)
        )
        assert abs(after - before + moved) < D("1e-12")


OUTSIDE = (Party.EXCHANGE, Party.FEES)


@law
@given(markets, seeds, st.integers(1, 29), fundings)
def test_an_account_killed_and_resumed_is_byte_for_byte_the_one_that_lived(
    frames: Violent, seed: int, killed_at: int, funding: str
) -> None:
    whole = make_engine(funding=funding)
    lived = run(whole, frames, seed)

    first, market = make_engine(funding=funding), Market()
    before = run(first, frames[:killed_at], seed, market)
    resumed = Engine.resume(first.strategy, {}, first.terms, first.checkpoint())
    after = run(resumed, frames[killed_at:], seed, market)

    assert [o.entries for o in before + after] == [o.entries for o in lived]
    assert [o.margin for o in before + after] == [o.margin for o in lived]
    assert resumed.checkpoint() == whole.checkpoint()


@law
@given(markets, seeds, seeds)
def test_a_neighbour_that_is_liquidated_changes_nothing(frames: Violent, seed: int, other: int) -> None:
    alone = make_engine("b")
    lived = run(alone, frames, seed)

    market, beside, neighbour = Market(), make_engine("b"), make_engine("a")
    together = []
    for frame in frames:
        market.fold(frame)
        snapshot = market.snapshot()
        for engine, chance in ((neighbour, other), (beside, seed)):
            if engine.account.is_funded:
                give_orders(engine, chance, snapshot)
            outcome = engine.process(frame, snapshot)
        together.append(outcome)

    assert [o.entries for o in together] == [o.entries for o in lived]
    assert beside.checkpoint() == alone.checkpoint()


@law
@given(markets, seeds)
def test_a_fill_exceeds_neither_its_order_nor_what_was_shown_or_printed(frames: Violent, seed: int) -> None:
    engine = make_engine()

    outcomes = run(engine, frames, seed)

    orders = {o.order_id: o for outcome in outcomes for o in outcome.orders.values()}
    filled: dict[str, int] = defaultdict(int)
    for frame, outcome in zip(frames, outcomes, strict=True):
        printed = {(t.symbol, t.trade_id): t.lots for t in frame.trades}
        for fill in outcome.fills:
            lots = RULES[fill.symbol].lots(fill.qty)
            filled[fill.order_id] += lots
            if "print" in fill.evidence:
                trade_id = fill.evidence["print"][0]
                printed[fill.symbol, trade_id] -= lots
                assert printed[fill.symbol, trade_id] >= 0
            else:
                assert lots <= fill.evidence["level"][1]
    assert all(lots == orders[i].filled_lots <= orders[i].lots for i, lots in filled.items())


@law
@given(markets, seeds, fundings)
@example(Violent(169, 24), 277, "USD")  # a short in BTC was bought back with the BTC of a leveraged long
@example(Violent(1_551_399_236, 15), 1_551_399_236, "USD")  # less than a lot was left of a holding
def test_after_each_frame_an_account_is_solvent_or_waits_for_the_book_or_is_marked_bankrupt(
    frames: Violent, seed: int, funding: str
) -> None:
    engine, market = make_engine(funding=funding), Market()
    for frame in frames:
        market.fold(frame)
        snapshot = market.snapshot()
        if engine.account.is_funded:
            give_orders(engine, seed, snapshot)

        outcome = engine.process(frame, snapshot)

        standing = engine.account.buying_power.standing(snapshot)
        if standing is None or not engine.account.state.loans:
            continue
        if standing.is_stopped(engine.terms.margin) and standing.used:
            tried = {event.symbol for event in outcome.margin if event.kind is MarginEventKind.LIQUIDATION}
            left = {p.symbol for p in engine.account.state.positions.values() if p.loans}
            assert all(symbol in tried or not snapshot.is_tradable(symbol) for symbol in left)
        if standing.equity < 0 and not any(is_held(engine, p) for p in engine.account.state.positions.values()):
            assert engine.account.state.bankrupt_ns


def is_held(engine: Engine, position: Position) -> bool:
    """True unless the position is flat, or all that it held was sold through another instrument."""
    held = engine.account.balance(position.base)
    return position.lots < 0 or (position.lots > 0 and held >= RULES[position.symbol].qty(1))


def test_the_violent_markets_make_these_laws_say_something() -> None:
    outcomes = [o for seed in range(100) for o in run(make_engine(), Violent(seed, 40), seed)]

    kinds = {entry.kind for outcome in outcomes for entry in outcome.entries}
    events = {event.kind for outcome in outcomes for event in outcome.margin}
    sides = {trip.side for outcome in outcomes for trip in outcome.trips}
    refused = {o.refusal.code for outcome in outcomes for o in outcome.orders.values() if o.refusal}

    assert kinds == set(EntryKind) - {EntryKind.WITHDRAWAL, EntryKind.LIQUIDATION_FEE}
    assert events == set(MarginEventKind)
    assert len(sides) == 2
    assert {"insufficient_margin", "leverage_limit", "bankrupt", "liquidation"} <= refused
