"""Cutting the stream of events into frames at epoch-aligned boundaries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from marketdata.kraken.events import (
    BookChanged,
    BookLost,
    ConnectionQuiet,
    HistoryReceived,
    InstrumentsChanged,
    LagMeasured,
    MarketEvent,
    StatusChanged,
    TradeSeen,
    TradesRenumbered,
)
from trading.book import BookTop, OrderBook
from trading.candles import MINUTE_NS
from trading.frames import (
    FRAME_DEPTH,
    FRAME_INTERVAL_MS,
    KEYFRAME_INTERVAL_MS,
    NS_PER_MS,
    STALE,
    Frame,
    Gap,
    History,
    Trade,
    sequence_at,
)
from trading.instruments import Instrument
from trading.recount import decimals_of, recount

INTERVAL_NS = FRAME_INTERVAL_MS * NS_PER_MS
HISTORIES_A_FRAME = 2  # 1,500 candles each: no frame grows large
MAX_SILENT_FRAMES = 6_000  # ten minutes; a longer silence is a gap, not a hundred thousand empty frames


class HeldEvents(msgspec.Struct):
    """What came of pairs after their decimals had changed within a frame: it goes into the next one."""

    instruments: dict[str, Instrument] = {}
    books: dict[str, None] = {}  # changed since
    trades: list[TradeSeen] = []
    histories: list[HistoryReceived] = []


class BuilderMemory(msgspec.Struct):
    """All that a builder knows; a field is named as the builder names it."""

    published: int
    sequence: int | None
    is_first: bool
    gap: Gap | None
    outage: tuple[int, str] | None
    system: str
    is_system_new: bool
    instruments: dict[str, Instrument]
    new_instruments: dict[str, Instrument]
    live: set[str]
    statuses: dict[str, str]
    is_status_new: bool
    tops: dict[str, BookTop]
    touched: dict[str, None]
    trades: list[Trade]
    late: list[Trade]
    is_behind: bool
    histories: list[History]
    is_quiet: bool = False
    renumbered: list[str] = []
    held: HeldEvents = msgspec.field(default_factory=HeldEvents)


class FrameBuilder:
    """Collects events into the frame of the present interval.

    Before the messages of a new time are read, ``advance`` closes the frames that ended
    before it: a frame shows the books as they stood at its boundary. ``after_sequence``
    is the last frame that an earlier feed published; what lies between is a gap.
    """

    def __init__(self, *, after_sequence: int = 0) -> None:
        self._published = after_sequence
        self._sequence: int | None = None  # of the frame in the making; None before any time is known
        self._is_first = True
        self._gap: Gap | None = None
        self._outage: tuple[int, str] | None = None  # since when the market is not watched, and why
        self._system = ""
        self._is_system_new = False
        self._instruments: dict[str, Instrument] = {}
        self._new_instruments: dict[str, Instrument] = {}
        self._live: set[str] = set()  # symbols whose book is verified
        self._statuses: dict[str, str] = {}
        self._is_status_new = False  # of some symbol, perhaps: with all pairs, checking every frame would be slow
        self._tops: dict[str, BookTop] = {}
        self._touched: dict[str, None] = {}
        self._trades: list[Trade] = []
        self._late: list[Trade] = []
        self._is_behind = False  # messages arrive too late to be traded on
        self._histories: list[History] = []  # not yet in a frame
        self._is_quiet = False  # nothing comes, though the connection is open
        self._renumbered: list[str] = []  # symbols whose trade ids begin anew
        self._held = HeldEvents()

    @property
    def last_sequence(self) -> int:
        """The newest closed frame's sequence, 0 before any."""
        return self._published

    @property
    def ends_ns(self) -> int:
        """When the frame in the making is over; until then ``advance`` has nothing to return."""
        return 0 if self._sequence is None else self._sequence * INTERVAL_NS

    def advance(self, time_ns: int, books: Mapping[str, OrderBook]) -> list[Frame]:
        """Return the frames that were over at ``time_ns``, oldest first."""
        current = sequence_at(time_ns)
        if self._sequence is None:
            self._begin(current, time_ns)
            return []
        if current - self._sequence > MAX_SILENT_FRAMES:
            frames = [self._close(books)]
            self._skip_to(current, "no message came", 0)
            return frames
        return [self._close(books) for _ in range(current - self._sequence)]

    def finish(self, books: Mapping[str, OrderBook]) -> list[Frame]:
        """Return the frame in the making as the last one: nothing more will come."""
        return [] if self._sequence is None else [self._close(books)]

    def add(self, events: Iterable[MarketEvent]) -> None:
        """Take events into the frame in the making."""
        held = self._held.instruments
        for event in events:
            # Nearly all events are these: checked first.
            if type(event) is BookChanged and event.symbol not in held:
                self._touched[event.symbol] = None
                if event.symbol not in self._live:
                    self._live.add(event.symbol)
                    self._is_status_new = True
                if self._outage is not None:
                    self._end_outage()
                continue
            if held and self._is_held(event):
                continue
            match event:
                case TradeSeen(trade=trade, is_late=is_late):
                    (self._late if is_late else self._trades).append(trade)
                case HistoryReceived(history=history):
                    self._histories.append(history)
                case TradesRenumbered(symbol=symbol, is_backwards=True):
                    self._renumbered.append(symbol)
                case StatusChanged(system=system):
                    self._is_system_new = self._is_system_new or system != self._system
                    self._system = system
                case InstrumentsChanged(instruments=instruments):
                    self._change(instruments)
                case _:
                    self._doubt(event)

    def _doubt(self, event: MarketEvent) -> None:
        """Take in whether books are known; all else is the feed's health, not the market's state."""
        match event:
            case BookLost(symbol=symbol):
                self._live.discard(symbol)
                self._held.books.pop(symbol, None)
                self._is_status_new = True
            case LagMeasured(is_behind=is_behind):
                self._is_status_new = self._is_status_new or is_behind != self._is_behind
                self._is_behind = is_behind
            case ConnectionQuiet(is_quiet=is_quiet):
                self._is_quiet, self._is_status_new = is_quiet, True
            case _:
                pass

    def _is_held(self, event: MarketEvent) -> bool:
        """Keep for the next frame what is counted in decimals that the frame in the making does not speak."""
        held = self._held
        match event:
            case BookChanged(symbol=symbol) if symbol in held.instruments:
                held.books[symbol] = None
            case TradeSeen(trade=trade) if trade.symbol in held.instruments:
                held.trades.append(event)
            case HistoryReceived(history=history) if history.symbol in held.instruments:
                held.histories.append(event)
            case _:
                return False
        return True

    def _change(self, instruments: Iterable[Instrument]) -> None:
        for instrument in instruments:
            self._change_one(instrument)

    def _change_one(self, instrument: Instrument) -> None:
        """Take in an instrument's rules; other decimals wait for the next frame, since this one speaks the old ones."""
        symbol, held = instrument.symbol, self._held
        if symbol in held.instruments:
            if decimals_of(held.instruments[symbol]) != decimals_of(instrument):
                # Twice within a frame: what was counted in between fits neither.
                held.trades = [seen for seen in held.trades if seen.trade.symbol != symbol]
                held.histories = [received for received in held.histories if received.history.symbol != symbol]
            held.instruments[symbol] = instrument
            return
        known = self._new_instruments.get(symbol) or self._instruments.get(symbol)
        if known is not None and decimals_of(known) != decimals_of(instrument):
            held.instruments[symbol] = instrument
            self._touched.pop(symbol, None)
        elif known != instrument:
            self._new_instruments[symbol] = instrument

    def _release(self) -> None:
        """Begin the next frame with what the last one could not say: it has no book in the old decimals."""
        held, self._held = self._held, HeldEvents()
        for symbol, instrument in held.instruments.items():
            self._tops.pop(symbol, None)
            self._new_instruments[symbol] = instrument
            change = recount(decimals_of(self._instruments[symbol]), instrument)
            if change is not None:
                self._histories = [change.history(h) if h.symbol == symbol else h for h in self._histories]
        self.add([*held.histories, *held.trades, *map(BookChanged, held.books)])

    def disconnect(self, reason: str, received_ns: int) -> None:
        """Mark every symbol stale until its book is verified again.

        The market was watched until ``received_ns``, when the last message of use came: a connection may be broken
        long before it is given up.
        """
        self._is_behind, self._is_quiet = False, False
        self._forget_books()
        if self._sequence is not None and self._outage is None:
            now_ns = (self._sequence - 1) * INTERVAL_NS
            self._outage = (min(now_ns, received_ns or now_ns), reason)

    def sleep(self, received_ns: int, time_ns: int, reason: str, books: Mapping[str, OrderBook]) -> list[Frame]:
        """Return the frame that was in the making when time stood still; the stretch until ``time_ns`` is a gap.

        Nobody watched after ``received_ns``, so that every symbol is stale until its book is verified afresh.
        """
        current = sequence_at(time_ns)
        if self._sequence is None or current <= self._sequence:
            return []
        frames = [self._close(books)]
        self._skip_to(current, reason, received_ns)
        self._forget_books()
        return frames

    def _forget_books(self) -> None:
        self._is_status_new = True
        self._live.clear()
        self._touched.clear()
        self._held.books.clear()

    def lose_frames(self, reason: str) -> None:
        """Note that closed frames were thrown away: the next one has the gap and repeats everything."""
        if self._sequence is not None and self._gap is None:
            now_ns = (self._sequence - 1) * INTERVAL_NS
            self._gap, self._is_first = Gap(self._published * INTERVAL_NS, now_ns, reason), True

    def memory(self) -> BuilderMemory:
        """Return what is known now; it is lent, to be encoded at once."""
        return BuilderMemory(**{name: getattr(self, f"_{name}") for name in BuilderMemory.__struct_fields__})

    def remember(self, memory: BuilderMemory) -> None:
        """Go on from where another builder was."""
        for name in BuilderMemory.__struct_fields__:
            setattr(self, f"_{name}", getattr(memory, name))

    def follow_on(self, last_sequence: int, reason: str) -> None:
        """Join frames that ended with ``last_sequence``; what was cut since then is a gap with this reason."""
        if self._sequence is None:
            self._published = last_sequence
        elif self._published > last_sequence:
            from_ns, to_ns = last_sequence * INTERVAL_NS, (self._sequence - 1) * INTERVAL_NS
            self._published, self._gap, self._is_first = last_sequence, Gap(from_ns, to_ns, reason), True

    def _begin(self, sequence: int, time_ns: int) -> None:
        # A clock that was set back must not publish again what is published: wait for it to catch up.
        self._sequence = max(sequence, self._published + 1)
        if self._published:
            last_ns = self._published * INTERVAL_NS
            self._gap = Gap(last_ns, max(last_ns, time_ns), "the feed was not running")

    def _skip_to(self, sequence: int, reason: str, received_ns: int) -> None:
        from_ns = min(self._published * INTERVAL_NS, received_ns or self._published * INTERVAL_NS)
        self._gap = Gap(from_ns, (sequence - 1) * INTERVAL_NS, reason)
        self._sequence, self._is_first = sequence, True
        if self._outage is not None:
            self._outage = (self._gap.to_ns, self._outage[1])

    def _end_outage(self) -> None:
        assert self._outage is not None, "called only in an outage"
        assert self._sequence is not None, "an outage begins after a first frame"
        (from_ns, reason), self._outage = self._outage, None
        opened_ns = (self._sequence - 1) * INTERVAL_NS
        if opened_ns > from_ns and self._gap is None:
            self._gap = Gap(from_ns, opened_ns, reason)

    def _close(self, books: Mapping[str, OrderBook]) -> Frame:
        assert self._sequence is not None, "only a frame in the making is closed"
        time_ns = self._sequence * INTERVAL_NS
        is_keyframe = self._is_first or time_ns % (KEYFRAME_INTERVAL_MS * NS_PER_MS) == 0
        instruments, self._new_instruments = self._new_instruments, {}
        if instruments:
            self._instruments |= instruments
            self._is_status_new = True
        changed_books = self._changed_books(books)
        changed_statuses = self._changed_statuses()
        frame = Frame(
            sequence=self._sequence,
            time_ns=time_ns,
            books=dict(self._tops) if is_keyframe else changed_books,
            trades=tuple(self._trades),
            late=tuple(self._late),
            statuses=dict(self._statuses) if is_keyframe else changed_statuses,
            system=self._system if is_keyframe or self._is_system_new else "",
            instruments=tuple((self._instruments if is_keyframe else instruments).values()),
            renumbered=tuple(dict.fromkeys(self._renumbered)),
            history=tuple(self._histories[:HISTORIES_A_FRAME]),
            gap=self._gap_until(time_ns),
            is_keyframe=is_keyframe,
        )
        del self._histories[:HISTORIES_A_FRAME]
        self._published, self._sequence = self._sequence, self._sequence + 1
        self._is_first = self._is_system_new = False
        self._trades, self._late, self._renumbered, self._gap = [], [], [], None
        if self._held.instruments:
            self._release()
        return frame

    def _changed_books(self, books: Mapping[str, OrderBook]) -> dict[str, BookTop]:
        changed: dict[str, BookTop] = {}
        for symbol in self._touched:
            book = books.get(symbol)
            if book is not None and (top := book.top(FRAME_DEPTH)) != self._tops.get(symbol):
                changed[symbol] = self._tops[symbol] = top
        self._touched.clear()
        return changed

    def _changed_statuses(self) -> dict[str, str]:
        changed: dict[str, str] = {}
        if not self._is_status_new:
            return changed
        self._is_status_new = False
        for symbol, instrument in self._instruments.items():
            is_stale = self._is_behind or self._is_quiet or symbol not in self._live
            status = STALE if is_stale else instrument.status
            if status != self._statuses.get(symbol):
                changed[symbol] = self._statuses[symbol] = status
        return changed

    def _gap_until(self, time_ns: int) -> Gap | None:
        """Return the frame's gap; an outage gives its part every minute, so that no flat candle is made of it."""
        if self._gap is None and self._outage is not None and time_ns % MINUTE_NS == 0:
            from_ns, reason = self._outage
            self._outage = (time_ns, reason)
            return Gap(from_ns, time_ns, reason)
        return self._gap
