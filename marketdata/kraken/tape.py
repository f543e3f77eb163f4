"""Public prints, each once, whatever is repeated, and the ids of those that never came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import msgspec

from marketdata.kraken.events import BadFrame, MarketEvent, TradeSeen, TradesMissed, TradesRepaired
from trading.frames import Trade

MAX_HOLES = 100  # of one symbol; the oldest is forgotten then
MAX_JUMP = 10_000_000  # ids; months of the busiest pair: a greater one is no id


class Hole(msgspec.Struct, array_like=True):
    """Prints that were made and did not come: the ids, and when the print before them was made."""

    first_id: int
    last_id: int
    since_ns: int


class LastPrint(msgspec.Struct, array_like=True):
    """The newest print of a symbol that came."""

    trade_id: int
    time_ns: int


class Tape(msgspec.Struct):
    """What outlives connections, and a feed: the newest print of each symbol, and the holes before it.

    Kraken counts a pair's trades one by one, over WebSocket and REST alike (kraken.md 2.3).
    """

    newest: dict[str, LastPrint] = {}
    holes: dict[str, list[Hole]] = {}

    @classmethod
    def of(cls, tapes: Mapping[str, Sequence[Trade]]) -> Tape:
        """Return the tape of a market that remembers these prints, by id."""
        newest = {symbol: LastPrint(trades[-1].trade_id, trades[-1].time_ns) for symbol, trades in tapes.items()}
        holes = {
            symbol: [
                Hole(one.trade_id + 1, next_.trade_id - 1, one.time_ns)
                for one, next_ in pairwise(trades)
                if next_.trade_id > one.trade_id + 1
            ][-MAX_HOLES:]
            for symbol, trades in tapes.items()
        }
        return cls(newest, {symbol: found for symbol, found in holes.items() if found})

    def begin(self, trades: Iterable[Trade]) -> None:
        """Take a snapshot's prints: of a symbol that was not watched before, only where they end matters."""
        ends: dict[str, Trade] = {}
        for trade in trades:
            if trade.symbol not in self.newest:
                ends[trade.symbol] = max(trade, ends.get(trade.symbol, trade), key=lambda one: one.trade_id)
        self.newest |= {symbol: LastPrint(trade.trade_id, trade.time_ns) for symbol, trade in ends.items()}

    def take(self, trade: Trade, *, is_late: bool) -> list[MarketEvent]:
        """Return a print's events: none when it came before.

        ``is_late`` says that it comes after the fact, whatever its id: in a snapshot, or from REST.
        """
        known = self.newest.get(trade.symbol)
        if known is None:
            self.newest[trade.symbol] = LastPrint(trade.trade_id, trade.time_ns)
            return [TradeSeen(trade, is_late)]
        if trade.trade_id <= known.trade_id:
            return self._fill(trade)
        events: list[MarketEvent] = []
        if trade.trade_id > known.trade_id + MAX_JUMP:
            return [BadFrame(f"trade id is {trade.trade_id} after {known.trade_id} of {trade.symbol}", "")]
        if trade.trade_id > known.trade_id + 1:
            events.append(self._open(trade.symbol, Hole(known.trade_id + 1, trade.trade_id - 1, known.time_ns)))
        self.newest[trade.symbol] = LastPrint(trade.trade_id, trade.time_ns)
        return [*events, TradeSeen(trade, is_late)]

    def give_up(self, symbol: str, hole: Hole) -> None:
        """Forget a hole that cannot be filled."""
        self.holes[symbol] = [known for known in self.holes.get(symbol, []) if known.last_id != hole.last_id]

    def _open(self, symbol: str, hole: Hole) -> TradesMissed:
        holes = self.holes.setdefault(symbol, [])
        holes.append(hole)
        del holes[:-MAX_HOLES]
        return TradesMissed(symbol, hole.first_id, hole.last_id)

    def _fill(self, trade: Trade) -> list[MarketEvent]:
        """Take a print out of the hole that it belongs to; one that belongs to none came before."""
        holes = self.holes.get(trade.symbol, [])
        at = next((n for n, hole in enumerate(holes) if hole.first_id <= trade.trade_id <= hole.last_id), None)
        if at is None:
            return []
        hole = holes[at]
        before = Hole(hole.first_id, trade.trade_id - 1, hole.since_ns)
        after = Hole(trade.trade_id + 1, hole.last_id, trade.time_ns)
        left = [part for part in (before, after) if part.first_id <= part.last_id]
        holes[at : at + 1] = left
        filled = [] if holes else [TradesRepaired(trade.symbol)]
        return [TradeSeen(trade, is_late=True), *filled]
