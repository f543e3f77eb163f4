"""A feed at a faulty exchange in virtual time: no socket, no clock, no database.

`VirtualFeed` does what `marketdata.feed.feed` and `marketdata.kraken.client` do with the same listener, and looks at
every frame: a book that is shown as tradable must be one that the exchange had.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import NamedTuple

from marketdata.feed.health import FeedHealth
from marketdata.feed.repairs import Question, Repairs
from marketdata.feed_events import Incident
from marketdata.framing.frame_builder import INTERVAL_NS
from marketdata.framing.listener import Listener
from marketdata.kraken import rest_answers, wire
from marketdata.kraken.candles import snapshot_message
from marketdata.kraken.client import LONGEST_WAIT_S, PING_EVERY_S, STABLE_AFTER_S
from marketdata.kraken.events import BookChanged, BookLost, MarketEvent, TradesLost
from marketdata.kraken.rest import MAX_TRIES
from marketdata.kraken.rest_body import read_body
from marketdata.kraken.symbols import altname_of
from marketdata.kraken.trades import repair_message
from marketdata.simulation.fault_syntax import parse_faults
from marketdata.simulation.faults import Fault
from marketdata.simulation.faulty import FaultyConnection, FaultyExchange, Sent
from marketdata.simulation.faulty_rest import FaultyRestSide
from marketdata.simulation.market import SimulatedMarket
from marketdata.simulation.rest import RestSide
from tests.marketdata.coarse_market import CoarseMarket
from tests.marketdata.wire import NOON_NS
from trading.book import BookTop
from trading.candles import MINUTE_NS
from trading.frames import FRAME_DEPTH, NS_PER_S, Frame, Trade
from trading.instruments import Instrument
from trading.market import Market

SYMBOLS = ("ETH/USD", "XRP/BTC")
BEGIN_NS = NOON_NS - 5 * NS_PER_S  # noon's minute is the first that is watched whole
SETTLED_NS = 3 * NS_PER_S  # after a minute's end, as in `marketdata.feed.warm_up`, which needs a database

_BOOK_TIME = re.compile(rb'"timestamp":"([^"]+)"')


MARKET = CoarseMarket(1)
REST = RestSide(MARKET)


class _Pending(NamedTuple):
    """A request that REST is sent until it answers, or has failed too often."""

    question: Question
    next_ns: int
    tries: int = 0


class VirtualFeed:
    """One feed from the first connection on; ``run`` lets time pass."""

    def __init__(self, faults: str, symbols: tuple[str, ...] = SYMBOLS, market: SimulatedMarket = MARKET) -> None:
        self.symbols = symbols
        self.market = market
        self.exchange = FaultyExchange(market, parse_faults(faults, symbols), BEGIN_NS)
        self.now_ns = BEGIN_NS
        self.health = FeedHealth(started_ns=BEGIN_NS)
        self.listener = Listener(symbols, observer=self._observer)
        self.folded = Market()
        self.frames: list[Frame] = []
        self.events: list[MarketEvent] = []
        self.incidents: list[Incident] = []
        self.applied: set[Fault] = set()  # those that were applied
        self.sent: list[tuple[int, bytes]] = []
        self.received: list[tuple[int, Sent]] = []
        self._skews_s = {0.0}
        for fault in self.exchange.plan.begun(-1.0, 3_600.0):
            if fault.name in ("skew", "bookstamp"):
                self._skews_s |= {skew_s + float(fault.value) for skew_s in self._skews_s}
        self._connection: FaultyConnection | None = None
        self._connect_ns = BEGIN_NS
        self._connected_ns = self._pinged_ns = 0
        self._rest = FaultyRestSide(REST, self.exchange.plan, BEGIN_NS)
        self._repairs = Repairs()
        self._pending: _Pending | None = None
        self._passes = 0  # that history still needs: at once, and when this minute is over
        self._history_ns = 0  # when the next one is due
        self._failures = 0
        self._hearing = b""
        self._shown: dict[str, tuple[str, BookTop | None]] = {}
        self._applied: dict[str, int] = {}  # symbol -> when the newest message was made that its book took

    @property
    def now_s(self) -> float:
        return self.since_s(self.now_ns)

    def since_s(self, time_ns: int) -> float:
        return (time_ns - BEGIN_NS) / NS_PER_S

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    def run(self, until_s: float) -> VirtualFeed:
        """Let time pass until so many seconds after the beginning."""
        while self.now_s < until_s:
            self._step()
            self.now_ns += INTERVAL_NS
        return self

    def sleep(self, for_s: float) -> VirtualFeed:
        """Let time pass in which the feed stands still, as when its process or its machine is suspended."""
        self.now_ns += round(for_s * NS_PER_S) // INTERVAL_NS * INTERVAL_NS
        return self

    def _step(self) -> None:
        if self._connection is None and self.now_ns >= self._connect_ns:
            self._connect()
        if self._connection is not None:
            self._receive(self._connection.advance(self.now_ns))
        self.applied.update(self.exchange._spent)
        if self._connection is not None and self._connection.closing is not None:
            self._disconnect(self._connection.closing.reason or "no close frame received or sent")
        if self._connected_ns:
            self._take(self.listener.pass_time(self.now_ns))
        if self._connection is not None:
            self._watch()
        if (self.now_ns - BEGIN_NS) % NS_PER_S == 0:
            self.listener.check(self.now_ns)
            self._ask_rest()
            self.incidents += self.health.hand_over()
            self._send()
            self._leave_when_due()

    def _connect(self) -> None:
        self.exchange.advance(self.now_ns)
        if self.exchange.is_away():
            self._come_back_later()
            return
        self._connection = FaultyConnection(self.exchange, self.now_ns)
        self._connected_ns = self._pinged_ns = self.now_ns
        self._passes, self._history_ns = 2, 0
        self.listener.connected(self.now_ns)
        self.health.reconnects += any(incident.kind == "connect" for incident in self.incidents)
        self._note("connect", "connected to the virtual exchange")
        self._receive(self._connection.greeting(self.now_ns))
        self._send()

    def _come_back_later(self) -> None:
        was_stable = self._connected_ns and self.now_ns - self._connected_ns >= STABLE_AFTER_S * NS_PER_S
        self._failures = 1 if was_stable else self._failures + 1
        wait_s = min(LONGEST_WAIT_S, 2.0 ** (self._failures - 1))
        self._connect_ns = self.now_ns + round(wait_s * NS_PER_S)

    def _disconnect(self, reason: str) -> None:
        self._take(self.listener.pass_time(self.now_ns))
        self.listener.disconnected(reason)
        self._note("disconnect", reason)
        self._connection = None
        self._applied.clear()
        self._come_back_later()

    def _watch(self) -> None:
        if self.now_ns - self._pinged_ns >= PING_EVERY_S * NS_PER_S:
            self._pinged_ns = self.now_ns
            self.listener.ping()
            self._send()

    def _leave_when_due(self) -> None:
        if self._connection is not None and (reason := self.listener.reconnect_reason):
            self._disconnect(reason)

    def _note(self, kind: str, detail: str) -> None:
        self.health.note(self.now_ns, kind, "", detail)
        self.incidents += self.health.hand_over()

    # What is received and sent

    def _receive(self, messages: list[Sent]) -> None:
        for sent in messages:
            if self._connection is None:
                return
            self._receive_one(sent)
            self._send()
            self._leave_when_due()

    def _receive_one(self, sent: Sent) -> None:
        self.received.append((self.now_ns, sent))
        if not sent.is_text:
            self.listener.reject(sent.payload, f"binary message of {len(sent.payload)} bytes", self.now_ns)
            return
        try:
            sent.payload.decode()
        except UnicodeDecodeError:
            self._disconnect("invalid utf-8")
            return
        self._take_in(sent.payload)

    def _take_in(self, message: bytes) -> None:
        self._hearing = message
        self.health.messages += 1
        before = dict(self._applied)  # the frames that are over do not show this message
        frames = self.listener.receive(message, self.now_ns)
        applied, self._applied = self._applied, before
        self._take(frames)
        self._applied = applied

    def _send(self) -> None:
        while self._connection is not None and (requests := self.listener.outgoing()):
            for request in requests:
                self.sent.append((self.now_ns, request))
                if self._connection is not None:
                    self._receive(self._connection.receive(request, self.now_ns))

    def _observer(self, events: list[MarketEvent], time_ns: int | None) -> None:
        self.health.observe(events, time_ns)
        for event in events:
            if isinstance(event, BookChanged):
                made = _BOOK_TIME.search(self._hearing)
                assert made is not None
                self._applied[event.symbol] = wire.nanoseconds(made[1].decode())
            else:
                self.events.append(event)
                if isinstance(event, BookLost):
                    self._applied.pop(event.symbol, None)

    # Requests to REST

    def _ask_rest(self) -> None:
        """Do once a second what `Repairer` and `WarmUp` do in their threads."""
        if self._connection is None or not self.listener.instruments:
            return
        if self._passes and self.now_ns >= self._history_ns and self._bring_history():
            self._passes -= 1
            self._history_ns = (self.now_ns // MINUTE_NS + 1) * MINUTE_NS + SETTLED_NS
        if self._pending is None:
            question = self._repairs.question(self.listener.tape, self.listener.instruments, self.now_ns)
            self._pending = None if question is None else _Pending(question, self.now_ns)
        if self._pending is not None and self.now_ns >= self._pending.next_ns:
            self._repair(self._pending)

    def _repair(self, pending: _Pending) -> None:
        question = pending.question
        instrument = self.market.pairs[question.symbol].instrument
        page = self._asked("Trades", instrument, since=question.since_ns - 1)
        trades = None if page is None else _read(lambda: rest_answers.read_trades(page, instrument).trades)
        if trades is not None:
            wanted = self._repairs.answered(question, self.listener.tape, trades, self.now_ns)
            self._pending = None
            if wanted:
                self._take_in(repair_message(instrument, wanted))
                self._send()
            self._report_if_lost(question)
        elif pending.tries == MAX_TRIES - 1:
            self._repairs.failed(question, self.now_ns)
            self._pending = None
            self._report_if_lost(question)
        else:
            self._pending = _Pending(question, self.now_ns + NS_PER_S * 2**pending.tries, pending.tries + 1)

    def _report_if_lost(self, question: Question) -> None:
        hole = question.hole
        if hole is not None and self._repairs.is_lost(question, self.listener.tape):
            lost: MarketEvent = TradesLost(
                question.symbol, hole.first_id, hole.last_id, "REST does not have them either"
            )
            self._observer([lost], self.now_ns)

    def _bring_history(self) -> bool:
        for symbol, instrument in self.listener.instruments.items():
            rows = self._asked("OHLC", instrument, interval=1, since=NOON_NS // NS_PER_S - 60)
            if rows is None:
                return False
            snapshot = self.folded.snapshot()
            known = snapshot.candles(symbol, "1m").start_ns.tolist() if symbol in snapshot.instruments else []
            sent = _read(lambda rows=rows, instrument=instrument: rest_answers.read_candles(rows, instrument))
            if sent is None:
                return False
            if missing := [candle for candle in sent if candle.start_ns not in known]:
                self._take_in(snapshot_message(instrument, "1m", missing))
        return True

    def _asked(self, endpoint: str, instrument: Instrument, **about: int) -> bytes | None:
        """Return the exchange's answer, None when it is none."""
        named = {"pair": altname_of(instrument.symbol), **{name: str(value) for name, value in about.items()}}
        answer = self._rest.answer(endpoint, named, self.now_ns)
        is_answer = answer.status == 200 and answer.content_type.startswith("application/json")
        try:
            return rest_answers.result_of(read_body(iter([answer.body]), answer.encoding)) if is_answer else None
        except ValueError:
            return None

    # What is shown

    def _take(self, frames: list[Frame]) -> None:
        for frame in frames:
            self.frames.append(frame)
            self.folded.fold(frame)
            if frame.gap is not None:
                self._note("gap", f"not watched: {frame.gap.reason}")
                self._passes, self._history_ns = 2, 0
            self._look_at(frame)

    def _look_at(self, frame: Frame) -> None:
        for symbol in frame.books.keys() | frame.statuses.keys():
            status, book = self._shown.get(symbol, ("", None))
            status, book = frame.statuses.get(symbol, status), frame.books.get(symbol, book)
            self._shown[symbol] = (status, book)
            if status == "online":
                assert book is not None, f"{symbol} is tradable without a book"
                assert self._is_true(symbol, book), f"{symbol}'s book at {self.now_s} s is none of the exchange's"

    def _is_true(self, symbol: str, book: BookTop) -> bool:
        """Return whether the exchange had this book when the newest message was made that it took."""
        assert symbol in self._applied, f"{symbol} is tradable, and its book is not verified"
        made_ns = self._applied[symbol]
        truths = [self.market.book(symbol, made_ns - round(skew * NS_PER_S), FRAME_DEPTH) for skew in self._skews_s]
        # The exchange's checksum speaks of ten levels a side.
        return any(truth.bids[:10] == book.bids[:10] and truth.asks[:10] == book.asks[:10] for truth in truths)

    def status(self, symbol: str) -> str:
        """Return the status of a symbol as the frames show it now."""
        return self._shown.get(symbol, ("", None))[0]

    def statuses(self, symbol: str) -> list[str]:
        """Return the statuses that the frames showed one after the other."""
        sent = [frame.statuses[symbol] for frame in self.frames if symbol in frame.statuses]
        return [status for status, _ in groupby(sent)]

    def received_trades(self, symbol: str) -> list[Trade]:
        """Return every print of the frames, late ones included."""
        return [trade for frame in self.frames for trade in (*frame.trades, *frame.late) if trade.symbol == symbol]

    def kinds(self) -> set[str]:
        """Return the kinds of the incidents so far."""
        self.incidents += self.health.hand_over()
        return {incident.kind for incident in self.incidents}

    # What is true

    def true_book(self, symbol: str) -> BookTop:
        """Return the book that the exchange displayed last."""
        return self.market.book(symbol, self.now_ns - INTERVAL_NS, FRAME_DEPTH)

    def shown_book(self, symbol: str) -> BookTop | None:
        """Return the verified book, None while there is none."""
        book = self.listener.books.get(symbol)
        return None if book is None else book.top(FRAME_DEPTH)

    def true_minutes(self, symbol: str) -> list[Minute]:
        """Return every minute from noon on, as the exchange's own trades make it."""
        trades = self.market.trades(symbol, NOON_NS - 1, self.now_ns)
        minutes = [_minute_of(start_ns, list(of_one)) for start_ns, of_one in groupby(trades, key=_start_of)]
        return self._over(minutes)

    def shown_minutes(self, symbol: str) -> list[Minute]:
        """Return the candles that the folded frames hold of the same minutes."""
        instrument = self.market.pairs[symbol].instrument
        series = self.folded.snapshot().candles(symbol, "1m")
        prices = (series.open, series.high, series.low, series.close)
        columns = [(column * 10**instrument.price_decimals).round().astype(int).tolist() for column in prices]
        lots = (series.volume * 10**instrument.qty_decimals).round().astype(int).tolist()
        minutes = [Minute(*row) for row in zip(series.start_ns.tolist(), *columns, lots, strict=True)]
        return self._over([minute for minute in minutes if minute.start_ns >= NOON_NS])

    def _over(self, minutes: list[Minute]) -> list[Minute]:
        # The newest minute closes in a frame that nobody may have seen yet.
        return [minute for minute in minutes if minute.start_ns + MINUTE_NS < self.now_ns - 3 * NS_PER_S]


def _read(reading):
    """Return what an answer says, None where it cannot be read: `KrakenRest` requests it again, or gives up."""
    try:
        return reading()
    except ValueError:
        return None


class Minute(NamedTuple):
    """One minute's trades in ticks and lots."""

    start_ns: int
    open: int
    high: int
    low: int
    close: int
    volume: int


def _start_of(trade: Trade) -> int:
    return trade.time_ns - trade.time_ns % MINUTE_NS


def _minute_of(start_ns: int, trades: list[Trade]) -> Minute:
    ticks = [trade.ticks for trade in trades]
    return Minute(start_ns, ticks[0], max(ticks), min(ticks), ticks[-1], sum(trade.lots for trade in trades))
