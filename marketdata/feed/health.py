"""The health of a feed: its counters, and the incidents that readers of its figures should know."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from marketdata.feed.clock_health import ClockHealth
from marketdata.feed.incidents import Incidents
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

CONNECTIONS_LIMIT = 120  # attempts in ``CONNECTIONS_WINDOW_S``: Kraken bans who makes more than about 150
CONNECTIONS_WINDOW_S = 600
_RATE_WINDOW_S = 5
_COUNTERS = (
    *("messages", "checksums_verified", "checksum_failures", "books_crossed", "resyncs", "trades", "trade_gaps"),
    *("late_trades", "reconnects", "refusals", "bad_frames"),
)

_log = logging.getLogger("feed")


@dataclass(slots=True)
class _Seen:
    """What was last received of one symbol."""

    book_ns: int | None = None
    trade_ns: int | None = None
    last: Decimal | None = None  # quote per base: its ticks would be others after a change of decimals
    resyncs: int = 0
    gaps: int = 0


@dataclass(slots=True)
class FeedHealth:
    """Counters since the feed started; shown every event, it keeps what matters."""

    started_ns: int
    named: tuple[str, ...] = ()  # the pairs to be received
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
    system: str = ""
    is_behind: bool = False  # messages arrive too late to be traded on
    lag: LagWindow = field(default_factory=LagWindow)
    clock: ClockHealth = field(default_factory=ClockHealth)
    noted: Counter[FeedEventKind] = field(default_factory=Counter)  # those left out, too
    incidents: Incidents = field(default_factory=Incidents)
    _uptime: Uptime = field(default_factory=Uptime)
    _channels: dict[str, int] = field(default_factory=dict)  # -> time of its last message; books and trades: per symbol
    _symbols: dict[str, _Seen] = field(default_factory=dict)
    _refused: dict[str, str] = field(default_factory=dict)  # why the exchange does not send a pair's book
    _instruments: dict[str, Instrument] = field(default_factory=dict)
    _recent: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_RATE_WINDOW_S + 1))

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

    def without_data(self) -> dict[str, str]:
        """Return the pairs that were named and of which no book has ever come, with the reason."""
        return {
            symbol: self._refused.get(symbol, "no book has been received yet")
            for symbol in self.named
            if (seen := self._symbols.get(symbol)) is None or seen.book_ns is None
        }

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
        instrument = self._instruments.get(seen_trade.trade.symbol)
        if instrument is not None and (not seen_trade.is_late or seen.last is None):
            seen.trade_ns, seen.last = now_ns, instrument.price(seen_trade.trade.ticks)

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
                if channel in ("instrument", "book") and symbol in self.named:
                    self._refused[symbol] = error
                self.refusals += 1
                self.note(now_ns, FeedEventKind.REFUSED, symbol, f"{channel}: {error}")
            case RequestRefused(error=error):
                self.refusals += 1
                self.note(now_ns, FeedEventKind.REFUSED, "", error)
            case BadFrame(reason=reason, excerpt=excerpt, symbol=symbol):
                self.bad_frames += 1
                detail = f"{reason}: {excerpt}" if excerpt else reason
                self.note(now_ns, FeedEventKind.BAD_FRAME, symbol, detail, reason)
            case _:
                pass  # granted subscriptions are as they should be

    def note(self, time_ns: int, kind: str, symbol: str, detail: str, cause: str = "") -> None:
        """Count an incident; ``cause`` is what its detail says each time it recurs, where that is not all of it.

        Raises:
            ValueError: the kind is none of `FeedEventKind`.
        """
        known = FeedEventKind(kind)
        self.noted[known] += 1
        self.incidents.note(time_ns, known, symbol, detail, cause)

    def hand_over(self) -> list[Incident]:
        """Return the incidents that are new or have recurred since the last time."""
        return self.incidents.hand_over()

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
            "incidents_left_out": self.incidents.left_out,
            "gaps": self.noted[FeedEventKind.GAP],
            "repairs": self.noted[FeedEventKind.REPAIR],
            "event_counts": {kind.value: self.noted[kind] for kind in FeedEventKind},
            "channels": channels,
            "without_data": self.without_data(),
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
        touch = (top.bids[0].ticks if top and top.bids else None, top.asks[0].ticks if top and top.asks else None)
        bid, ask = (None if ticks is None or instrument is None else f"{instrument.price(ticks):f}" for ticks in touch)
        last = None if seen.last is None else f"{seen.last:f}"
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
