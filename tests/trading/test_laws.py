"""The invariants, as laws over generated markets and signals."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal as D
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.drawing import START_NS, instrument
from tests.laws import law
from tests.making import make_strategy, make_terms
from trading.accounting.ledger import Party
from trading.book import BookTop, Level, Side
from trading.engine import Engine, Outcome
from trading.fills import digest
from trading.frames import Frame, Gap, Trade, decode_frame, encode_frame, sequence_at
from trading.market import Market
from trading.orders import TRIGGERED
from trading.portfolio import OpenOrder
from trading.signals import Amend, Cancel, OrderType, Signal, SizeUnit, TimeInForce
from trading.snapshot import DataSnapshot

PAIRS = (
    instrument("BTC/USD", price_decimals=1, qty_decimals=8),
    instrument("XRP/USD", price_decimals=5, qty_decimals=8),
    instrument("XRP/BTC", price_decimals=8, qty_decimals=8, cost_min=D("0.00002")),
)
MIDS = {"BTC/USD": 620_000, "XRP/USD": 110_000, "XRP/BTC": 1_774}


class _Drawn(list[Frame]):
    """Frames that show how they were drawn instead of themselves when a law is broken."""

    @classmethod
    def of(cls, seed: int, frames: int) -> _Drawn:
        drawn = cls(market_of(seed, frames))
        drawn.name = f"market_of({seed}, {frames})"
        return drawn

    def __repr__(self) -> str:
        return self.name


def market_of(seed: int, frames: int) -> list[Frame]:
    """Return a random market: walking prices, thin and thick books, prints, stale stretches, gaps, halts."""
    rng = np.random.default_rng(seed)
    mids, ids = dict(MIDS), defaultdict(int)
    first = sequence_at(START_NS)
    made, touch = [], {}
    for number in range(frames):
        books, trades, statuses = {}, [], {}
        for pair in PAIRS:
            step = max(1, mids[pair.symbol] // 400)
            mids[pair.symbol] = max(50, mids[pair.symbol] + int(rng.integers(-step, step + 1)))
            if number == 0 or rng.random() < 0.7:
                books[pair.symbol] = _book(rng, mids[pair.symbol], pair.qty_decimals)
                touch[pair.symbol] = (books[pair.symbol].bids[0], books[pair.symbol].asks[0])
            for _ in range(int(rng.poisson(0.6))):
                ids[pair.symbol] += 1
                side = Side.BUY if rng.random() < 0.5 else Side.SELL
                at_touch = touch[pair.symbol][int(side is Side.BUY)].ticks
                away = int(rng.integers(-3 * step, 3 * step + 1)) if rng.random() < 0.5 else 0
                ticks = max(1, at_touch + away)
                time_ns = (first + number) * 100_000_000 - 1
                trades.append(Trade(pair.symbol, ids[pair.symbol], side, ticks, int(rng.integers(1, 10**11)), time_ns))
            if rng.random() < 0.02:
                statuses[pair.symbol] = "stale"
            elif number == 0 or rng.random() < 0.2:
                statuses[pair.symbol] = "online"
        time_ns = (first + number) * 100_000_000
        made.append(
            Frame(
                sequence=first + number,
                time_ns=time_ns,
                books=books,
                trades=tuple(trades),
                statuses=statuses,
                system="online" if number == 0 else "",
                instruments=PAIRS if number == 0 else (),
                gap=Gap(time_ns - 10**9, time_ns, "drawn") if rng.random() < 0.01 else None,
                is_keyframe=number == 0,
            )
        )
    return made


def _book(rng: np.random.Generator, mid: int, qty_decimals: int) -> BookTop:
    spread = int(rng.integers(1, 20))
    depth = int(rng.integers(1, 6))
    sides = []
    for sign in (-1, 1):
        offsets = np.cumsum(rng.integers(1, 15, depth))
        lots = rng.integers(1, 5 * 10**qty_decimals, depth)
        sides.append(tuple(Level(mid + sign * (spread + int(o)), int(q)) for o, q in zip(offsets, lots, strict=True)))
    return BookTop(*sides)


def restless(data: DataSnapshot, config: Any, state: dict[str, Any]) -> Signal | Cancel | Amend | None:
    """Want anything at all, sensible or not."""
    rng = data.rng
    state["evaluated"] = state.get("evaluated", 0) + 1
    if rng.random() < 0.6:
        return None
    symbol = data.symbols[int(rng.integers(len(data.symbols)))]
    live = data.portfolio.open_orders()
    if live and rng.random() < 0.2:
        return _second_thought(rng, live[int(rng.integers(len(live)))])
    kind = OrderType.LIMIT if rng.random() < 0.4 else list(OrderType)[int(rng.integers(len(OrderType)))]
    price = data.bids(symbol)[0].price if rng.random() < 0.5 else data.price(symbol) * float(rng.uniform(0.99, 1.01))
    in_force = list(TimeInForce)[int(rng.integers(len(TimeInForce)))] if rng.random() < 0.4 else TimeInForce.GTC
    return Signal(
        action="buy" if rng.random() < 0.55 else "sell",
        symbol=symbol,
        size="all" if rng.random() < 0.15 else float(rng.uniform(0.1, 60)),
        size_in=SizeUnit.ACCOUNT,
        order_type=kind,
        limit_price=price if kind.value.endswith("limit") else None,
        trigger_price=price if kind in TRIGGERED and kind is not OrderType.TRAILING_STOP else None,
        trail_pct=0.5 if kind is OrderType.TRAILING_STOP else None,
        time_in_force=in_force,
        expires_in_s=float(rng.uniform(0.1, 3)) if in_force is TimeInForce.GTD else None,
        post_only=kind is OrderType.LIMIT and rng.random() < 0.3,
        stop_loss=price * 0.99 if rng.random() < 0.4 else None,
        take_profit=price * 1.02 if rng.random() < 0.4 else None,
    )


def _second_thought(rng: np.random.Generator, order: OpenOrder) -> Cancel | Amend:
    if rng.random() < 0.4:
        return Cancel(order.order_id)
    price = order.limit_price or order.trigger_price or 1.0
    return Amend(
        order.order_id,
        qty=order.qty * float(rng.uniform(0.2, 1.5)) if rng.random() < 0.6 else None,
        limit_price=price * float(rng.uniform(0.995, 1.005)) if rng.random() < 0.5 else None,
        trigger_price=price * float(rng.uniform(0.995, 1.005)) if rng.random() < 0.2 else None,
    )


def make_engine(slug: str = "restless", **terms: Any) -> Engine:
    symbols = tuple(pair.symbol for pair in PAIRS)
    strategy = make_strategy(restless, symbols=symbols)
    return Engine(strategy, {}, make_terms(slug=slug, symbols=symbols, stake=D(100), **terms))


def run(engine: Engine, frames: list[Frame]) -> list[Outcome]:
    market, outcomes = Market(), []
    for frame in frames:
        market.fold(frame)
        outcomes.append(engine.process(frame, market.snapshot()))
    return outcomes


markets = st.builds(_Drawn.of, st.integers(0, 2**32), st.integers(30, 90))
fundings = st.sampled_from(["USD", "BTC"])
latencies = st.sampled_from([0, 100, 250])


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
