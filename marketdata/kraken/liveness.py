"""Whether a connection, and each of its subscriptions, still works: decided by what was received and when."""

from __future__ import annotations

from statistics import median_high

import msgspec

from trading.frames import NS_PER_S

SILENT_AFTER_NS = 10 * NS_PER_S  # Kraken's heartbeat comes every second, also on a busy connection
HEARTBEATS_BEFORE_MISSED = 3  # received on this connection before one is missed
LISTED_WITHIN_NS = 30 * NS_PER_S  # of the connection's beginning: without the exchange's pairs nothing is subscribed
STALLED_AFTER_NS = 3 * NS_PER_S  # between two checks: then this process was suspended
QUIET_AFTER_NS = 5 * NS_PER_S  # without anything of use every book is in doubt
FOLLOWS_WITHIN_NS = {"book": 3 * NS_PER_S, "trade": 10 * NS_PER_S}  # prints and tickers of the same pair
TOGETHER_NS = NS_PER_S  # one trade may cause several tickers: what comes so soon after it contradicts nothing
CONTRADICTIONS = {"book": 2, "trade": 3}  # messages that contradict a subscription before it is called dead
MOST_PATIENCE = 5  # doublings of the time for a book that was silent, and right
BEHIND_NS = 5 * NS_PER_S  # more than usual: messages are too old to trade on
CAUGHT_UP_NS = 2 * NS_PER_S
BEHIND_FOR_NS = 60 * NS_PER_S  # then a new connection is better: it has no queue, and measures afresh
LAGS_KEPT = 120  # about as many seconds
LAGS_COUNTED = 5  # the newest, of which the middle counts: one odd timestamp changes nothing
LAGS_NEEDED = 10  # before this connection's usual lag is known


class _Contradiction(msgspec.Struct, array_like=True):
    """Messages of one channel since another's last message."""

    received_ns: int  # when the doubted channel's last message came
    since_ns: int
    count: int


class Liveness(msgspec.Struct):
    """When each channel's last message came, and what should have come since; held whole in the connection's memory."""

    received_ns: int = msgspec.field(name="heard_ns")
    checked_ns: int
    unlisted_since_ns: int | None = None  # until the exchange's pairs come
    heartbeat_ns: int = 0
    heartbeats: int = 0
    books_ns: dict[str, int] = {}
    trades_ns: dict[str, int] = {}
    doubts: dict[str, dict[str, _Contradiction]] = {}  # channel -> symbol
    patience: dict[str, int] = {}  # symbol -> how often its book was silent, and right
    lags_ns: list[int] = []  # the newest last
    fresh_lags: int = 0  # how many of them are from after a silence
    is_quiet: bool = False
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
        """Take note of a ticker that a print has caused: the print must come, too, and show in the book."""
        self._contradict("trade", symbol, self.trades_ns.get(symbol, 0), time_ns)
        self._contradict("book", symbol, self.books_ns.get(symbol, 0), time_ns)

    def _contradict(self, channel: str, symbol: str, received_ns: int, time_ns: int) -> None:
        if time_ns - received_ns < TOGETHER_NS:
            return
        doubts = self.doubts.setdefault(channel, {})
        doubt = doubts.get(symbol)
        if doubt is None or doubt.received_ns != received_ns:
            doubt = doubts[symbol] = _Contradiction(received_ns, time_ns, 0)
        doubt.count += 1

    def silent_subscriptions(self, time_ns: int) -> list[tuple[str, str]]:
        """Return (channel, symbol) of those that others contradict; each is returned once."""
        received = {"book": self.books_ns, "trade": self.trades_ns}
        found = [
            (channel, symbol)
            for channel, doubts in self.doubts.items()
            for symbol, doubt in doubts.items()
            if doubt.count >= CONTRADICTIONS[channel]
            and time_ns - doubt.since_ns > self._follows_within_ns(channel, symbol)
            and received[channel].get(symbol, 0) == doubt.received_ns
        ]
        for channel, symbol in found:
            del self.doubts[channel][symbol]
        return found

    def _follows_within_ns(self, channel: str, symbol: str) -> int:
        doublings = self.patience.get(symbol, 0) if channel == "book" else 0
        return FOLLOWS_WITHIN_NS[channel] << doublings

    def was_right(self, symbol: str) -> None:
        """Take note that a silent book was as the exchange's: it gets more time."""
        self.patience[symbol] = min(MOST_PATIENCE, self.patience.get(symbol, 0) + 1)

    def quiet_changed(self, time_ns: int) -> bool:
        """Return whether the connection fell quiet, or speaks again; to be called about once a second."""
        was_quiet, self.is_quiet = self.is_quiet, time_ns - self.received_ns > QUIET_AFTER_NS
        if self.is_quiet:
            self.fresh_lags = 0  # what comes next says how late it is, whatever was before
        return self.is_quiet != was_quiet

    def slept(self, time_ns: int) -> None:
        """Begin to wait anew: nothing could be received while this process stood still."""
        self.received_ns = self.checked_ns = time_ns
        self.heartbeats = 0
        self.doubts.clear()
        self.lags_ns, self.fresh_lags = [], 0

    def broken_reason(self, time_ns: int) -> str:
        """Return why the connection is broken, empty while it works; to be called about once a second."""
        was_awake = time_ns - self.checked_ns <= STALLED_AFTER_NS
        self.checked_ns = time_ns
        if not was_awake:
            return ""  # what came meanwhile has not been read yet
        if time_ns - self.received_ns > SILENT_AFTER_NS:
            return f"nothing was received for {SILENT_AFTER_NS / NS_PER_S:g} s"
        if self.heartbeats >= HEARTBEATS_BEFORE_MISSED and time_ns - self.heartbeat_ns > SILENT_AFTER_NS:
            return f"no heartbeat came for {SILENT_AFTER_NS / NS_PER_S:g} s"
        if self.unlisted_since_ns is not None and time_ns - self.unlisted_since_ns > LISTED_WITHIN_NS:
            return f"no instruments came in {LISTED_WITHIN_NS / NS_PER_S:g} s"
        if self.is_behind and time_ns - self.behind_since_ns > BEHIND_FOR_NS:
            return f"messages have been late for {BEHIND_FOR_NS / NS_PER_S:g} s"
        return ""

    def usual_lag_ns(self, ahead_ns: int | None) -> int | None:
        """Return the lag of messages that are not late: zero by the exchange's clock, else what this connection shows.

        None while neither is known.
        """
        if ahead_ns is not None:
            return -ahead_ns
        if len(self.lags_ns) < LAGS_NEEDED:
            return None
        return sorted(self.lags_ns)[len(self.lags_ns) // 10]

    def measure_lag(self, lag_ns: int, ahead_ns: int | None) -> bool:
        """Take in a lag; return whether messages arrive too late.

        ``ahead_ns`` is how far the exchange's clock is ahead of ours, None while that is not known.
        """
        self.lags_ns = [*self.lags_ns[1 - LAGS_KEPT :], lag_ns]
        self.fresh_lags += 1
        usual_ns = self.usual_lag_ns(ahead_ns)
        late_ns = 0 if usual_ns is None else self.recent_lag_ns - usual_ns
        was_behind, self.is_behind = self.is_behind, late_ns > (CAUGHT_UP_NS if self.is_behind else BEHIND_NS)
        if not was_behind:
            self.behind_since_ns = self.checked_ns
        return self.is_behind

    @property
    def recent_lag_ns(self) -> int:
        """The middle of the newest lags; zero before any."""
        counted = min(LAGS_COUNTED, self.fresh_lags)
        return median_high(self.lags_ns[-counted:]) if counted else 0
