"""The ear of a feed: messages and times in, frames out. No socket and no clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from marketdata.framing import FrameBuilder
from marketdata.kraken.events import BadFrame, MarketEvent
from marketdata.kraken.protocol import KrakenProtocol
from trading.book import OrderBook
from trading.frames import FRAME_DEPTH, Frame
from trading.instruments import Instrument

Witness = Callable[[list[MarketEvent], int | None], None]  # events and when they were received, ns


class Listener:
    """One feed's connections, one after the other, and the frames cut from them.

    The feed and a replay of its recording run this same code, so that both make the
    same frames. ``witness`` is shown every event, for the feed's figures.
    """

    def __init__(
        self,
        symbols: Iterable[str],
        *,
        after_sequence: int = 0,
        last_trade_ids: dict[str, int] | None = None,
        can_ask_again: bool = True,
        witness: Witness | None = None,
    ) -> None:
        self._symbols = tuple(symbols)
        self._builder = FrameBuilder(after_sequence=after_sequence)
        self._last_trade_ids = last_trade_ids or {}
        self._can_ask_again = can_ask_again
        self._witness = witness
        self._protocol: KrakenProtocol | None = None

    @property
    def books(self) -> Mapping[str, OrderBook]:
        """The books that are verified now."""
        return {} if self._protocol is None else self._protocol.books

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """The rules that this connection has told."""
        return {} if self._protocol is None else self._protocol.instruments

    @property
    def wants_reconnect(self) -> bool:
        """True when the connection should be given up."""
        return self._protocol is not None and self._protocol.wants_reconnect

    def connected(self, time_ns: int | None) -> None:
        """Begin a new connection, which remembers nothing of the last."""
        self._protocol = KrakenProtocol(
            self._symbols,
            depth=FRAME_DEPTH,
            last_trade_ids=self._last_trade_ids,
            can_ask_again=self._can_ask_again,
            time_ns=time_ns or 0,
        )

    def hear(self, message: bytes, time_ns: int | None) -> list[Frame]:
        """Take in one text message; return the frames that were over when it came.

        ``time_ns`` is None while a recording has not told any time: such messages
        belong to the first frame.
        """
        assert self._protocol is not None, "messages come through a connection"
        # The frames before this message must not show what it changes.
        frames = self.pass_time(time_ns)
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
        return [] if time_ns is None else self._builder.advance(time_ns, self.books)

    def check(self, time_ns: int | None) -> None:
        """Look for answers that are overdue; to be called about once a second."""
        if self._protocol is None or time_ns is None:
            return
        events = self._protocol.check(time_ns=time_ns)
        self._builder.add(events)
        if events and self._witness is not None:
            self._witness(events, time_ns)

    def ping(self) -> None:
        """Queue a ping."""
        if self._protocol is not None:
            self._protocol.ping()

    def outgoing(self) -> list[bytes]:
        """Return what is to be sent now."""
        return [] if self._protocol is None else self._protocol.outgoing()

    def disconnected(self, reason: str) -> None:
        """Forget the connection; every book is stale."""
        self._protocol = None
        self._builder.disconnect(reason)

    def lose_frames(self, reason: str) -> None:
        """Say that frames handed out were not published."""
        self._builder.lose_frames(reason)

    def finish(self) -> list[Frame]:
        """Return the last frame of a market that has ended."""
        return self._builder.finish(self.books)
