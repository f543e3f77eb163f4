"""Scenes as text, so that a trader can check them."""

from __future__ import annotations

from decimal import Decimal

from trading.book import BookTop, Level, OrderBook, Side
from trading.frames import Frame, Trade, sequence_at
from trading.instruments import Instrument
from trading.market import Market
from trading.market_snapshot import MarketSnapshot

START_NS = 1_783_468_800_000_000_000  # 2026-07-08T00:00:00Z


def instrument(symbol: str = "XRP/USD", **changes: object) -> Instrument:
    """Return a pair with whole-number prices and quantities of two decimals unless ``changes`` say otherwise."""
    base, quote = symbol.split("/")
    rules = {"price_decimals": 0, "qty_decimals": 2, "qty_min_lots": 1, "cost_min": Decimal("0.5")}
    return Instrument(symbol=symbol, base=base, quote=quote, **{**rules, **changes})


def draw_book(text: str) -> BookTop:
    """Return the book drawn as on a trader's screen: asks above the line, best next to it; "ticks x lots"."""
    above, below = text.strip().split("---")
    asks = tuple(_level(line) for line in reversed(above.strip().splitlines()))
    bids = tuple(_level(line) for line in below.strip().splitlines()) if below.strip() else ()
    return BookTop(bids, asks)


def _level(line: str) -> Level:
    ticks, lots = line.split("x")
    return Level(int(ticks), int(lots))


def draw_order_book(text: str, depth: int = 10) -> OrderBook:
    """Return a mutable book of the same drawing."""
    top, book = draw_book(text), OrderBook(depth)
    book.apply(list(top.bids), list(top.asks))
    return book


def draw_trades(text: str, symbol: str = "XRP/USD", *, first_id: int = 1, time_ns: int = START_NS) -> tuple[Trade, ...]:
    """Return prints drawn as "sell 100 x 5", one a line; the side is the taker's."""
    trades = []
    for at, line in enumerate(text.strip().splitlines()):
        side, rest = line.split(maxsplit=1)
        level = _level(rest)
        trades.append(Trade(symbol, first_id + at, Side(side), level.ticks, level.lots, time_ns))
    return tuple(trades)


class Scene:
    """A market drawn frame by frame, 100 ms apart."""

    def __init__(self, *instruments: Instrument) -> None:
        self.instruments = instruments or (instrument(),)
        self.market = Market()
        self.sequence = sequence_at(START_NS) - 1  # the first frame begins with the minute
        self._trade_ids = 1

    def frame(
        self, books: dict[str, str] | str | None = None, trades: str = "", symbol: str = "", **changes: object
    ) -> Frame:
        """Return the next frame: ``books`` drawn (one drawing means the first symbol), prints of one symbol."""
        symbol = symbol or self.instruments[0].symbol
        drawn = {symbol: books} if isinstance(books, str) else books or {}
        self.sequence += 1
        prints = draw_trades(trades, symbol, first_id=self._trade_ids, time_ns=self.now_ns) if trades else ()
        self._trade_ids += len(prints)
        is_first = self.market.sequence == 0
        rules = {
            "instruments": self.instruments if is_first else (),
            "statuses": {i.symbol: "online" for i in self.instruments} if is_first else {},
            "system": "online" if is_first else "",
            "is_keyframe": is_first,
        }
        return Frame(
            sequence=self.sequence,
            time_ns=self.now_ns,
            books={name: draw_book(text) for name, text in drawn.items()},
            trades=prints,
            **{**rules, **changes},
        )

    @property
    def now_ns(self) -> int:
        return self.sequence * 100_000_000

    def show(self, *args: object, **changes: object) -> tuple[Frame, MarketSnapshot]:
        """Fold the next frame and return it with the snapshot after it."""
        frame = self.frame(*args, **changes)
        self.market.fold(frame)
        return frame, self.market.snapshot()
