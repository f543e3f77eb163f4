"""What a feed receives: messages and times in, frames out. No socket and no clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import msgspec

from marketdata.framing.frame_builder import BuilderMemory, FrameBuilder
from marketdata.framing.records import Kind, Record
from marketdata.kraken.events import BadFrame, InstrumentsChanged, MarketEvent
from marketdata.kraken.protocol import KrakenProtocol
from marketdata.kraken.protocol_memory import ProtocolMemory
from marketdata.kraken.tape import Tape
from trading.book import OrderBook
from trading.frames import FRAME_DEPTH, NS_PER_S, Frame
from trading.instruments import Instrument

SLEPT_NS = NS_PER_S  # without a look at the clock: then this process stood still

Observer = Callable[[list[MarketEvent], int | None], None]  # events and when they were received, ns


class ListenerMemory(msgspec.Struct):
    """All that a listener knows: another that remembers it goes on with the same frames."""

    symbols: tuple[str, ...]
    depth: int
    can_ask_again: bool
    tape: Tape
    builder: BuilderMemory
    protocol: ProtocolMemory | None  # None between two connections
    advanced_ns: int = 0
    has_clock: bool = False


_memory_encoder = msgspec.msgpack.Encoder()
_memory_decoder = msgspec.msgpack.Decoder(ListenerMemory)


class InvalidMemory(ValueError):
    """Bytes that are not a listener's memory."""


class Recorder(Protocol):
    """Records what a listener receives, before the listener takes it in."""

    def note(self, listener: Listener, kind: Kind, time_ns: int | None, payload: bytes) -> None:
        """Record one input; ``time_ns`` is None for one at the time of the input before it."""


class Listener:
    """One feed's connections, one after the other, and the frames cut from them.

    The feed and a replay of its recording run this same code, so that both make the
    same frames. ``observer`` receives every event, for the feed's figures; ``recorder`` every input,
    so that ``take`` can repeat it. ``depth`` is that of the books.
    """

    def __init__(
        self,
        symbols: Iterable[str],
        *,
        depth: int = FRAME_DEPTH,
        after_sequence: int = 0,
        tape: Tape | None = None,
        can_ask_again: bool = True,
        observer: Observer | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self._symbols = tuple(symbols)
        self._depth = depth
        self._builder = FrameBuilder(after_sequence=after_sequence)
        self.tape = Tape() if tape is None else tape
        self._can_ask_again = can_ask_again
        self._observer = observer
        self._recorder = recorder
        self._protocol: KrakenProtocol | None = None
        self._frame_ends_ns = 0  # until then a message closes no frame; zero: the builder knows
        self._advanced_ns = 0  # when the clock was read last
        self._has_clock = False  # it is read at every boundary, as on a live market

    @property
    def books(self) -> Mapping[str, OrderBook]:
        """The books that are verified now."""
        return {} if self._protocol is None else self._protocol.books

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """The instruments of this connection."""
        return {} if self._protocol is None else self._protocol.instruments

    @property
    def is_connected(self) -> bool:
        """True while messages may come."""
        return self._protocol is not None

    @property
    def reconnect_reason(self) -> str:
        """Why the connection should be given up, empty while it should not."""
        return "" if self._protocol is None else self._protocol.reconnect_reason

    def connected(self, time_ns: int | None) -> None:
        """Begin a new connection, which remembers nothing of the last."""
        self._note(Kind.CONNECTED, time_ns)
        self._protocol = KrakenProtocol(
            self._symbols,
            depth=self._depth,
            tape=self.tape,
            can_ask_again=self._can_ask_again,
            time_ns=time_ns or 0,
        )

    def receive(self, message: bytes, time_ns: int | None) -> list[Frame]:
        """Take in one text message; return the frames that were over when it came.

        ``time_ns`` is None before a recording's first time: such messages belong to the
        first frame.
        """
        assert self._protocol is not None, "messages come through a connection"
        if self._recorder is not None:
            self._recorder.note(self, Kind.MESSAGE, time_ns, message)
        # The frames before this message must not show what it changes.
        frames = self._advance(time_ns) if time_ns is not None and time_ns >= self._frame_ends_ns else []
        events = self._protocol.receive(message, time_ns=time_ns or 0)
        self._builder.add(events)
        if self._observer is not None:
            self._observer(events, time_ns)
        return frames

    def reject(self, message: bytes, reason: str, time_ns: int | None) -> None:
        """Note a message that is not read at all."""
        excerpt = message[:60].hex()
        if self._observer is not None:
            self._observer([BadFrame(reason, excerpt)], time_ns)

    def pass_time(self, time_ns: int | None) -> list[Frame]:
        """Return the frames that were over at ``time_ns``."""
        self._note(Kind.TIME, time_ns)
        frames = self._advance(time_ns)
        self._has_clock = True
        return frames

    def _advance(self, time_ns: int | None) -> list[Frame]:
        if time_ns is None:
            return []
        then_ns, self._advanced_ns = self._advanced_ns, max(time_ns, self._advanced_ns)
        is_awake = not self._has_clock or time_ns - then_ns <= SLEPT_NS
        frames = self._builder.advance(time_ns, self.books) if is_awake else self._wake_up(then_ns, time_ns)
        self._frame_ends_ns = self._builder.ends_ns
        return frames

    def _wake_up(self, then_ns: int, time_ns: int) -> list[Frame]:
        """Return the frame that was in the making when this process stood still; nothing after it is as it was."""
        reason = f"the feed stood still for {(time_ns - then_ns) / NS_PER_S:.1f} s"
        received_ns = then_ns if self._protocol is None else min(then_ns, self._protocol.received_ns)
        frames = self._builder.sleep(received_ns, time_ns, reason, self.books)
        if self._protocol is not None:
            events = self._protocol.slept(time_ns, time_ns - then_ns)
            if self._observer is not None:
                self._observer(events, time_ns)
        return frames

    def check(self, time_ns: int | None) -> None:
        """Check for answers that are overdue; to be called about once a second."""
        if self._protocol is None or time_ns is None:
            return
        self._note(Kind.CHECK, time_ns)
        events = self._protocol.check(time_ns=time_ns)
        self._builder.add(events)
        if events and self._observer is not None:
            self._observer(events, time_ns)

    def ping(self) -> None:
        """Queue a ping."""
        if self._protocol is not None:
            self._note(Kind.PING)
            self._protocol.ping()

    def outgoing(self) -> list[bytes]:
        """Return what is to be sent now."""
        return [] if self._protocol is None else self._protocol.outgoing()

    def disconnected(self, reason: str) -> None:
        """Forget the connection; every book is stale."""
        self._note(Kind.DISCONNECTED, payload=reason.encode())
        received_ns = 0 if self._protocol is None else self._protocol.received_ns
        self._protocol = None
        self._builder.disconnect(reason, received_ns)

    def lose_frames(self, reason: str) -> None:
        """Note that frames handed out were not published."""
        self._note(Kind.FRAMES_LOST, payload=reason.encode())
        self._builder.lose_frames(reason)

    def finish(self) -> list[Frame]:
        """Return the last frame of a market that has ended."""
        self._frame_ends_ns = 0
        return self._builder.finish(self.books)

    # What a recording needs

    def _note(self, kind: Kind, time_ns: int | None = None, payload: bytes = b"") -> None:
        if self._recorder is not None:
            self._recorder.note(self, kind, time_ns, payload)

    def take(self, record: Record) -> list[Frame]:
        """Take in an input of another listener; return the frames that it returned."""
        match record.kind:
            case Kind.MESSAGE:
                return self.receive(record.payload, record.time_ns)
            case Kind.TIME:
                return self.pass_time(record.time_ns)
            case Kind.CHECK:
                self.check(record.time_ns)
            case Kind.PING:
                self.ping()
            case Kind.CONNECTED:
                self.connected(record.time_ns)
            case Kind.DISCONNECTED:
                self.disconnected(record.payload.decode(errors="replace"))
            case Kind.FRAMES_LOST:
                self.lose_frames(record.payload.decode(errors="replace"))
            case Kind.MEMORY | Kind.END:
                raise AssertionError(f"{record.kind.name} is no input: it begins or ends a file")
        return []

    def memory(self) -> bytes:
        """Return all that is known now."""
        protocol = None if self._protocol is None else self._protocol.memory()
        about = (self._symbols, self._depth, self._can_ask_again)
        clock = (self._advanced_ns, self._has_clock)
        memory = ListenerMemory(*about, self.tape, self._builder.memory(), protocol, *clock)
        return _memory_encoder.encode(memory)

    @classmethod
    def remembering(cls, data: bytes, *, observer: Observer | None = None) -> Listener:
        """Return a listener that knows what ``memory`` returned.

        Raises:
            InvalidMemory: the bytes are no such memory.
        """
        try:
            memory = _memory_decoder.decode(data)
        except (msgspec.MsgspecError, ValueError) as error:
            raise InvalidMemory(f"{len(data)} bytes are not a listener's memory: {error}") from None
        listener = cls(
            memory.symbols,
            depth=memory.depth,
            tape=memory.tape,
            can_ask_again=memory.can_ask_again,
            observer=observer,
        )
        listener._builder.remember(memory.builder)
        listener._advanced_ns, listener._has_clock = memory.advanced_ns, memory.has_clock
        if memory.protocol is not None:
            listener.connected(0)
            assert listener._protocol is not None, "a connection was just begun"
            listener._protocol.remember(memory.protocol)
            if observer is not None:
                observer([InstrumentsChanged(tuple(listener.instruments.values()))], None)
        return listener

    def follow_on(self, last_sequence: int, reason: str) -> None:
        """Join frames that another listener cut, the last of them ``last_sequence``."""
        self._builder.follow_on(last_sequence, reason)
        self._frame_ends_ns = 0
