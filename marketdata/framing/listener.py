"""The ear of a feed: messages and times in, frames out. No socket and no clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import msgspec

from marketdata.framing.frame_builder import BuilderMemory, FrameBuilder
from marketdata.framing.records import Kind, Record
from marketdata.kraken.events import BadFrame, InstrumentsChanged, MarketEvent
from marketdata.kraken.protocol import KrakenProtocol, ProtocolMemory
from marketdata.kraken.tape import Tape
from trading.book import OrderBook
from trading.frames import FRAME_DEPTH, Frame
from trading.instruments import Instrument

Witness = Callable[[list[MarketEvent], int | None], None]  # events and when they were received, ns


class ListenerMemory(msgspec.Struct):
    """All that a listener knows: another that remembers it goes on with the same frames."""

    symbols: tuple[str, ...]
    depth: int
    can_ask_again: bool
    tape: Tape
    builder: BuilderMemory
    protocol: ProtocolMemory | None  # None between two connections


_memory_encoder = msgspec.msgpack.Encoder()
_memory_decoder = msgspec.msgpack.Decoder(ListenerMemory)


class InvalidMemory(ValueError):
    """Bytes that are not a listener's memory."""


class Scribe(Protocol):
    """Who writes down what a listener is told, before it has heeded it."""

    def note(self, listener: Listener, kind: Kind, time_ns: int | None, payload: bytes) -> None:
        """Take one thing; ``time_ns`` is None for what happens at no other time than the last."""


class Listener:
    """One feed's connections, one after the other, and the frames cut from them.

    The feed and a replay of its recording run this same code, so that both make the
    same frames. ``witness`` is shown every event, for the feed's figures; ``scribe`` all that
    the listener is told, so that ``take`` can tell it again. ``depth`` is that of the books.
    """

    def __init__(
        self,
        symbols: Iterable[str],
        *,
        depth: int = FRAME_DEPTH,
        after_sequence: int = 0,
        tape: Tape | None = None,
        can_ask_again: bool = True,
        witness: Witness | None = None,
        scribe: Scribe | None = None,
    ) -> None:
        self._symbols = tuple(symbols)
        self._depth = depth
        self._builder = FrameBuilder(after_sequence=after_sequence)
        self.tape = Tape() if tape is None else tape
        self._can_ask_again = can_ask_again
        self._witness = witness
        self._scribe = scribe
        self._protocol: KrakenProtocol | None = None
        self._frame_ends_ns = 0  # until then a message closes no frame; zero: ask the builder

    @property
    def books(self) -> Mapping[str, OrderBook]:
        """The books that are verified now."""
        return {} if self._protocol is None else self._protocol.books

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """The rules that this connection has told."""
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

    def hear(self, message: bytes, time_ns: int | None) -> list[Frame]:
        """Take in one text message; return the frames that were over when it came.

        ``time_ns`` is None while a recording has not told any time: such messages
        belong to the first frame.
        """
        assert self._protocol is not None, "messages come through a connection"
        if self._scribe is not None:
            self._scribe.note(self, Kind.MESSAGE, time_ns, message)
        # The frames before this message must not show what it changes.
        frames = self._advance(time_ns) if time_ns is not None and time_ns >= self._frame_ends_ns else []
        events = self._protocol.receive(message, time_ns=time_ns or 0)
        self._builder.add(events)
        if self._witness is not None:
            self._witness(events, time_ns)
        return frames

    def refuse(self, message: bytes, reason: str, time_ns: int | None) -> None:
        """Note a message that was not even read."""
        excerpt = message[:60].hex()
        if self._witness is not None:
            self._witness([BadFrame(reason, excerpt)], time_ns)

    def pass_time(self, time_ns: int | None) -> list[Frame]:
        """Return the frames that were over at ``time_ns``."""
        self._note(Kind.TIME, time_ns)
        return self._advance(time_ns)

    def _advance(self, time_ns: int | None) -> list[Frame]:
        if time_ns is None:
            return []
        frames = self._builder.advance(time_ns, self.books)
        self._frame_ends_ns = self._builder.ends_ns
        return frames

    def check(self, time_ns: int | None) -> None:
        """Look for answers that are overdue; to be called about once a second."""
        if self._protocol is None or time_ns is None:
            return
        self._note(Kind.CHECK, time_ns)
        events = self._protocol.check(time_ns=time_ns)
        self._builder.add(events)
        if events and self._witness is not None:
            self._witness(events, time_ns)

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
        self._protocol = None
        self._builder.disconnect(reason)

    def lose_frames(self, reason: str) -> None:
        """Say that frames handed out were not published."""
        self._note(Kind.FRAMES_LOST, payload=reason.encode())
        self._builder.lose_frames(reason)

    def finish(self) -> list[Frame]:
        """Return the last frame of a market that has ended."""
        self._frame_ends_ns = 0
        return self._builder.finish(self.books)

    # What a recording needs

    def _note(self, kind: Kind, time_ns: int | None = None, payload: bytes = b"") -> None:
        if self._scribe is not None:
            self._scribe.note(self, kind, time_ns, payload)

    def take(self, record: Record) -> list[Frame]:
        """Take in what another listener was told; return the frames that it returned."""
        match record.kind:
            case Kind.MESSAGE:
                return self.hear(record.payload, record.time_ns)
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
                raise AssertionError(f"{record.kind.name} is told to nobody: it begins or ends a file")
        return []

    def memory(self) -> bytes:
        """Return all that is known now."""
        protocol = None if self._protocol is None else self._protocol.memory()
        about = (self._symbols, self._depth, self._can_ask_again)
        memory = ListenerMemory(*about, self.tape, self._builder.memory(), protocol)
        return _memory_encoder.encode(memory)

    @classmethod
    def remembering(cls, data: bytes, *, witness: Witness | None = None) -> Listener:
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
            witness=witness,
        )
        listener._builder.remember(memory.builder)
        if memory.protocol is not None:
            listener.connected(0)
            assert listener._protocol is not None, "a connection was just begun"
            listener._protocol.remember(memory.protocol)
            if witness is not None:
                witness([InstrumentsChanged(tuple(listener.instruments.values()))], None)
        return listener

    def follow_on(self, last_sequence: int, reason: str) -> None:
        """Join frames that another listener cut, the last of them ``last_sequence``."""
        self._builder.follow_on(last_sequence, reason)
        self._frame_ends_ns = 0
