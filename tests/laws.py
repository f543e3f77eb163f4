"""How hard the laws are tried: 500 examples each, 10,000 with HYPOTHESIS_PROFILE=long, 10 in the fast lane."""

from __future__ import annotations

import os
from collections import defaultdict
from decimal import Decimal as D
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.drawing import START_NS, instrument
from tests.making import make_strategy, make_terms
from trading.book import BookTop, Level, Side
from trading.engine import Engine
from trading.frames import Frame, Gap, Trade, sequence_at
from trading.orders import TRIGGERED
from trading.portfolio import OpenOrder
from trading.signals import Amend, Cancel, OrderType, Signal, SizeUnit, TimeInForce
from trading.snapshot import DataSnapshot

settings.register_profile("fast", max_examples=10)
settings.register_profile("laws", max_examples=500)
settings.register_profile("long", max_examples=10_000)

law = settings(
    settings.get_profile(os.environ.get("HYPOTHESIS_PROFILE", "laws")),
    deadline=None,
    print_blob=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


PAIRS = (
    instrument("BTC/USD", price_decimals=1, qty_decimals=8),
    instrument("XRP/USD", price_decimals=5, qty_decimals=8),
    instrument("XRP/BTC", price_decimals=8, qty_decimals=8, cost_min=D("0.00002")),
)


MIDS = {"BTC/USD": 620_000, "XRP/USD": 110_000, "XRP/BTC": 1_774}


class Drawn(list[Frame]):
    """Frames that show how they were drawn instead of themselves when a law is broken."""

    @classmethod
    def of(cls, seed: int, frames: int) -> Drawn:
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


markets = st.builds(Drawn.of, st.integers(0, 2**32), st.integers(30, 90))


latencies = st.sampled_from([0, 100, 250])
