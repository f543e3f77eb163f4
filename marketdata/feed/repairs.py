"""Which prints to request from REST: those that the socket missed, and those that may show that it went silent.

No thread, no socket and no clock: the `Repairer` carries the requests.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from marketdata.kraken.tape import Hole, Tape
from trading.frames import NS_PER_S, Trade

MAX_TRIES = 4
FIRST_WAIT_NS = 2 * NS_PER_S  # doubled with every try: REST may know a print a moment later than the socket
REACH_NS = 3_600 * NS_PER_S  # an older hole is left to the candles of history
CROSS_CHECK_EVERY_NS = 5 * NS_PER_S
CHECKED_AFTER_NS = 15 * NS_PER_S  # without a print of a symbol
SETTLED_NS = 5 * NS_PER_S  # what is younger may still be on its way through the socket


@dataclass(frozen=True, slots=True)
class Question:
    """Prints of ``symbol`` after ``since_ns``; of a hole, to cross-check a silent subscription, or ids in doubt."""

    symbol: str
    since_ns: int
    hole: Hole | None
    doubted_id: int | None = None


@dataclass(slots=True)
class _Tried:
    tries: int
    next_ns: int


class Repairs:
    """Plans the requests for one feed's tape. One at a time: the next when it is answered."""

    def __init__(self) -> None:
        self._tried: dict[tuple[str, int], _Tried] = {}  # symbol and last id of a hole
        self._checked_ns: dict[str, int] = {}
        self._doubted: dict[str, _Tried] = {}
        self._next_check_ns = 0

    def question(self, tape: Tape, symbols: Iterable[str], time_ns: int) -> Question | None:
        """Return what to request now, None when nothing is due."""
        open_holes = [
            (symbol, hole)
            for symbol in symbols
            for hole in tape.holes.get(symbol, [])
            if time_ns - hole.since_ns <= REACH_NS
        ]
        self._forget_filled({(symbol, hole.last_id) for symbol, hole in open_holes})
        for symbol, hole in open_holes:
            tried = self._tried.get((symbol, hole.last_id))
            if tried is None or (tried.tries < MAX_TRIES and tried.next_ns <= time_ns):
                return Question(symbol, hole.since_ns, hole)
        return self._doubt(tape, symbols, time_ns) or self._cross_check(tape, symbols, time_ns)

    def _doubt(self, tape: Tape, symbols: Iterable[str], time_ns: int) -> Question | None:
        """Return a print whose id does not follow: is it REST's, too?"""
        for symbol in symbols:
            if not (doubted := tape.doubts.get(symbol)):
                self._doubted.pop(symbol, None)
                continue
            tried = self._doubted.setdefault(symbol, _Tried(0, time_ns))
            if tried.next_ns <= time_ns:
                tried.next_ns = time_ns + FIRST_WAIT_NS * 2 ** min(tried.tries, MAX_TRIES)
                tried.tries += 1
                return Question(symbol, tape.newest[symbol].time_ns, None, doubted[-1].trade_id)
        return None

    def _cross_check(self, tape: Tape, symbols: Iterable[str], time_ns: int) -> Question | None:
        if time_ns < self._next_check_ns:
            return None
        newest = tape.newest
        quiet = [
            s for s in symbols if s in newest and time_ns - self._received_or_checked_ns(tape, s) > CHECKED_AFTER_NS
        ]
        if not quiet:
            return None
        self._next_check_ns = time_ns + CROSS_CHECK_EVERY_NS
        symbol = min(quiet, key=lambda s: self._received_or_checked_ns(tape, s))
        self._checked_ns[symbol] = time_ns
        return Question(symbol, newest[symbol].time_ns, None)

    def _received_or_checked_ns(self, tape: Tape, symbol: str) -> int:
        return max(tape.newest[symbol].time_ns, self._checked_ns.get(symbol, 0))

    def answered(self, question: Question, tape: Tape, trades: Iterable[Trade], time_ns: int) -> list[Trade]:
        """Return those of the fetched prints that the listener should receive."""
        newest = tape.newest.get(question.symbol)
        if question.hole is not None:
            self._try_later(question, time_ns)
            return [t for t in trades if question.hole.first_id <= t.trade_id <= question.hole.last_id]
        if newest is None:
            return []
        doubted = {one.trade_id for one in tape.doubts.get(question.symbol, ())}
        if question.doubted_id is not None and (confirmed := [t for t in trades if t.trade_id in doubted]):
            return confirmed
        return [t for t in trades if t.trade_id > newest.trade_id and t.time_ns < time_ns - SETTLED_NS]

    def failed(self, question: Question, time_ns: int) -> None:
        """Take note that REST did not answer."""
        if question.hole is not None:
            self._try_later(question, time_ns)

    def is_lost(self, question: Question, tape: Tape) -> bool:
        """Return whether the question's hole is still open and will not be requested again."""
        hole = question.hole
        if hole is None or hole not in tape.holes.get(question.symbol, []):
            return False
        return self._tried[question.symbol, hole.last_id].tries >= MAX_TRIES

    def _try_later(self, question: Question, time_ns: int) -> None:
        assert question.hole is not None, "only holes are tried again"
        tried = self._tried.setdefault((question.symbol, question.hole.last_id), _Tried(0, time_ns))
        tried.next_ns = time_ns + FIRST_WAIT_NS * 2**tried.tries
        tried.tries += 1

    def _forget_filled(self, holes: set[tuple[str, int]]) -> None:
        for filled in self._tried.keys() - holes:
            del self._tried[filled]
