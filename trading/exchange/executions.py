"""Which lots an order is granted: decided by book and prints alone, one grant after the other.

Each is yielded before the next is decided, so that what it fills counts for the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from trading.book import Level
from trading.exchange.models import FillModel
from trading.exchange.rules import UNSEEN, Prints, is_beyond, sweep
from trading.fees import Liquidity
from trading.frames import NS_PER_MS, Trade
from trading.instruments import Instrument
from trading.orders import Order


class Grant(NamedTuple):
    """Lots at a price, and what they were granted on."""

    ticks: int
    lots: int
    liquidity: Liquidity
    evidence: Mapping[str, object]
    level: Level | None = None  # taken from the book
    public: Trade | None = None  # used up of this print


def evidence_of(order: Order, grant: Grant, instrument: Instrument, model: FillModel) -> dict[str, object]:
    """Return all that the grant was decided on, in ticks and lots: `trading.exchange.evidence` derives it anew."""
    evidence: dict[str, object] = {
        "model": model.label,
        **grant.evidence,
        "open": order.open_lots,
        "decimals": [instrument.price_decimals, instrument.qty_decimals],
        "latency_ms": order.latency_ns // NS_PER_MS,
        "type": order.type.value,
    }
    if model.slippage_bps and grant.liquidity is Liquidity.TAKER:
        evidence["step"] = instrument.price_increment_ticks
    if order.limit_ticks is not None:
        evidence["limit"] = order.limit_ticks
    if order.is_triggered and order.trigger_ticks is not None:
        evidence["trigger"], evidence["set_off"] = order.trigger_ticks, order.set_off_ticks
    if order.is_after_gap:
        evidence["after_gap"] = True
    return evidence


def takes(order: Order, levels: list[Level], model: FillModel, step_ticks: int) -> Iterator[Grant]:
    """Yield what an order takes of ``levels``, best first: each at its own price."""
    if model.fills_at_touch:
        if levels:
            ticks, shown = levels[0]
            yield Grant(ticks, order.open_lots, Liquidity.TAKER, {"rule": "touch", "level": [ticks, shown]})
        return
    shown_of = dict(levels)
    for level in sweep(levels, order.open_lots):
        ticks = model.taken_at(order.side, level.ticks, order.limit_ticks, step_ticks)
        evidence = {"rule": "depth_walk", "level": [level.ticks, shown_of[level.ticks]]}
        yield Grant(ticks, level.lots, Liquidity.TAKER, evidence, level=level)


def rests(order: Order, prints: Prints, beyond: list[Level], model: FillModel) -> Iterator[Grant]:
    """Yield what a resting limit order is granted: of the prints first, then of a book that has crossed it.

    ``beyond`` are the levels of the other side at its price or better.
    """
    if model.fills_at_touch:
        yield from _touched(order, prints, beyond)
        return
    for public in prints.of(order.symbol):
        yield from _of_print(order, public, prints.left(public), model)
    if model.needs_trade_through:
        return
    assert order.limit_ticks is not None, "only limit orders rest in the book"
    shown_of = dict(beyond)
    for level in sweep(beyond, order.open_lots):
        evidence = {"rule": "crossed_book", "level": [level.ticks, shown_of[level.ticks]]}
        yield Grant(order.limit_ticks, level.lots, Liquidity.MAKER, evidence, level=level)


def _of_print(order: Order, public: Trade, left: int, model: FillModel) -> Iterator[Grant]:
    limit = order.limit_ticks
    assert limit is not None, "only limit orders rest in the book"
    is_through = is_beyond(order.side, limit, public.ticks)
    is_ours = public.ticks == limit and public.side is order.side.opposite and not model.needs_trade_through
    is_ours = is_ours and order.queue_ahead_lots != UNSEEN  # nobody knows how many stand before us
    if left == 0 or not (is_through or is_ours):
        return
    queue = max(order.queue_ahead_lots, 0)
    before_us = 0 if is_through else min(left, queue)
    if before_us:
        order.queue_ahead_lots -= before_us
    part = min(left - before_us, order.open_lots)
    if part:
        evidence = {
            "rule": "print_through" if is_through else "queue",
            "print": [public.trade_id, public.side.value, public.ticks, public.lots],
            "left": left,
            "queue": 0 if is_through else queue,
        }
        yield Grant(limit, part, Liquidity.MAKER, evidence, public=public)


def _touched(order: Order, prints: Prints, beyond: list[Level]) -> Iterator[Grant]:
    limit = order.limit_ticks
    assert limit is not None, "only limit orders rest in the book"
    for public in prints.of(order.symbol):
        if not is_beyond(order.side, public.ticks, limit):
            shown = [public.trade_id, public.side.value, public.ticks, public.lots]
            yield Grant(limit, order.open_lots, Liquidity.MAKER, {"rule": "touched", "print": shown})
            return
    if beyond:
        evidence = {"rule": "touched", "level": list(beyond[0])}
        yield Grant(limit, order.open_lots, Liquidity.MAKER, evidence)
