"""Kraken's public WebSocket v2 without the socket: bytes in, events out, bytes to send.

One object per connection; a new connection remembers nothing but the newest trade ids.
There is no clock: the time of receipt is passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from marketdata.kraken import candles, wire
from marketdata.kraken.books import Books, BooksMemory
from marketdata.kraken.events import (
    BadFrame,
    Heartbeat,
    HistoryReceived,
    InstrumentsChanged,
    LagMeasured,
    MarketEvent,
    RequestRefused,
    StatusChanged,
    Subscribed,
    SubscriptionRefused,
    SubscriptionSilent,
    TickerSeen,
)
from marketdata.kraken.liveness import Liveness
from marketdata.kraken.requests import MAX_TRIES, Requests, RequestsMemory
from marketdata.kraken.tape import Tape
from trading.book import OrderBook, Side
from trading.frames import FRAME_DEPTH, Trade
from trading.instruments import Instrument, InstrumentStatus

_BOOK_PREFIX = b'{"channel":"book"'
_HEARTBEAT = b'{"channel":"heartbeat"}'
_EXCERPT_LENGTH = 120
_SIDES = {"buy": Side.BUY, "sell": Side.SELL}
REPAIR = "repair"  # the type of a trade message of ours: prints from REST
_ALREADY = "Already subscribed"  # the answer to a repeated request: it was granted before

_Receive = Callable[[bytes, int], list[MarketEvent]]


class ProtocolMemory(msgspec.Struct):
    """All that is known of one connection, but for the tape, which outlives it."""

    instruments: dict[str, Instrument]
    subscribed: set[str]
    gave_up: str
    liveness: Liveness
    requests: RequestsMemory
    books: BooksMemory


class KrakenProtocol:
    """One connection to Kraken about ``symbols``.

    ``tape`` is shared between the connections of one feed: a print is an event
    once, however often a snapshot repeats it. Where ``can_ask_again`` is false, as on a
    recording, nothing is requested after the first subscriptions: no answer could come.
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
        self._books = Books(self.instruments, self._requests, depth=depth, can_ask_again=can_ask_again)
        self._books.received_ns = self._liveness.books_ns
        self._channels: dict[str, _Receive] = {
            "book": self._receive_book,
            "trade": self._receive_trades,
            "ticker": self._receive_ticker,
            "status": self._receive_status,
            "instrument": self._receive_instruments,
            "ohlc": self._receive_candles,
            "heartbeat": self._receive_heartbeat,
        }
        self._requests.subscribe("instrument", (), time_ns, snapshot=True)

    @property
    def books(self) -> Mapping[str, OrderBook]:
        """The verified books by symbol; a lost one is absent."""
        return self._books.verified

    @property
    def reconnect_reason(self) -> str:
        """Why the connection should be given up, empty while it should not."""
        if self._gave_up:
            return self._gave_up
        return "requesting lost books again did not help" if self._books.wants_reconnect else ""

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
        )

    def remember(self, memory: ProtocolMemory) -> None:
        """Go on with a connection of another."""
        self.instruments.update(memory.instruments)
        self._subscribed, self._gave_up = memory.subscribed, memory.gave_up
        self._requests.remember(memory.requests)
        self._books.remember(memory.books)
        self._liveness = memory.liveness
        self._books.received_ns = self._liveness.books_ns

    def ping(self) -> None:
        """Queue an application-level ping."""
        self._requests.ping()

    def check(self, *, time_ns: int) -> list[MarketEvent]:
        """Repeat requests that are overdue, and check what has fallen silent; to be called about once a second."""
        if not self._can_ask_again:
            return []
        events: list[MarketEvent] = []
        for request in self._requests.repeat_overdue(time_ns):
            self._gave_up = f"{request.method} of {request.channel} was requested {MAX_TRIES} times and never answered"
            for symbol in sorted(request.symbols):
                events.append(SubscriptionRefused(request.channel, symbol, self._gave_up))
        self._gave_up = self._gave_up or self._liveness.broken_reason(time_ns)
        for channel, symbol in self._liveness.silent_subscriptions(time_ns):
            events += self._resubscribe(channel, symbol, time_ns)
        return events + self._books.check(time_ns) + self._lag()

    def _resubscribe(self, channel: str, symbol: str, time_ns: int) -> list[MarketEvent]:
        """Subscribe again to what was granted and is silent."""
        if channel == "book":
            reason = "prints came, and no book showed them"
            return self._books.lose(symbol, "silent", reason, time_ns) if symbol in self.books else []
        self._requests.unsubscribe("trade", [symbol], time_ns)
        self._requests.subscribe("trade", [symbol], time_ns, snapshot=True)
        return [SubscriptionSilent("trade", symbol, "other channels show trades that it does not")]

    def _lag(self) -> list[MarketEvent]:
        """Compare the newest timestamp with the time at which it came; nothing when nothing came since."""
        newest, self._books.newest = self._books.newest, ""
        if not newest:
            return []
        try:
            lag_ns = self._books.newest_ns - wire.nanoseconds(newest)
        except ValueError:
            return []  # a message that was whole in all that matters
        return [LagMeasured(lag_ns, self._liveness.measure_lag(lag_ns))]

    def receive(self, frame: bytes, *, time_ns: int) -> list[MarketEvent]:
        """Return the events that one text frame carries, in order. No bytes make it raise."""
        self._liveness.received_ns = time_ns
        try:
            # Nearly all traffic is books: recognised by their first bytes, they are decoded once.
            if frame.startswith(_BOOK_PREFIX):
                return self._books.receive(wire.book_decoder.decode(frame), time_ns)
            if frame == _HEARTBEAT:
                return self._receive_heartbeat(frame, time_ns)
            return self._receive_other(frame, time_ns)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            return [_bad_frame(frame, str(error))]

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
            return []
        result = envelope.result or wire.AckResult()
        symbol = result.symbol or envelope.symbol
        request = self._requests.settle(envelope.method, envelope.req_id, symbol)
        channel = result.channel or (request.channel if request is not None else "")
        is_refused = envelope.success is False and envelope.error != _ALREADY
        if envelope.method == "subscribe" and is_refused and (symbol or channel):
            if channel == "book":
                self._books.refused(symbol)
            return [SubscriptionRefused(channel, symbol, envelope.error)]
        if is_refused or envelope.method not in ("subscribe", "unsubscribe"):
            return [RequestRefused(envelope.error or f"answer to method {envelope.method!r}, which was not requested")]
        if envelope.method == "unsubscribe":
            # Our own request to end one precedes a new one; a foreign one leaves the book frozen.
            return self._books.ended(symbol, time_ns) if channel == "book" and request is None else []
        if channel == "book":
            self._books.granted(symbol, result.depth)
        return [Subscribed(channel, symbol)]

    def _receive_book(self, frame: bytes, time_ns: int) -> list[MarketEvent]:
        return self._books.receive(wire.book_decoder.decode(frame), time_ns)

    def _receive_heartbeat(self, _frame: bytes, time_ns: int) -> list[MarketEvent]:
        self._liveness.heartbeat(time_ns)
        return [Heartbeat()]

    def _receive_ticker(self, frame: bytes, time_ns: int) -> list[MarketEvent]:
        message = wire.ticker_decoder.decode(frame)
        if message.type == "update":
            for ticker in message.data:
                self._liveness.ticked(ticker.symbol, time_ns)
        return [TickerSeen(ticker.symbol) for ticker in message.data]

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
        # Ids order them whatever the order of the message.
        trades = sorted((self._trade(data) for data in message.data), key=lambda trade: trade.trade_id)
        events: list[MarketEvent] = []
        if message.type == "update":
            for symbol in {trade.symbol for trade in trades}:
                self._liveness.traded(symbol, time_ns)
        elif message.type == REPAIR:
            events += self._found_elsewhere(trades, time_ns)
        else:
            self.tape.begin(trades)
        is_late = message.type != "update"
        return events + [event for trade in trades for event in self.tape.take(trade, is_late=is_late)]

    def _found_elsewhere(self, trades: list[Trade], time_ns: int) -> list[MarketEvent]:
        """Subscribe again to a symbol whose newest prints REST had first."""
        known = {symbol: newest.trade_id for symbol, newest in self.tape.newest.items()}
        silent = sorted({trade.symbol for trade in trades if trade.trade_id > known.get(trade.symbol, trade.trade_id)})
        return [event for symbol in silent for event in self._resubscribe("trade", symbol, time_ns)]

    def _trade(self, data: wire.TradeData) -> Trade:
        instrument = self.instruments.get(data.symbol)
        side = _SIDES.get(data.side)
        if instrument is None:
            raise ValueError(f"trade in {data.symbol!r}, of which no instrument is known")
        if side is None:
            raise ValueError(f"side is {data.side!r}; expected buy or sell")
        return Trade(
            instrument.symbol,
            data.trade_id,
            side,
            wire.exact_units(bytes(data.price), instrument.price_decimals),
            wire.exact_units(bytes(data.qty), instrument.qty_decimals),
            wire.nanoseconds(data.timestamp),
        )

    def _receive_instruments(self, frame: bytes, time_ns: int) -> list[MarketEvent]:
        message = wire.instrument_decoder.decode(frame)
        if message.type == "snapshot":
            self._liveness.unlisted_since_ns = None
        events: list[MarketEvent] = []
        changed: list[Instrument] = []
        for raw in message.data.pairs:
            try:
                pair = wire.pair_decoder.decode(raw)
                if pair.symbol not in self.symbols:
                    continue
                instrument = wire.instrument_of(pair)
            except (msgspec.MsgspecError, ValueError) as error:
                events.append(_bad_frame(bytes(raw), f"instrument: {error}"))
                continue
            known = self.instruments.get(instrument.symbol)
            if instrument != known:
                self.instruments[instrument.symbol] = instrument
                changed.append(instrument)
            if known is not None and _units_differ(known, instrument):
                events += self._books.lose(known.symbol, "number", "the instrument's precision changed", time_ns)
            elif known is not None and self._can_ask_again and _is_listed_again(known, instrument):
                events += self._subscribe_anew(known.symbol, time_ns)
        if changed:
            events.insert(0, InstrumentsChanged(tuple(changed)))
        return events + self._subscribe_known(time_ns, is_whole=message.type == "snapshot")

    def _subscribe_anew(self, symbol: str, time_ns: int) -> list[MarketEvent]:
        """Request again what was refused, or fell silent, while the pair was delisted."""
        self._subscribe_trades([symbol], time_ns)
        return self._books.lose(symbol, "unsubscribed", "the pair was delisted and is listed again", time_ns)

    def _subscribe_trades(self, symbols: list[str], time_ns: int) -> None:
        self._requests.subscribe("trade", symbols, time_ns, snapshot=True)
        self._requests.subscribe("ticker", symbols, time_ns, event_trigger="trades", snapshot=True)

    def _subscribe_known(self, time_ns: int, *, is_whole: bool) -> list[MarketEvent]:
        fresh = [s for s in self.symbols if s in self.instruments and s not in self._subscribed]
        if fresh:
            self._subscribed.update(fresh)
            self._books.subscribe(fresh, time_ns)
            self._subscribe_trades(fresh, time_ns)
        unknown = [s for s in self.symbols if s not in self.instruments] if is_whole else []
        return [SubscriptionRefused("instrument", s, "the exchange lists no such pair") for s in unknown]


def _units_differ(one: Instrument, other: Instrument) -> bool:
    return (one.price_decimals, one.qty_decimals) != (other.price_decimals, other.qty_decimals)


def _is_listed_again(known: Instrument, instrument: Instrument) -> bool:
    return known.status == InstrumentStatus.DELISTED and instrument.status != InstrumentStatus.DELISTED


def _bad_frame(frame: bytes, reason: str) -> BadFrame:
    """Name what could not be read; whatever the bytes, both texts can be stored and shown."""
    excerpt = frame[:_EXCERPT_LENGTH].decode("ascii", "backslashreplace")
    return BadFrame(_printable(reason), _printable(excerpt))


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
