"""Small violent markets: three pairs whose prices jump, thin books, halts, and hours that nobody watched."""

from __future__ import annotations

import random
from collections import defaultdict
from decimal import Decimal as D

from tests.drawing import START_NS, instrument
from trading.book import BookTop, Level, Side
from trading.engine import Engine
from trading.frames import Frame, Gap, Trade, sequence_at
from trading.instruments import Instrument
from trading.market_snapshot import MarketSnapshot, MarketView
from trading.orders import Order, Purpose
from trading.signals import OrderType

PAIRS = (
    instrument("BTC/USD", price_decimals=1, qty_decimals=8, cost_min=D("0.5")),
    instrument("XRP/USD", price_decimals=5, qty_decimals=8, cost_min=D("0.5")),
    instrument("XRP/BTC", price_decimals=8, qty_decimals=8, cost_min=D("0.00002")),
)
MIDS = {"BTC/USD": 620_000, "XRP/USD": 110_000, "XRP/BTC": 1_774}
LEVERAGES = (None, D(1), D("1.5"), D(2), D(3))


def snapshot_of(mids: dict[str, int], *, time_ns: int = START_NS, spread: int = 1) -> MarketSnapshot:
    """Return a market with one deep level a side, ``spread`` ticks from each mid."""
    rules: dict[str, Instrument] = {pair.symbol: pair for pair in PAIRS}
    books = {s: BookTop((Level(mid - spread, 10**15),), (Level(mid + spread, 10**15),)) for s, mid in mids.items()}
    view = MarketView(rules, dict.fromkeys(rules, "online"), "online", books, {}, {}, {})
    return MarketSnapshot(view, sequence_at(time_ns), time_ns, {})


class Violent(list[Frame]):
    """Frames that show how they were drawn instead of themselves when a law is broken."""

    def __init__(self, seed: int, count: int) -> None:
        super().__init__(_frames(random.Random(seed), count))
        self.name = f"Violent({seed}, {count})"

    def __repr__(self) -> str:
        return self.name


def _frames(dice: random.Random, count: int) -> list[Frame]:
    mids, ids = dict(MIDS), defaultdict(int)
    made, sequence = [], sequence_at(START_NS) - 1
    for number in range(count):
        gap_from_ns, skipped = sequence * 10**8, dice.random() < 0.15
        sequence += dice.randrange(2, 6 * 36_000) if skipped and number else 1
        books, trades, statuses = {}, [], {}
        for pair in PAIRS:
            symbol = pair.symbol
            move = dice.uniform(-0.02, 0.02)
            if dice.random() < 0.2:
                move = dice.choice((-0.5, 0.9)) if dice.random() < 0.1 else dice.uniform(-0.3, 0.3)
            mids[symbol] = max(100, int(mids[symbol] * (1 + move)))
            if number == 0 or skipped or dice.random() < 0.8:
                books[symbol] = _book(dice, mids[symbol])
            if dice.random() < 0.5:
                ids[symbol] += 1
                ticks = max(1, int(mids[symbol] * dice.uniform(0.98, 1.02)))
                side = dice.choice(list(Side))
                trades.append(Trade(symbol, ids[symbol], side, ticks, dice.randrange(1, 10**10), sequence * 10**8 - 1))
            statuses[symbol] = "stale" if number and dice.random() < 0.05 else "online"
        made.append(
            Frame(
                sequence=sequence,
                time_ns=sequence * 10**8,
                books=books,
                trades=tuple(trades),
                statuses=statuses,
                system="online" if number == 0 else "",
                instruments=PAIRS if number == 0 else (),
                gap=Gap(gap_from_ns, sequence * 10**8 - 10**8, "drawn") if skipped and number else None,
                is_keyframe=number == 0 or skipped,
            )
        )
    return made


def _book(dice: random.Random, mid: int) -> BookTop:
    sides = []
    for sign in (-1, 1):
        ticks, levels = mid, []
        for _ in range(dice.randrange(1, 4)):
            ticks += sign * dice.randrange(1, max(2, mid // 200))
            # Some 5 to 500 dollars a level, whatever the pair: thin enough to be emptied.
            levels.append(Level(ticks, dice.randrange(1, 100) * 10**8 * 5 // (6_200 if mid > 200_000 else 1)))
        sides.append(tuple(levels))
    return BookTop(*sides)


def give_orders(engine: Engine, seed: int, snapshot: MarketSnapshot) -> None:
    """Send what chance wants at this frame; the same seed and frame want the same again."""
    dice = random.Random(f"{seed}:{snapshot.sequence}")
    for number in range(dice.choice((0, 0, 1, 1, 2))):
        pair = dice.choice(PAIRS)
        top = snapshot.top_or_none(pair.symbol)
        if top is None:
            continue
        limit = top.bids[0].ticks if dice.random() < 0.3 else None
        dollars = dice.choice((5, 20, 60, 90, 140, 190))
        side = dice.choice(list(Side))
        most = D("1.5") if side is Side.BUY else D(2)
        price = {"BTC/USD": 62_000, "XRP/USD": 1.1, "XRP/BTC": 1.1}[pair.symbol]
        order = Order(
            order_id=f"{engine.terms.slug}:{snapshot.sequence}:drawn{number}",
            symbol=pair.symbol,
            side=side,
            type=OrderType.MARKET if limit is None else OrderType.LIMIT,
            purpose=Purpose.ENTRY,
            lots=int(dollars / price * 10**8),
            created_sequence=snapshot.sequence,
            created_ns=snapshot.time_ns,
            arrives_ns=snapshot.time_ns,
            limit_ticks=limit,
            leverage=dice.choice((None, D(1), most, most, D(3))),
        )
        engine.venue.send(order)
