"""The health of a feed: its counters, and the incidents that readers of its figures should know."""

from __future__ import annotations

import logging
import re
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from marketdata.feed.clock_health import ClockHealth
from marketdata.feed.lag import LagWindow
from marketdata.feed.uptime import Uptime
from marketdata.feed_events import FeedEventKind, Incident
from marketdata.kraken.events import (
    BadFrame,
    BookChanged,
    BookLost,
    BookRequested,
    ClockMeasured,
    Heartbeat,
    HistoryReceived,
    InstrumentsChanged,
    LagMeasured,
    MarketEvent,
    RequestRefused,
    StatusChanged,
    SubscriptionRefused,
    SubscriptionSilent,
    TickerSeen,
    TradeSeen,
    TradesLost,
    TradesMissed,
    TradesRenumbered,
    TradesRepaired,
)
from trading.book import OrderBook
from trading.frames import NS_PER_S, STALE, utc
from trading.instruments import Instrument

INCIDENTS_PER_SECOND = 20  # more say nothing new, and would fill the database
CONNECTIONS_LIMIT = 120  # attempts in ``CONNECTIONS_WINDOW_S``: Kraken bans who makes more than about 150
CONNECTIONS_WINDOW_S = 600
_RATE_WINDOW_S = 5
CAUSES_KEPT = 500  # of messages left out; more are counted together
FORGOTTEN_AFTER_NS = 3_600 * NS_PER_S  # without a message of it a cause is new again, where others need the room
REPEATED_EVERY_NS = 60 * NS_PER_S  # so often the count of a cause that goes on is an incident
_COUNTERS = (
    *("messages", "checksums_verified", "checksum_failures", "books_crossed", "resyncs", "trades", "trade_gaps"),
    *("late_trades", "reconnects", "refusals", "bad_frames", "incidents_left_out"),
)


_DIGITS = re.compile(r"\d+")
_CAUSE_LENGTH = 120

_log = logging.getLogger("feed")


@dataclass(slots=True)
class _Seen:
    """What was last received of one symbol."""

    book_ns: int | None = None
    trade_ns: int | None = None
    last_ticks: int | None = None
    resyncs: int = 0
    gaps: int = 0


@dataclass(slots=True)
class _Cause:
    """One cause of messages that are left out again and again."""

    noted_ns: int
    repeated: int = 0  # since then


@dataclass(slots=True)
class FeedHealth:
    """Counters since the feed started; shown every event, it keeps what matters."""

    started_ns: int
    connected: bool = False
    finished: bool = False
    messages: int = 0
    checksums_verified: int = 0
    checksum_failures: int = 0
    books_crossed: int = 0
    resyncs: int = 0
    trades: int = 0
    trade_gaps: int = 0
    late_trades: int = 0
    reconnects: int = 0
    refusals: int = 0
    bad_frames: int = 0
    incidents_left_out: int = 0
    system: str = ""
    is_behind: bool = False  # messages arrive too late to be traded on
    lag: LagWindow = field(default_factory=LagWindow)
    clock: ClockHealth = field(default_factory=ClockHealth)
    noted: Counter[FeedEventKind] = field(default_factory=Counter)  # those left out, too
    incidents: list[Incident] = field(default_factory=list)  # not yet handed over
    _uptime: Uptime = field(default_factory=Uptime)
    _channels: dict[str, int] = field(default_factory=dict)  # -> time of its last message; books and trades: per symbol
    _symbols: dict[str, _Seen] = field(default_factory=dict)
    _instruments: dict[str, Instrument] = field(default_factory=dict)
    _recent: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_RATE_WINDOW_S + 1))
    _causes: dict[tuple[str, str, str], _Cause] = field(default_factory=dict)  # kind, symbol, cause
    _second: int = 0  # of the market's clock
    _incidents_this_second: int = 0

    def observe(self, events: list[MarketEvent], time_ns: int | None) -> None:
        """Count events."""
        now_ns = self.started_ns if time_ns is None else time_ns
        for event in events:
            # Nearly all events are these: checked first.
            if type(event) is BookChanged:
                self.checksums_verified += 1
                seen = self._symbols.get(event.symbol) or self._seen(event.symbol)
                seen.book_ns = now_ns
            else:
                self._count(event, now_ns)

    def _seen(self, symbol: str) -> _Seen:
        seen = self._symbols.get(symbol)
        if seen is None:
            seen = self._symbols[symbol] = _Seen()
        return seen

    def _count(self, event: MarketEvent, now_ns: int) -> None:
        match event:
            case TradeSeen():
                self._see_trade(event, now_ns)
            case TickerSeen():
                self._channels["ticker"] = now_ns
            case Heartbeat():
                self._channels["heartbeat"] = now_ns
            case LagMeasured():
                self._see_lag(event, now_ns)
            case ClockMeasured(ahead_ns=ahead_ns):
                if (change := self.clock.measure(ahead_ns, now_ns)) is not None:
                    _log.warning(change)
                    self.note(now_ns, FeedEventKind.CLOCK, "", change)
            case StatusChanged(system=system):
                self._channels["status"] = now_ns
                if self.system and system != self.system:
                    self.note(now_ns, FeedEventKind.STATUS, "", f"the exchange is {system}; it was {self.system}")
                self.system = system
            case InstrumentsChanged(instruments=instruments):
                self._channels["instrument"] = now_ns
                for instrument in instruments:
                    self._list(instrument, now_ns)
            case HistoryReceived():
                self._channels["ohlc"] = now_ns
            case _:
                self._count_error(event, now_ns)

    def _see_trade(self, seen_trade: TradeSeen, now_ns: int) -> None:
        self.trades += 1
        self.late_trades += seen_trade.is_late
        seen = self._seen(seen_trade.trade.symbol)
        if not seen_trade.is_late or seen.last_ticks is None:
            seen.trade_ns, seen.last_ticks = now_ns, seen_trade.trade.ticks

    def _see_lag(self, lag: LagMeasured, now_ns: int) -> None:
        if (change := self.lag.measure(lag.lag_ns, now_ns)) is not None:
            self.note(now_ns, FeedEventKind.LAG, "", change)
        if lag.is_behind != self.is_behind:
            self.is_behind = lag.is_behind
            what = "so late that nothing is traded on them" if lag.is_behind else "in time again"
            self.note(now_ns, FeedEventKind.STALE, "", f"messages arrive {what}")

    def _list(self, instrument: Instrument, now_ns: int) -> None:
        symbol, known = instrument.symbol, self._instruments.get(instrument.symbol)
        if known is not None and known.status != instrument.status:
            detail = f"the instrument is {instrument.status}; it was {known.status}"
            self.note(now_ns, FeedEventKind.STATUS, symbol, detail)
        self._instruments[symbol] = instrument
        self._seen(symbol)

    def _count_error(self, event: MarketEvent, now_ns: int) -> None:
        match event:
            case BookLost(symbol=symbol, kind=kind, reason=reason):
                self.checksum_failures += kind == "checksum"
                self.books_crossed += kind == "crossed"
                self.note(now_ns, FeedEventKind.RESYNC, symbol, f"{kind}: {reason}")
            case BookRequested(symbol=symbol):
                self.resyncs += 1
                self._seen(symbol).resyncs += 1
            case TradesMissed(symbol=symbol, first_id=first_id, last_id=last_id):
                self.trade_gaps += 1
                self._seen(symbol).gaps += 1
                self.note(now_ns, FeedEventKind.GAP, symbol, _missed(first_id, last_id))
            case TradesRepaired(symbol=symbol):
                self.note(now_ns, FeedEventKind.REPAIR, symbol, "every missed trade has been received")
            case TradesLost(symbol=symbol, first_id=first_id, last_id=last_id, reason=reason):
                detail = f"ids {first_id} to {last_id} stay unknown: {reason}"
                self.note(now_ns, FeedEventKind.GAP, symbol, detail)
            case SubscriptionSilent(channel=channel, symbol=symbol, reason=reason):
                self.note(now_ns, FeedEventKind.STALE, symbol, f"{channel}: {reason}; requested again")
            case TradesRenumbered(symbol=symbol, after_id=after_id, first_id=first_id):
                detail = f"the exchange numbers trades anew: {first_id} came after {after_id}"
                self.note(now_ns, FeedEventKind.GAP, symbol, detail)
            case SubscriptionRefused(channel=channel, symbol=symbol, error=error):
                self.refusals += 1
                self._note_cause(now_ns, FeedEventKind.REFUSED, symbol, f"{channel}: {error}")
            case RequestRefused(error=error):
                self.refusals += 1
                self._note_cause(now_ns, FeedEventKind.REFUSED, "", error)
            case BadFrame(reason=reason, excerpt=excerpt, symbol=symbol):
                self.bad_frames += 1
                self._note_cause(now_ns, FeedEventKind.BAD_FRAME, symbol, reason, excerpt)
            case _:
                pass  # granted subscriptions are as they should be

    def _note_cause(self, now_ns: int, kind: FeedEventKind, symbol: str, reason: str, excerpt: str = "") -> None:
        """Note a cause when it first shows, and how often it came since once a minute: not every message of it."""
        key = (kind.value, symbol, _DIGITS.sub("#", reason)[:_CAUSE_LENGTH])
        cause = self._causes.get(key)
        if cause is None and len(self._causes) >= CAUSES_KEPT:
            self._causes = {
                k: known for k, known in self._causes.items() if now_ns - known.noted_ns < FORGOTTEN_AFTER_NS
            }
        if cause is None and len(self._causes) >= CAUSES_KEPT:
            key = (kind.value, "", "of too many other causes")
            reason, excerpt, symbol, cause = key[2], "", "", self._causes.get(key)
        if cause is None:
            self._causes[key] = _Cause(now_ns)
            self.note(now_ns, kind, symbol, f"{reason}: {excerpt}" if excerpt else reason)
            return
        cause.repeated += 1
        self.noted[kind] += 1
        if now_ns - cause.noted_ns >= REPEATED_EVERY_NS:
            self.noted[kind] -= 1
            self.note(now_ns, kind, symbol, f"{cause.repeated} times more since it was noted last: {reason}")
            cause.noted_ns, cause.repeated = now_ns, 0

    def note(self, time_ns: int, kind: str, symbol: str, detail: str) -> None:
        """Count an incident, and keep it unless this second already has enough of them.

        Raises:
            ValueError: the kind is none of `FeedEventKind`.
        """
        known = FeedEventKind(kind)
        self.noted[known] += 1
        second = time_ns // NS_PER_S
        if second != self._second:
            self._second, self._incidents_this_second = second, 0
        if self._incidents_this_second >= INCIDENTS_PER_SECOND:
            self.incidents_left_out += 1
            return
        self._incidents_this_second += 1
        self.incidents.append(Incident(time_ns, known, symbol, detail))

    def hand_over(self) -> list[Incident]:
        """Return the incidents noted since the last time."""
        incidents, self.incidents = self.incidents, []
        return incidents

    def report(self, now_ns: int | None, books: Mapping[str, OrderBook], steady_s: float) -> dict[str, Any]:
        """Return the figures as JSON can hold them; ages are in market time, ``steady_s`` any steady clock."""
        now_ns = self.started_ns if now_ns is None else now_ns
        self._uptime.show(steady_s, self.reconnects if self.connected else None)
        channels = self._channel_ages(now_ns)
        return {
            "connected": self.connected,
            "finished": self.finished,
            "started_at": utc(self.started_ns).isoformat(),
            **self._uptime.report(),
            "market_time": utc(now_ns).isoformat(),
            "system": self.system or None,
            "messages_per_s": self._messages_per_s(steady_s),
            "lag_ms": self.lag.report(now_ns),
            "clock": self.clock.report(),
            "heartbeat_age_s": channels.get("heartbeat"),
            **{name: getattr(self, name) for name in _COUNTERS},
            "gaps": self.noted[FeedEventKind.GAP],
            "repairs": self.noted[FeedEventKind.REPAIR],
            "event_counts": {kind.value: self.noted[kind] for kind in FeedEventKind},
            "channels": channels,
            "symbols": {symbol: self._quote(symbol, now_ns, books) for symbol in self._symbols},
        }

    def _messages_per_s(self, steady_s: float) -> float:
        self._recent.append((steady_s, self.messages))
        (from_s, before), (to_s, after) = self._recent[0], self._recent[-1]
        return round((after - before) / (to_s - from_s), 1) if to_s > from_s else 0.0

    def _channel_ages(self, now_ns: int) -> dict[str, float | None]:
        books = [seen.book_ns for seen in self._symbols.values() if seen.book_ns is not None]
        trades = [seen.trade_ns for seen in self._symbols.values() if seen.trade_ns is not None]
        newest = {"book": max(books, default=None), "trade": max(trades, default=None), **self._channels}
        return {channel: _age_s(then_ns, now_ns) for channel, then_ns in newest.items()}

    def _quote(self, symbol: str, now_ns: int, books: Mapping[str, OrderBook]) -> dict[str, Any]:
        seen, instrument, book = self._symbols[symbol], self._instruments.get(symbol), books.get(symbol)
        top = book.top(1) if book is not None else None
        prices = (
            top.bids[0].ticks if top and top.bids else None,
            top.asks[0].ticks if top and top.asks else None,
            seen.last_ticks,
        )
        bid, ask, last = (
            None if ticks is None or instrument is None else str(instrument.price(ticks)) for ticks in prices
        )
        return {
            "status": instrument.status if instrument is not None and book is not None else STALE,
            "bid": bid,
            "ask": ask,
            "last": last,
            "book_age_s": _age_s(seen.book_ns, now_ns),
            "trade_age_s": _age_s(seen.trade_ns, now_ns),
            "resyncs": seen.resyncs,
            "gaps": seen.gaps,
        }


def _missed(first_id: int, last_id: int) -> str:
    if first_id == last_id:
        return f"1 trade was missed: id {first_id}"
    return f"{last_id - first_id + 1} trades were missed: ids {first_id} to {last_id}"


def _age_s(then_ns: int | None, now_ns: int) -> float | None:
    return None if then_ns is None else max(0.0, round((now_ns - then_ns) / NS_PER_S, 3))


def connection_budget(state: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return how many of the allowed attempts to connect a feed's state says are used; None: not known."""
    used = (state or {}).get("connections")
    return {"used": used, "limit": CONNECTIONS_LIMIT, "window_s": CONNECTIONS_WINDOW_S}
