"""Between a session and its socket: applies the faults of a plan to the messages.

No socket and no clock. The market itself stays as it is: only messages about it are late, lost or wrong.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from marketdata.kraken import answers
from marketdata.simulation import messages, tampering
from marketdata.simulation.faults import CHANNELS, Fault, Plan, id_shift, pair_status, system_at
from marketdata.simulation.market import SimulatedMarket
from marketdata.simulation.session import Session
from marketdata.simulation.tampering import Subject, subject_of
from trading.frames import NS_PER_S
from trading.instruments import InstrumentStatus

EXCEEDED = b'{"Error":"Exceeded msg rate"}'
_OF_ONE_MESSAGE = (
    *("dead", "corrupt", "checksum", "undelete", "reorder", "duplicate", "lose", "garbage", "giant"),
    *("odd", "stamp", "bookstamp", "ids", "zero", "unasked"),
)
_OF_A_BOOK = ("corrupt", "checksum", "undelete", "bookstamp")
NO_SUBSCRIPTION = "Subscription temporarily unavailable"
_CLOSE_REASONS = {
    "1001": "CloudFlare WebSocket proxy restarting",
    "1011": "internal error",
    "1013": "Market data unavailable",
}
_TOO_SOON = -1.0  # before any fault


class Sent(NamedTuple):
    """One message of the exchange, as it reaches the client."""

    payload: bytes
    is_text: bool = True


class Closing(NamedTuple):
    """How the exchange ends a connection."""

    code: int  # 0: it breaks without a close frame
    reason: str


class FaultyExchange:
    """The faults of all connections of one exchange, and those that wait for their message."""

    def __init__(self, market: SimulatedMarket, plan: Plan, began_ns: int) -> None:
        self.market = market
        self.plan = plan
        self.going_on: list[Fault] = []
        self.now_s = _TOO_SOON
        self._began_ns = began_ns
        self._spent: dict[Fault, int] = {}  # how often it was applied

    def advance(self, now_ns: int) -> None:
        """Start and end faults as time passes."""
        now_s = max(self.now_s, (now_ns - self._began_ns) / NS_PER_S)
        if now_s != self.now_s:
            self.now_s, self.going_on = now_s, self.plan.going_on(now_s)
            self._spent = {fault: times for fault, times in self._spent.items() if fault.is_on(now_s)}

    def is_away(self) -> bool:
        """Return whether connections are refused."""
        return any(fault.name == "drop" and fault.lasting_s for fault in self.going_on)

    def system(self) -> str:
        """Return the exchange's own state."""
        return system_at(self.going_on, self.now_s)

    def statuses(self) -> dict[str, str]:
        """Return the pairs' statuses."""
        return {symbol: pair_status(self.going_on, symbol) for symbol in self.market.pairs}

    def waiting(self, *names: str) -> list[Fault]:
        """Return the faults of these names that may apply to the next message."""
        return [f for f in self.going_on if f.name in names and (f.lasting_s or self._spent.get(f, 0) < _times(f))]

    def spend(self, fault: Fault) -> None:
        """Count that a fault was applied."""
        self._spent[fault] = self._spent.get(fault, 0) + 1


def _times(fault: Fault) -> int:
    return int(float(fault.value)) if fault.name == "rate" else 1


class FaultyConnection:
    """One session, as it reaches the client.

    ``receive`` and ``advance`` return what is to be sent now. Once there is a ``closing``,
    the connection ends with it.
    """

    def __init__(self, exchange: FaultyExchange, now_ns: int) -> None:
        exchange.advance(now_ns)
        self.closing: Closing | None = None
        self._exchange = exchange
        self._session = Session(exchange.market, now_ns)
        self._then_s = exchange.now_s
        self._queue: deque[tuple[int, Sent]] = deque()  # when it is sent, what
        self._is_silent = self._drips = False
        self._dead: set[tuple[str, str]] = set()  # channel and symbol
        self._held: tuple[Fault, Subject, bytes] | None = None  # comes after the next of its kind
        self._system = exchange.system()
        self._statuses = exchange.statuses()
        self._knows_instruments = False

    def greeting(self, now_ns: int) -> list[Sent]:
        """Return the messages of a new connection."""
        for message in self._session.greeting():
            self._queue_message(message.replace(b'"online"', f'"{self._system}"'.encode()), now_ns)
        return self._due(now_ns)

    def receive(self, message: bytes, now_ns: int) -> list[Sent]:
        """Take a client's message; return what is to be sent now."""
        for accepted, refusals in self._requests(message, now_ns):
            for refusal in refusals:
                self._queue_message(refusal, now_ns)
            for answer in self._session.receive(accepted) if accepted else ():
                self._queue_message(answer, now_ns)
        return self._due(now_ns)

    def advance(self, now_ns: int) -> list[Sent]:
        """Let time pass; return what is to be sent now."""
        self._exchange.advance(now_ns)
        self._begin()
        self._announce_statuses(now_ns)
        for message in self._session.advance(now_ns):
            self._queue_message(message, now_ns)
        return self._due(now_ns)

    def _begin(self) -> None:
        """Start the faults that affect the whole connection."""
        then_s, self._then_s = self._then_s, self._exchange.now_s
        for fault in self._exchange.plan.begun(then_s, self._then_s):
            if fault.name == "silence" and not fault.lasting_s:
                self._is_silent = True
            elif fault.name == "drip":
                self._drips = True
            elif fault.name == "drop":
                self.closing = Closing(int(fault.value or 0), _CLOSE_REASONS.get(fault.value, ""))

    def _requests(self, message: bytes, now_ns: int) -> Iterable[tuple[bytes, list[bytes]]]:
        """Return what of a request reaches the exchange, with the refusals of the rest."""
        request = answers.read_request(message)
        if request is None or request.method != "subscribe":
            return [(message, [])]
        for fault in self._exchange.waiting("rate"):
            self._exchange.spend(fault)
            return [(b"", [EXCEEDED])]
        symbols = request.symbols
        gone = [s for s in symbols or () if self._statuses.get(s) == InstrumentStatus.DELISTED]
        refusing = [fault for fault in self._exchange.going_on if fault.name == "refuse"]
        refused = [s for s in symbols or () if s not in gone and any(fault.concerns(s) for fault in refusing)]
        if symbols is None or not (gone or refused):
            return [(message, [])]
        refusals = [answers.refused(request, answers.UNKNOWN_PAIR.format(s), now_ns, symbol=s) for s in gone]
        refusals += [answers.refused(request, NO_SUBSCRIPTION, now_ns, symbol=s) for s in refused]
        request.params.symbol = [s for s in symbols if s not in (*gone, *refused)]
        return [(msgspec.json.encode(request) if request.params.symbol else b"", refusals)]

    def _announce_statuses(self, now_ns: int) -> None:
        system, statuses = self._exchange.system(), self._exchange.statuses()
        if system != self._system:
            self._system = system
            self._queue_message(answers.status(system, self._session.connection_id), now_ns)
        changed = [symbol for symbol, status in statuses.items() if status != self._statuses[symbol]]
        self._statuses = statuses
        if changed and self._knows_instruments:
            self._queue_message(self._instruments("update", changed), now_ns)

    def _instruments(self, kind: str, symbols: Iterable[str]) -> bytes:
        pairs = self._exchange.market.pairs
        instruments = [msgspec.structs.replace(pairs[s].instrument, status=self._statuses[s]) for s in symbols]
        return messages.instrument_message(kind, instruments)

    # What becomes of a message

    def _queue_message(self, message: bytes, now_ns: int) -> None:
        faults = self._exchange.going_on
        is_calm = not (faults or self._is_silent or self._drips or self._dead or self._held or self._queue)
        if is_calm and self._knows_instruments:
            self._queue.append((now_ns, Sent(message)))
            return
        subject = subject_of(message)
        if subject.channel == "instrument" and not subject.is_update:
            self._knows_instruments = True
            message = self._instruments("snapshot", self._exchange.market.pairs)
        self._end_silence(subject, message)
        if self._is_silent or self._is_gone(subject):
            return
        if self._drips:
            self._queue.append((now_ns, Sent(tampering.DRIP)))
            return
        if subject.channel == "trade" and (shift := id_shift(faults, subject.symbol)):
            message = tampering.shifted_ids(message, shift)
        ahead_s = sum(float(fault.value) for fault in faults if fault.name == "skew")
        due_ns = now_ns + round(self._lateness_s() * NS_PER_S)
        if self._queue:
            due_ns = max(due_ns, self._queue[-1][0])
        for sent in self._with_faults(subject, message):
            is_skewed = ahead_s and sent.is_text and sent.payload.startswith(b"{")
            payload = tampering.skewed(sent.payload, ahead_s) if is_skewed else sent.payload
            self._queue.append((due_ns, Sent(payload, sent.is_text)))

    def _lateness_s(self) -> float:
        """Return how much later a message comes; messages held back by a silence come when it is over."""
        faults, now_s = self._exchange.going_on, self._exchange.now_s
        slow_s = [float(fault.value) for fault in faults if fault.name == "slow"]
        quiet_s = [fault.until_s - now_s for fault in faults if fault.name == "silence" and fault.lasting_s]
        return max(slow_s + quiet_s, default=0.0)

    def _end_silence(self, subject: Subject, message: bytes) -> None:
        """End a subscription's silence when it is granted again."""
        if self._dead and subject.channel == "answer" and b'"method":"subscribe"' in message:
            granted = msgspec.json.decode(message).get("result", {})
            self._dead.discard((granted.get("channel", ""), subject.symbol))

    def _is_gone(self, subject: Subject) -> bool:
        """Return whether no message of this subject is sent any more."""
        if subject.channel not in CHANNELS:
            return False
        is_delisted = self._statuses.get(subject.symbol) == InstrumentStatus.DELISTED
        return is_delisted or (subject.is_update and (subject.channel, subject.symbol) in self._dead)

    def _with_faults(self, subject: Subject, message: bytes) -> list[Sent]:
        """Return what is sent instead of a message: at most one fault applies to it."""
        if self._held is not None and _is_kind(self._held[0], self._held[1], subject):
            (_, _, held), self._held = self._held, None
            return [Sent(message), Sent(held)]
        for fault in self._exchange.waiting(*_OF_ONE_MESSAGE):
            sent = self._with_fault(fault, subject, message)
            if sent is not None:
                self._exchange.spend(fault)
                return sent
        return [Sent(message)]

    def _with_fault(self, fault: Fault, subject: Subject, message: bytes) -> list[Sent] | None:
        """Return what a fault makes of a message, None when it does not fit."""
        if not fault.concerns(subject.symbol):
            return None
        if fault.name in _OF_A_BOOK:
            return _odd_book(fault, subject, message, self._exchange.market)
        if fault.name in ("stamp", "ids", "zero"):
            return _odd_trade(fault, subject, message)
        if fault.name in ("garbage", "giant", "unasked"):
            return [_extra(fault), Sent(message)]
        if fault.value not in ("", subject.channel):
            return None
        match fault.name:
            case "odd" if subject.is_update:
                return [Sent(tampering.unreadable(message, fault.draw))]
            case "lose":
                return []
            case "duplicate":
                return [Sent(message), Sent(message)]
            case "reorder" if self._held is None:
                self._held = (fault, subject, message)
                return []
            case "dead" if subject.is_update:
                self._dead.add((subject.channel, subject.symbol))
                return []
        return None

    def _due(self, now_ns: int) -> list[Sent]:
        due: list[Sent] = []
        while not self._is_silent and self._queue and self._queue[0][0] <= now_ns:
            due.append(self._queue.popleft()[1])
        return due


def _extra(fault: Fault) -> Sent:
    """Return what comes before a message and should not come at all."""
    if fault.name == "unasked":
        return Sent(tampering.unasked(fault.value))
    is_text = not fault.value
    if fault.name == "giant":
        return Sent(tampering.giant(fault.draw, is_text=is_text), is_text)
    return Sent(tampering.nonsense(fault.draw, is_text=is_text))


def _odd_book(fault: Fault, subject: Subject, message: bytes, market: SimulatedMarket) -> list[Sent] | None:
    """Return a book that is not the exchange's, or not of its time; None for another message."""
    match fault.name:
        case "corrupt":
            return _one(tampering.corrupted(message, market, fault.draw))
        case "checksum":
            return _one(tampering.wrong_checksum(message, fault.draw))
        case "undelete":
            return _one(tampering.without_deletion(message, market, fault.draw))
    return [Sent(tampering.skewed(message, float(fault.value)))] if subject.channel == "book" else None


def _odd_trade(fault: Fault, subject: Subject, message: bytes) -> list[Sent] | None:
    """Return one trade that cannot be as it says; None for another message, or a fault of all trades."""
    if subject.channel != "trade" or not subject.is_update:
        return None
    match fault.name:
        case "stamp":
            return [Sent(tampering.skewed(message, float(fault.value)))]
        case "ids" if not fault.lasting_s:
            return [Sent(tampering.shifted_ids(message, int(float(fault.value))))]
        case "zero":
            return [Sent(tampering.worthless(message, fault.value))]
    return None


def _one(message: bytes | None) -> list[Sent] | None:
    return None if message is None else [Sent(message)]


def _is_kind(fault: Fault, held: Subject, subject: Subject) -> bool:
    """Return whether a message is the one after which a held one comes."""
    if fault.value:
        return (subject.channel, subject.symbol) == (held.channel, held.symbol)
    return not fault.symbol or subject.symbol == fault.symbol
