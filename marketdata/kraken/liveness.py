"""Whether a connection, and each of its subscriptions, still lives: judged by what was heard and when."""

from __future__ import annotations

import msgspec

from trading.frames import NS_PER_S

SILENT_AFTER_NS = 10 * NS_PER_S  # Kraken's heartbeat comes every second, also on a busy connection
HEARTBEATS_BEFORE_MISSED = 3  # heard on this connection before one is missed
LISTED_WITHIN_NS = 30 * NS_PER_S  # of the connection's beginning: without the exchange's pairs nothing is asked
STALLED_AFTER_NS = 3 * NS_PER_S  # between two looks: then it was we who slept
FOLLOWS_WITHIN_NS = 10 * NS_PER_S  # a book follows its prints, a print goes with its ticker
TOGETHER_NS = NS_PER_S  # one trade may cause several tickers: what comes so soon after it contradicts nothing
WITNESSES = 3  # messages that contradict a subscription before it is called dead
BEHIND_NS = 5 * NS_PER_S  # more than usual: what is said is too old to trade on
CAUGHT_UP_NS = 2 * NS_PER_S
BEHIND_FOR_NS = 60 * NS_PER_S  # then a new connection knows better: it has no queue, and compares anew


class _Contradiction(msgspec.Struct, array_like=True):
    """What one channel told since another was last heard."""

    heard_ns: int  # when the doubted channel was heard last
    since_ns: int
    count: int


class Liveness(msgspec.Struct):
    """What a connection has told, and what it should have told since; held whole in its memory."""

    heard_ns: int
    checked_ns: int
    unlisted_since_ns: int | None = None  # until the exchange's pairs are told
    heartbeat_ns: int = 0
    heartbeats: int = 0
    books_ns: dict[str, int] = {}
    trades_ns: dict[str, int] = {}
    doubts: dict[str, dict[str, _Contradiction]] = {}  # channel -> symbol
    least_lag_ns: int | None = None
    is_behind: bool = False
    behind_since_ns: int = 0

    def heartbeat(self, time_ns: int) -> None:
        """Take note of a heartbeat."""
        self.heartbeat_ns, self.heartbeats = time_ns, self.heartbeats + 1

    def traded(self, symbol: str, time_ns: int) -> None:
        """Take note of a print: it must show in the book."""
        self.trades_ns[symbol] = time_ns
        self._contradict("book", symbol, self.books_ns.get(symbol, 0), time_ns)

    def ticked(self, symbol: str, time_ns: int) -> None:
        """Take note of a ticker that a print has caused: the print must be told, too."""
        self._contradict("trade", symbol, self.trades_ns.get(symbol, 0), time_ns)

    def _contradict(self, channel: str, symbol: str, heard_ns: int, time_ns: int) -> None:
        if time_ns - heard_ns < TOGETHER_NS:
            return
        doubts = self.doubts.setdefault(channel, {})
        doubt = doubts.get(symbol)
        if doubt is None or doubt.heard_ns != heard_ns:
            doubt = doubts[symbol] = _Contradiction(heard_ns, time_ns, 0)
        doubt.count += 1

    def silent_subscriptions(self, time_ns: int) -> list[tuple[str, str]]:
        """Return (channel, symbol) of those that others contradict; each is told once."""
        heard = {"book": self.books_ns, "trade": self.trades_ns}
        found = [
            (channel, symbol)
            for channel, doubts in self.doubts.items()
            for symbol, doubt in doubts.items()
            if doubt.count >= WITNESSES
            and time_ns - doubt.since_ns > FOLLOWS_WITHIN_NS
            and heard[channel].get(symbol, 0) == doubt.heard_ns
        ]
        for channel, symbol in found:
            del self.doubts[channel][symbol]
        return found

    def verdict(self, time_ns: int) -> str:
        """Return why the connection is broken, empty while it lives; to be asked about once a second."""
        was_awake = time_ns - self.checked_ns <= STALLED_AFTER_NS
        self.checked_ns = time_ns
        if not was_awake:
            return ""  # what came meanwhile has not been read yet
        if time_ns - self.heard_ns > SILENT_AFTER_NS:
            return f"nothing was heard for {SILENT_AFTER_NS / NS_PER_S:g} s"
        if self.heartbeats >= HEARTBEATS_BEFORE_MISSED and time_ns - self.heartbeat_ns > SILENT_AFTER_NS:
            return f"no heartbeat came for {SILENT_AFTER_NS / NS_PER_S:g} s"
        if self.unlisted_since_ns is not None and time_ns - self.unlisted_since_ns > LISTED_WITHIN_NS:
            return f"no instruments were told in {LISTED_WITHIN_NS / NS_PER_S:g} s"
        if self.is_behind and time_ns - self.behind_since_ns > BEHIND_FOR_NS:
            return f"what is told has been late for {BEHIND_FOR_NS / NS_PER_S:g} s"
        return ""

    def judge_lag(self, lag_ns: int) -> bool:
        """Return whether the exchange's word comes too late, compared with the quickest of this connection.

        Compared, because two clocks that differ make every message look late, or early.
        """
        self.least_lag_ns = lag_ns if self.least_lag_ns is None else min(self.least_lag_ns, lag_ns)
        late_ns = lag_ns - self.least_lag_ns
        was_behind, self.is_behind = self.is_behind, late_ns > (CAUGHT_UP_NS if self.is_behind else BEHIND_NS)
        if not was_behind:
            self.behind_since_ns = self.checked_ns
        return self.is_behind
