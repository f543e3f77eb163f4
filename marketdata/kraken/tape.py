"""Public prints, each once, whatever is repeated, and the ids of those that never came."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

import msgspec

from marketdata.kraken.events import BadFrame, MarketEvent, TradeSeen, TradesMissed, TradesRenumbered, TradesRepaired
from trading.frames import NS_PER_S, Trade

MAX_HOLES = 100  # of one symbol; the oldest is forgotten then
LEAST_JUMP = 10_000  # ids that one print may jump, and so many more for each second since the last one
JUMP_A_SECOND = 200
AGREEING = 3  # prints that must go on from one another before ids that do not follow are believed
UNKNOWN_WITHIN_NS = NS_PER_S  # of the newest, where no ids before it are known: then a lower one is a repetition
RECENT_IDS = 100  # of a symbol; a snapshot repeats fifty


class Hole(msgspec.Struct, array_like=True):
    """Prints that were made and did not come: the ids, and when the print before them was made."""

    first_id: int
    last_id: int
    since_ns: int


class LastPrint(msgspec.Struct, array_like=True):
    """The newest print of a symbol that came."""

    trade_id: int
    time_ns: int
    ticks: int = 0
    lots: int = 0

    @classmethod
    def of(cls, trade: Trade) -> LastPrint:
        """Return what is remembered of a print."""
        return cls(trade.trade_id, trade.time_ns, trade.ticks, trade.lots)

    def is_same(self, trade: Trade) -> bool:
        """Return whether ``trade`` is this print under another id, and not its neighbour of one burst."""
        is_alike = (trade.time_ns, trade.ticks, trade.lots) == (self.time_ns, self.ticks, self.lots)
        return is_alike and abs(trade.trade_id - self.trade_id) > 1


class Tape(msgspec.Struct):
    """The newest print of each symbol, and the holes before it: held whole in a recording.

    Kraken numbers a symbol's prints one by one, in WebSocket and REST alike (kraken.md 2.3). An id that does not
    follow is neither believed nor ignored on its own: its print waits in `doubts` until others go on from it, REST
    has it, too, or one that does follow shows that it was wrong.
    """

    newest: dict[str, LastPrint] = {}
    holes: dict[str, list[Hole]] = {}
    doubts: dict[str, list[Trade]] = {}  # prints that would begin another count, by id
    overtaken: dict[str, int] = {}  # how many prints with lower ids were made after the newest
    withdrawn: dict[str, list[int]] = {}  # when prints were made that came with a wrong id: REST has them with theirs
    recent: dict[str, list[int]] = {}  # ids that came last: a print with one of them is a repetition

    @classmethod
    def of(cls, tapes: Mapping[str, Sequence[Trade]]) -> Tape:
        """Return the tape of a market that remembers these prints, by id."""
        newest = {symbol: LastPrint.of(trades[-1]) for symbol, trades in tapes.items()}
        holes = {
            symbol: [
                Hole(one.trade_id + 1, next_.trade_id - 1, one.time_ns)
                for one, next_ in pairwise(trades)
                if next_.trade_id > one.trade_id + 1
            ][-MAX_HOLES:]
            for symbol, trades in tapes.items()
        }
        recent = {symbol: [trade.trade_id for trade in trades[-RECENT_IDS:]] for symbol, trades in tapes.items()}
        return cls(newest, {symbol: found for symbol, found in holes.items() if found}, recent=recent)

    def begin(self, trades: Iterable[Trade]) -> None:
        """Take a snapshot's prints: of a symbol that was not watched before, only where they end matters."""
        ends: dict[str, Trade] = {}
        for trade in trades:
            if trade.symbol not in self.newest:
                ends[trade.symbol] = max(trade, ends.get(trade.symbol, trade), key=lambda one: one.trade_id)
        self.newest |= {symbol: LastPrint.of(trade) for symbol, trade in ends.items()}

    def take(self, trade: Trade, *, is_late: bool, is_confirmed: bool = False) -> list[MarketEvent]:
        """Return a print's events: none when it came before, or is in doubt.

        ``is_late`` says that it comes after the fact, whatever its id: in a snapshot, or from REST, which
        ``is_confirmed`` says.
        """
        known = self.newest.get(trade.symbol)
        if known is None:
            self.newest[trade.symbol] = LastPrint.of(trade)
            return [TradeSeen(trade, is_late)]
        if trade.trade_id <= known.trade_id:
            if any(hole.first_id <= trade.trade_id <= hole.last_id for hole in self.holes.get(trade.symbol, ())):
                return self._fill(trade, is_late=is_late)
            if self._is_repeated(trade, known):
                return []
            return self._doubt(trade, is_late=is_late, is_confirmed=is_confirmed)
        if not follows(known.trade_id, known.time_ns, trade):
            return self._doubt(trade, is_late=is_late, is_confirmed=is_confirmed)
        events = self._refuse_doubts(trade) if trade.symbol in self.doubts else []
        self.overtaken.pop(trade.symbol, None)
        return [*events, *self._go_on(known, trade), TradeSeen(trade, is_late)]

    def give_up(self, symbol: str, hole: Hole) -> None:
        """Forget a hole that cannot be filled."""
        self.holes[symbol] = [known for known in self.holes.get(symbol, []) if known.last_id != hole.last_id]

    def _go_on(self, known: LastPrint, trade: Trade) -> list[MarketEvent]:
        """Let a print be the newest; what was made between it and the last one is a hole."""
        self.newest[trade.symbol] = LastPrint.of(trade)
        self._remember(trade)
        if trade.trade_id <= known.trade_id + 1:
            return []
        holes = self.holes.setdefault(trade.symbol, [])
        holes.append(Hole(known.trade_id + 1, trade.trade_id - 1, known.time_ns))
        del holes[:-MAX_HOLES]
        return [TradesMissed(trade.symbol, known.trade_id + 1, trade.trade_id - 1)]

    def _is_repeated(self, trade: Trade, known: LastPrint) -> bool:
        """Return whether a print with a lower id came before: it is no older than the newest only by mistake."""
        recent = self.recent.get(trade.symbol)
        if recent is None:
            return trade.time_ns <= known.time_ns + UNKNOWN_WITHIN_NS
        return trade.time_ns <= known.time_ns or trade.trade_id in recent

    def _remember(self, trade: Trade) -> None:
        recent = self.recent.setdefault(trade.symbol, [])
        recent.append(trade.trade_id)
        if len(recent) > 2 * RECENT_IDS:
            del recent[:RECENT_IDS]

    def _doubt(self, trade: Trade, *, is_late: bool, is_confirmed: bool) -> list[MarketEvent]:
        """Keep a print whose id does not follow; believe it when enough others, or REST, agree."""
        doubted = self.doubts.get(trade.symbol, [])
        if any(one.trade_id == trade.trade_id for one in doubted):
            return self._renumber(trade.symbol, is_late=True) if is_confirmed else []
        agrees = bool(doubted) and follows(doubted[-1].trade_id, doubted[-1].time_ns, trade)
        self.doubts[trade.symbol] = [*doubted, trade] if agrees else [trade]
        if len(self.doubts[trade.symbol]) < AGREEING:
            return []
        return self._renumber(trade.symbol, is_late=is_late)

    def _renumber(self, symbol: str, *, is_late: bool) -> list[MarketEvent]:
        """Go on with the doubted prints; all but the newest come late."""
        known, prints = self.newest[symbol], self.doubts.pop(symbol)
        self.holes.pop(symbol, None)
        self.overtaken.pop(symbol, None)
        self.recent.pop(symbol, None)
        first = prints[0].trade_id
        events: list[MarketEvent] = [TradesRenumbered(symbol, known.trade_id, first, first <= known.trade_id)]
        self.newest[symbol] = LastPrint(first - 1, prints[0].time_ns)
        for trade in prints:
            events += self._go_on(self.newest[symbol], trade)
            events.append(TradeSeen(trade, is_late or trade is not prints[-1]))
        return events

    def _refuse_doubts(self, trade: Trade) -> list[MarketEvent]:
        doubted = self.doubts.pop(trade.symbol)
        ids = ", ".join(str(one.trade_id) for one in doubted)
        reason = f"trade id {ids} of {trade.symbol} was left out: the ids went on at {trade.trade_id}"
        return [BadFrame(reason, "", trade.symbol)]

    def _fill(self, trade: Trade, *, is_late: bool) -> list[MarketEvent]:
        """Take a print out of the hole that it belongs to; it comes late, unless the newest's id was wrong."""
        known = self.newest[trade.symbol]
        self._remember(trade)
        if known.is_same(trade):
            return self._step_back(trade)
        if trade.time_ns > known.time_ns:
            self.overtaken[trade.symbol] = self.overtaken.get(trade.symbol, 0) + 1
            if self.overtaken[trade.symbol] >= AGREEING:
                return [*self._step_back(trade), TradeSeen(trade, is_late)]
        holes = self.holes[trade.symbol] = self._filled(trade)
        filled: list[MarketEvent] = [] if holes else [TradesRepaired(trade.symbol)]
        if trade.time_ns in self.withdrawn.get(trade.symbol, ()):
            return filled
        return [TradeSeen(trade, is_late=True), *filled]

    def _filled(self, trade: Trade) -> list[Hole]:
        """Return the holes without a print."""
        left: list[Hole] = []
        for hole in self.holes[trade.symbol]:
            if hole.first_id <= trade.trade_id <= hole.last_id:
                before = Hole(hole.first_id, trade.trade_id - 1, hole.since_ns)
                after = Hole(trade.trade_id + 1, hole.last_id, trade.time_ns)
                left += [part for part in (before, after) if part.first_id <= part.last_id]
            else:
                left.append(hole)
        return left

    def _step_back(self, trade: Trade) -> list[MarketEvent]:
        """Go on from a print with a lower id than the newest's, which was wrong: others show it."""
        symbol, known = trade.symbol, self.newest[trade.symbol]
        # Others may have come below it before this one shows it.
        last_id = max(one for one in (trade.trade_id, *self.recent.get(symbol, ())) if one < known.trade_id)
        self.holes[symbol] = list(_without(self._filled(trade), last_id))
        self.overtaken.pop(symbol, None)
        self.newest[symbol] = LastPrint.of(trade) if last_id == trade.trade_id else LastPrint(last_id, known.time_ns)
        self.withdrawn[symbol] = [*self.withdrawn.get(symbol, []), known.time_ns][-MAX_HOLES:]
        reason = f"trade id {known.trade_id} of {symbol} was wrong: the ids went on at {last_id}"
        is_backwards = TradesRenumbered(symbol, known.trade_id, last_id, is_backwards=True)
        return [BadFrame(reason, "", symbol), is_backwards]


def _without(holes: Iterable[Hole], last_id: int) -> Iterator[Hole]:
    """Yield what of the holes lies before ``last_id``."""
    for hole in holes:
        if hole.first_id < last_id:
            yield Hole(hole.first_id, min(hole.last_id, last_id - 1), hole.since_ns)


def follows(last_id: int, last_ns: int, trade: Trade) -> bool:
    """Return whether a print's id may come after another's, given the time between them."""
    passed_s = max(0, trade.time_ns - last_ns) // NS_PER_S
    return last_id < trade.trade_id <= last_id + LEAST_JUMP + JUMP_A_SECOND * passed_s
