"""The three models on the same market: the more cautious, the less is granted. Each order has an account to itself."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal as D

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.drawing import START_NS, instrument
from tests.laws import law
from tests.making import make_strategy, make_terms, says
from trading.book import BookTop, Level, Side
from trading.engine import Engine
from trading.exchange.evidence import rederived
from trading.exchange.models import FILL_MODELS, PESSIMISTIC, Latency
from trading.fills import Fill
from trading.frames import Frame, Trade, sequence_at
from trading.market import Market
from trading.signals import Signal

PAIR = instrument("XRP/USD")
KINDS = ("market", "limit", "stop", "stop_limit", "take_profit", "take_profit_limit", "trailing_stop")
FIRST = sequence_at(START_NS)
MODELS = ("optimistic", "realistic", "pessimistic")


def market_of(seed: int, frames: int = 40) -> Iterator[Frame]:
    """Draw a walking market of three levels a side, whose prints are at the touch, inside and beyond."""
    rng = np.random.default_rng(seed)
    mid, ids, top = 1_000, 0, None
    for number in range(frames):
        mid += int(rng.integers(-4, 5))
        if top is None or rng.random() < 0.6:
            spread = int(rng.integers(1, 4))
            bids, asks = (
                tuple(Level(mid + sign * (spread + 2 * n), int(rng.integers(1, 600))) for n in range(3))
                for sign in (-1, 1)
            )
            top, changed = BookTop(bids, asks), True
        else:
            changed = False
        trades = []
        for _ in range(int(rng.poisson(0.8))):
            ids += 1
            side = Side.BUY if rng.random() < 0.5 else Side.SELL
            ticks = top.opposite(side)[0].ticks + int(rng.integers(-3, 4))
            time_ns = (FIRST + number) * 100_000_000 - 1
            trades.append(Trade(PAIR.symbol, ids, side, ticks, int(rng.integers(1, 500)), time_ns))
        yield Frame(
            sequence=FIRST + number,
            time_ns=(FIRST + number) * 100_000_000,
            books={PAIR.symbol: top} if changed else {},
            trades=tuple(trades),
            statuses={PAIR.symbol: "online"} if number == 0 else {},
            system="online" if number == 0 else "",
            instruments=(PAIR,) if number == 0 else (),
            is_keyframe=number == 0,
        )


@st.composite
def signals(draw: st.DrawFn) -> Signal:
    kind = draw(st.sampled_from(KINDS))
    near = st.integers(985, 1_015)
    in_force = draw(st.sampled_from(["gtc", "gtc", "ioc", "fok", "gtd"]))
    rests = kind == "limit" and in_force in ("gtc", "gtd")
    return Signal.buy(
        PAIR.symbol,
        draw(st.integers(1, 900)) / 100,
        size_in="base",
        order_type=kind,
        limit_price=draw(near) if "limit" in kind else None,
        trigger_price=draw(near) if kind not in ("market", "limit", "trailing_stop") else None,
        trail=draw(st.integers(1, 8)) if kind == "trailing_stop" else None,
        time_in_force=in_force,
        expires_in_s=draw(st.floats(0.2, 3)) if in_force == "gtd" else None,
        post_only=rests and draw(st.booleans()),
    )


def fills_of(signal: Signal, frames: list[Frame], model: str) -> list[Fill]:
    terms = make_terms(stake=D(10**9), fill_model=model)
    engine, market, fills = Engine(make_strategy(says(None, signal)), {}, terms), Market(), []
    for frame in frames:
        market.fold(frame)
        fills += engine.process(frame, market.snapshot()).fills
    return fills


@law
@given(st.integers(0, 2**32), st.lists(signals(), min_size=1, max_size=4))
def test_of_the_same_orders_the_more_cautious_model_never_fills_more(seed: int, orders: list[Signal]) -> None:
    frames = list(market_of(seed))

    for signal in orders:
        generous, fair, cautious = (sum(fill.qty for fill in fills_of(signal, frames, model)) for model in MODELS)
        assert generous >= fair >= cautious


@law
@given(st.integers(0, 2**32), signals(), st.sampled_from(MODELS))
def test_every_fill_of_every_model_can_be_derived_anew_and_names_its_model(
    seed: int, signal: Signal, model: str
) -> None:
    for fill in fills_of(signal, list(market_of(seed)), model):
        assert rederived(fill).is_verified, rederived(fill)
        assert fill.evidence["model"] == FILL_MODELS[model].label


@law
@given(st.integers(0, 2**32), signals())
def test_a_cautious_taker_never_pays_less_than_a_fair_one_nor_more_than_the_limit(seed: int, signal: Signal) -> None:
    frames = list(market_of(seed))

    fair = [fill for fill in fills_of(signal, frames, "realistic") if fill.liquidity == "taker"]
    cautious = [fill for fill in fills_of(signal, frames, "pessimistic") if fill.liquidity == "taker"]

    for one, other in zip(fair, cautious, strict=False):
        if one.sequence == other.sequence and one.evidence["level"] == other.evidence["level"]:
            assert one.price <= other.price
    assert signal.limit_price is None or all(fill.price <= signal.limit_price for fill in cautious)


def test_the_generated_orders_and_markets_make_these_laws_say_something() -> None:
    rng, rules = np.random.default_rng(1), set()
    for seed in range(40):
        price = 1_000 + int(rng.integers(-6, 7))
        for kind in ({"order_type": "market"}, {"order_type": "limit", "limit_price": price}):
            signal = Signal.buy(PAIR.symbol, 3, size_in="base", **kind)
            rules |= {f.evidence["rule"] for m in MODELS for f in fills_of(signal, list(market_of(seed)), m)}

    assert rules == {"depth_walk", "queue", "print_through", "crossed_book", "touch", "touched"}


def test_slippage_is_five_basis_points_on_the_grid_and_stops_at_the_limit() -> None:
    assert PESSIMISTIC.taken_at(Side.BUY, 100_000, None) == 100_050
    assert PESSIMISTIC.taken_at(Side.BUY, 100_000, 100_020) == 100_020
    assert PESSIMISTIC.taken_at(Side.SELL, 100_000, None) == 99_950
    assert PESSIMISTIC.taken_at(Side.BUY, 100_000, None, step_ticks=20) == 100_060


def test_latency_is_drawn_from_the_orders_name_and_lies_where_it_says() -> None:
    drawn = [Latency(ms=100, spread_ms=50).of(f"a:{n}:o0") // 1_000_000 for n in range(500)]

    assert drawn == [Latency(ms=100, spread_ms=50).of(f"a:{n}:o0") // 1_000_000 for n in range(500)]
    assert min(drawn) < 105 and max(drawn) > 145
    assert all(100 <= ms <= 150 for ms in drawn)

    stretched = sorted(Latency(ms=200, sigma=0.5).of(f"a:{n}:o0") // 1_000_000 for n in range(999))
    assert 180 < stretched[499] < 220
    assert Latency(ms=200).of("any") == 200_000_000
