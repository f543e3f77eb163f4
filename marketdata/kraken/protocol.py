"""Kraken's public WebSocket v2 without the socket: bytes in, events out, bytes to send.

One object per connection; a new connection remembers nothing but the newest trade ids.
There is no clock: the time of receipt is passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from marketdata.kraken import candles, prints, wire
from marketdata.kraken.books import Books
from marketdata.kraken.events import (
    BadFrame,
    ConnectionQuiet,
    Heartbeat,
    HistoryReceived,
    InstrumentsChanged,
    MarketEvent,
    RequestRefused,
    StatusChanged,
    Subscribed,
    SubscriptionRefused,
    SubscriptionSilent,
    TickerSeen,
)
from marketdata.kraken.exchange_clock import ExchangeClock
from marketdata.kraken.listings import read_pairs
from marketdata.kraken.liveness import Liveness
from marketdata.kraken.protocol_memory import ProtocolMemory
from marketdata.kraken.punctuality import Punctuality
from marketdata.kraken.refusals import Refusals
from marketdata.kraken.requests import MAX_TRIES, Request, Requests
from marketdata.kraken.symbols import tokenised_too, unlisted
from marketdata.kraken.tape import Tape
from trading.book import OrderBook
from trading.frames import FRAME_DEPTH, NS_PER_S, Trade
from trading.instruments import Instrument, InstrumentStatus
from trading.recount import decimals_of

_BOOK_PREFIX = b'{"channel":"book"'
_HEARTBEAT = b'{"channel":"heartbeat"}'
RECONNECTS_AFTER_NS = 10 * NS_PER_S  # of sleep: what waits in the socket is too old, and a new connection quicker
PING_AGAIN_NS = 2 * NS_PER_S  # while the exchange's times do not fit our clock
REPAIR = "repair"  # the type of a trade message of ours: prints from REST
SNAPSHOT, UPDATE = "snapshot", "update"
_ALREADY = "Already subscribed"  # the answer to a repeated request: it was granted before

_Receive = Callable[[bytes, int], list[MarketEvent]]


class KrakenProtocol:
    """One connection to Kraken about ``symbols``.

    ``tape`` is shared between the connections of one feed: a print is an event once, however often a snapshot repeats
    it. Where ``can_ask_again`` is false, as on a recording, only the first subscriptions are requested.
    """

    def __init__(
        self,
        symbols: Iterable[str],
        *,
        depth: int = FRAME_DEPTH,
        tape: Tape | None = None,
        can_ask_again: bool = True,
        time_ns: int = 0,
    ) -> None:
        self.symbols = tuple(symbols)
        self.instruments: dict[str, Instrument] = {}
        self.tape = Tape() if tape is None else tape
        self._can_ask_again = can_ask_again
        self._subscribed: set[str] = set()
        self._gave_up = ""  # why
        self._liveness = Liveness(time_ns, time_ns, time_ns)
        self._requests = Requests()
        self._times_of = Punctuality(self._liveness, ExchangeClock())
        self._refusals = Refusals()
        self._pinged_ns = time_ns
        self._books = Books(self.instruments, self._requests, depth=depth, can_ask_again=can_ask_again)
        self._share_liveness()
        self._channels: dict[str, _Receive] = {
            "book": self._receive_book,
            "trade": self._receive_trades,
            "ticker": self._receive_ticker,
            "status": self._receive_status,
            "instrument": self._receive_instruments,
            "ohlc": self._receive_candles,
            "heartbeat": self._receive_heartbeat,
        }
        self._requests.subscribe("instrument", (), time_ns, **tokenised_too(self.symbols), snapshot=True)

    @property
    def books(self) -> Mapping[str, OrderBook]:
        """The verified books by symbol; a lost one is absent."""
        return self._books.verified

    @property
    def reconnect_reason(self) -> str:
        """Why the connection should be given up, empty while it should not."""
        return self._gave_up

    @property
    def received_ns(self) -> int:
        """When the last message of use came."""
        return self._liveness.received_ns

    def outgoing(self) -> list[bytes]:
        """Return what is to be sent now, oldest first; each message is returned once."""
        return self._requests.drain()

    def memory(self) -> ProtocolMemory:
        """Return what is known now; it is lent, to be encoded at once."""
        return ProtocolMemory(
            self.instruments,
            self._subscribed,
            self._gave_up,
            self._liveness,
            self._requests.memory(),
            self._books.memory(),
            self._times_of.clock,
            self._refusals,
            self._pinged_ns,
        )

    def remember(self, memory: ProtocolMemory) -> None:
        """Go on with a connection of another."""
        self.instruments.update(memory.instruments)
        self._subscribed, self._gave_up = memory.subscribed, memory.gave_up
        self._requests.remember(memory.requests)
        self._books.remember(memory.books)
        self._liveness, self._refusals = memory.liveness, memory.refusals
        self._times_of = Punctuality(memory.liveness, memory.clock)
        self._pinged_ns = memory.pinged_ns
        self._share_liveness()

    def _share_liveness(self) -> None:
        self._books.received_ns = self._liveness.books_ns
        self._books.was_right = self._liveness.was_right

    def ping(self) -> None:
        """Queue an application-level ping."""
        self._requests.ping(max(self._liveness.received_ns, self._liveness.checked_ns))

    def slept(self, time_ns: int, for_ns: int) -> list[MarketEvent]:
        """Verify every book afresh after ``for_ns`` in which this process stood still; after long, reconnect."""
        self._times_of.clock.forget()
        self._liveness.slept(time_ns)
        if for_ns > RECONNECTS_AFTER_NS:
            self._gave_up = self._gave_up or f"this process stood still for {for_ns / NS_PER_S:.1f} s"
            return []
        return self._books.verify_afresh(time_ns) if self._can_ask_again else []

    def check(self, *, time_ns: int) -> list[MarketEvent]:
        """Repeat requests that are overdue, and check what has fallen silent; to be called about once a second."""
        if not self._can_ask_again:
            return []
        events: list[MarketEvent] = []
        for request in self._requests.repeat_overdue(time_ns):
            events += self._give_up_request(request, time_ns)
        self._gave_up = self._gave_up or self._liveness.broken_reason(time_ns)
        if self._liveness.quiet_changed(time_ns):
            events.append(ConnectionQuiet(self._liveness.is_quiet))
        for channel, symbol in self._liveness.silent_subscriptions(time_ns):
            events += self._resubscribe(channel, symbol, time_ns)
        for channel, symbols in self._refusals.due(time_ns):
            self._subscribe_channel(channel, symbols, time_ns)
        return events + self._books.check(time_ns) + self._times(time_ns)

    def _give_up_request(self, request: Request, time_ns: int) -> list[MarketEvent]:
        """Request what was never answered again later; where that is all there is, give up the connection."""
        reason = f"{request.method} of {request.channel} was requested {MAX_TRIES} times and never answered"
        if request.symbols >= set(self.symbols) or request.channel == "instrument":
            self._gave_up = reason
        if request.method == "subscribe":
            for symbol in request.symbols:
                self._refused(request.channel, symbol, time_ns)
        return [SubscriptionRefused(request.channel, symbol, reason) for symbol in sorted(request.symbols)]

    def _refused(self, channel: str, symbol: str, time_ns: int) -> None:
        if channel == "book":
            self._books.refused(symbol, time_ns)
        elif symbol in self.instruments and channel in ("trade", "ticker"):
            self._refusals.refused(channel, symbol, time_ns)

    def _resubscribe(self, channel: str, symbol: str, time_ns: int) -> list[MarketEvent]:
        """Subscribe again to what was granted and is silent."""
        if channel == "book":
            reason = "trades came, and the book did not move"
            return self._books.lose(symbol, "silent", reason, time_ns) if symbol in self.books else []
        self._requests.unsubscribe("trade", [symbol], time_ns)
        self._requests.subscribe("trade", [symbol], time_ns, snapshot=True)
        return [SubscriptionSilent("trade", symbol, "other channels show trades that it does not")]

    def _times(self, time_ns: int) -> list[MarketEvent]:
        """Compare the exchange's times with ours; where they do not fit, a ping brings its clock's."""
        stamps, self._books.stamps = self._books.stamps, {}
        events = self._times_of.measure(stamps, self._books.received_ns)
        if self._times_of.is_in_doubt and self.instruments and time_ns - self._pinged_ns >= PING_AGAIN_NS:
            self._pinged_ns = time_ns
            self.ping()
        return events

    def receive(self, frame: bytes, *, time_ns: int) -> list[MarketEvent]:
        """Return the events that one text frame carries, in order. No bytes make it raise."""
        received_ns, self._liveness.received_ns = self._liveness.received_ns, time_ns
        try:
            # Nearly all traffic is books: recognised by their first bytes, they are decoded once.
            if frame.startswith(_BOOK_PREFIX):
                return self._books.receive(wire.book_decoder.decode(frame), time_ns)
            if frame == _HEARTBEAT:
                return self._receive_heartbeat(frame, time_ns)
            return self._receive_other(frame, time_ns)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            self._liveness.received_ns = received_ns  # nothing of use came
            return self._leave_out(frame, str(error), time_ns)

    def _leave_out(self, frame: bytes, error: str, time_ns: int) -> list[MarketEvent]:
        """Name a message that cannot be read; one about books may have changed them."""
        symbols = [symbol for symbol in wire.symbols_named(frame) if symbol in self.instruments]
        reason = prints.printable(error)
        events: list[MarketEvent] = [BadFrame(reason, prints.excerpt_of(frame), symbols[0] if symbols else "")]
        if b'"book"' in frame[:200]:
            events += self._books.unreadable(symbols, f"a message could not be read: {reason}", time_ns)
        return events

    def _receive_other(self, frame: bytes, time_ns: int) -> list[MarketEvent]:
        envelope = wire.envelope_decoder.decode(frame)
        if envelope.capital_error:
            return [RequestRefused(envelope.capital_error)]
        if envelope.method:
            return self._receive_answer(envelope, time_ns)
        receive = self._channels.get(envelope.channel)
        if receive is None:
            raise ValueError(f"channel is {envelope.channel!r}; expected one of {', '.join(self._channels)}")
        return receive(frame, time_ns)

    def _receive_answer(self, envelope: wire.Envelope, time_ns: int) -> list[MarketEvent]:
        if envelope.method in ("pong", "ping"):
            self._times_of.answered(envelope, self._requests.pinged_ns(envelope.req_id), time_ns)
            return []
        result = envelope.result or wire.AckResult()
        symbol = result.symbol or envelope.symbol
        was_sent = self._requests.was_sent(envelope.req_id)
        self._times_of.answered(envelope, self._requests.sent_ns(envelope.req_id), time_ns)
        request = self._requests.settle(envelope.method, envelope.req_id, symbol)
        channel = result.channel or (request.channel if request is not None else "")
        is_refused = envelope.success is False and envelope.error != _ALREADY
        if envelope.method == "subscribe" and is_refused and (symbol or channel):
            self._refused(channel, symbol, time_ns)
            return [SubscriptionRefused(channel, symbol, envelope.error)]
        if is_refused or envelope.method not in ("subscribe", "unsubscribe"):
            return [RequestRefused(envelope.error or f"answer to method {envelope.method!r}, which was not requested")]
        if envelope.method == "unsubscribe":
            # Our own request to end one precedes a new one; a foreign one leaves the book frozen.
            return self._books.ended(symbol, time_ns) if channel == "book" and request is None else []
        if request is None and self._can_ask_again:
            # One that was repeated may be answered twice.
            text = f"answer about {channel or 'no channel'} {symbol}".rstrip()
            return [] if was_sent else [BadFrame(f"{text}, which was not requested", "")]
        return self._granted(channel, symbol, result.depth, time_ns)

    def _granted(self, channel: str, symbol: str, depth: int | None, time_ns: int) -> list[MarketEvent]:
        self._refusals.granted(channel, symbol)
        if channel == "book" and (contradiction := self._books.granted(symbol, depth)):
            self._refused(channel, symbol, time_ns)
            return [SubscriptionRefused(channel, symbol, contradiction)]
        return [Subscribed(channel, symbol)]

    def _receive_book(self, frame: bytes, time_ns: int) -> list[MarketEvent]:
        return self._books.receive(wire.book_decoder.decode(frame), time_ns)

    def _receive_heartbeat(self, _frame: bytes, time_ns: int) -> list[MarketEvent]:
        self._liveness.heartbeat(time_ns)
        return [Heartbeat()]

    def _receive_ticker(self, frame: bytes, time_ns: int) -> list[MarketEvent]:
        message = wire.ticker_decoder.decode(frame)
        known = [ticker.symbol for ticker in message.data if ticker.symbol in self.instruments]
        if message.type == UPDATE:
            for symbol in known:
                self._liveness.ticked(symbol, time_ns)
        strangers: list[MarketEvent] = [
            BadFrame(f"ticker of {prints.printable(ticker.symbol[:40])!r}, which was not requested", "")
            for ticker in message.data
            if ticker.symbol not in self.instruments
        ]
        return [*strangers, *(TickerSeen(symbol) for symbol in known)]

    def _receive_candles(self, frame: bytes, _time_ns: int) -> list[MarketEvent]:
        """Read a snapshot, which holds the past; our own candles are better than updates."""
        message = wire.candle_decoder.decode(frame)
        if message.type != "snapshot":
            return []
        return [HistoryReceived(history) for history in candles.histories(message.data, self.instruments)]

    def _receive_status(self, frame: bytes, _time_ns: int) -> list[MarketEvent]:
        return [StatusChanged(status.system) for status in wire.status_decoder.decode(frame).data]

    def _receive_trades(self, frame: bytes, time_ns: int) -> list[MarketEvent]:
        """Read prints; those of a snapshot, or found by REST (`repair`), are late."""
        message = wire.trade_decoder.decode(frame)
        if message.type not in (SNAPSHOT, UPDATE, REPAIR):
            raise ValueError(f"trade message is of type {message.type!r}; expected snapshot or update")
        now_ns = self._times_of.exchange_ns(time_ns)
        trades, refused = prints.read_trades(message, self.instruments, now_ns)
        if refused and now_ns is not None and (books_ns := self._times_of.books_ns(self._books.stamps)) > now_ns:
            # Clocks move, too: the books' majority says that it is later than we know.
            trades, refused = prints.read_trades(message, self.instruments, books_ns)
        events = list(refused)
        if message.type == UPDATE:
            for symbol in {trade.symbol for trade in trades}:
                self._liveness.traded(symbol, time_ns)
        elif message.type == REPAIR:
            events += self._found_elsewhere(trades, time_ns)
        else:
            self.tape.begin(trades)
        is_late, is_confirmed = message.type != UPDATE, message.type == REPAIR
        for trade in trades:
            events += self.tape.take(trade, is_late=is_late, is_confirmed=is_confirmed)
        return events

    def _found_elsewhere(self, trades: list[Trade], time_ns: int) -> list[MarketEvent]:
        """Subscribe again to a symbol whose newest prints REST had first; its book has not shown them either."""
        known = {symbol: newest.trade_id for symbol, newest in self.tape.newest.items()}
        doubted = {one.trade_id for prints_ in self.tape.doubts.values() for one in prints_}
        silent = sorted(
            {
                trade.symbol
                for trade in trades
                if trade.trade_id > known.get(trade.symbol, trade.trade_id) and trade.trade_id not in doubted
            }
        )
        events: list[MarketEvent] = []
        for symbol in silent:
            events += self._resubscribe("trade", symbol, time_ns)
            made_ns = max(trade.time_ns for trade in trades if trade.symbol == symbol)
            if self._liveness.books_ns.get(symbol, time_ns) < made_ns - NS_PER_S - (self._times_of.clock.ahead_ns or 0):
                events += self._resubscribe("book", symbol, time_ns)
        return events

    def _receive_instruments(self, frame: bytes, time_ns: int) -> list[MarketEvent]:
        message = wire.instrument_decoder.decode(frame)
        if message.type == "snapshot":
            self._liveness.unlisted_since_ns = None
        pairs, listed, events = read_pairs(message, self.symbols)
        changed: list[Instrument] = []
        for instrument in pairs:
            known = self.instruments.get(instrument.symbol)
            self.instruments[instrument.symbol] = instrument
            changed += [instrument] * (instrument != known)
            if known is not None and decimals_of(known) != decimals_of(instrument):
                events += self._books.lose(known.symbol, "number", "the instrument's precision changed", time_ns)
            elif known is not None and self._can_ask_again and _is_listed_again(known, instrument):
                events += self._subscribe_anew(known.symbol, time_ns)
        if changed:
            events.insert(0, InstrumentsChanged(tuple(changed)))
        return events + self._subscribe_known(time_ns, listed if message.type == "snapshot" else None)

    def _subscribe_anew(self, symbol: str, time_ns: int) -> list[MarketEvent]:
        """Request again what was refused, or fell silent, while the pair was delisted."""
        self._subscribe_trades([symbol], time_ns)
        return self._books.lose(symbol, "unsubscribed", "the pair was delisted and is listed again", time_ns)

    def _subscribe_trades(self, symbols: list[str], time_ns: int) -> None:
        self._subscribe_channel("trade", symbols, time_ns)
        self._subscribe_channel("ticker", symbols, time_ns)

    def _subscribe_channel(self, channel: str, symbols: list[str], time_ns: int) -> None:
        trigger = {"event_trigger": "trades"} if channel == "ticker" else {}
        self._requests.subscribe(channel, symbols, time_ns, **trigger, snapshot=True)

    def _subscribe_known(self, time_ns: int, listed: list[str] | None) -> list[MarketEvent]:
        """Subscribe to what is new; ``listed`` are all pairs of the exchange, None where not all were sent."""
        fresh = [s for s in self.symbols if s in self.instruments and s not in self._subscribed]
        if fresh:
            self._subscribed.update(fresh)
            self._books.subscribe(fresh, time_ns)
            self._subscribe_trades(fresh, time_ns)
        unknown = [s for s in self.symbols if s not in self.instruments and listed is not None]
        return [SubscriptionRefused("instrument", s, prints.printable(unlisted(s, listed or []))) for s in unknown]


def _is_listed_again(known: Instrument, instrument: Instrument) -> bool:
    return known.status == InstrumentStatus.DELISTED and instrument.status != InstrumentStatus.DELISTED
