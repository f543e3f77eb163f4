"""One symbol's minutes: built from prints, closed in time, corrected by prints that come late.

And times as numbers: nanoseconds since the epoch, of which a minute, an hour and a day have so many.
"""

from __future__ import annotations

from bisect import insort
from datetime import UTC, datetime, timedelta

import msgspec

from trading.candles import MINUTE_NS, Candle, counted, counts
from trading.frames import Count
from trading.recount import Recount

KEPT_MINUTES = 5  # closed ones that a late print still corrects
LONGEST_FLAT_MINUTES = 60  # closed at once; a longer stretch was not watched, and gives no candles
AHEAD_NS = 5 * 1_000_000_000  # a print closes no minute that ends further beyond its frame
FARTHEST_NS = 10 * MINUTE_NS  # a print made further beyond its frame is in no minute at all
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def ns_of(moment: datetime) -> int:
    """Return an aware ``moment`` as nanoseconds since the epoch; the inverse of `frames.utc`, to the microsecond."""
    return (moment - EPOCH) // _MICROSECOND * 1_000


class Minute(msgspec.Struct, array_like=True):
    """What was traded in one minute, in ticks and lots; the ids say which print was first and last."""

    start_ns: int
    first_id: int
    open: Count
    high: Count
    low: Count
    close: Count
    last_id: int
    volume: Count
    trades: int

    @classmethod
    def flat(cls, start_ns: int, ticks: Count) -> Minute:
        """Return a minute in which nobody traded."""
        return cls(start_ns, 0, ticks, ticks, ticks, ticks, 0, 0, 0)

    def renumber(self) -> None:
        """Put the prints so far before those to come, whose ids begin anew."""
        self.first_id = self.last_id = 0

    def add(self, trade_id: int, ticks: int, lots: int) -> None:
        """Take in a print, in whatever order prints come."""
        if self.trades == 0:
            self.first_id = self.last_id = trade_id
            self.open = self.high = self.low = self.close = ticks
        elif trade_id < self.first_id:
            self.first_id, self.open = trade_id, ticks
        elif trade_id > self.last_id:
            self.last_id, self.close = trade_id, ticks
        self.high, self.low = max(self.high, ticks), min(self.low, ticks)
        self.volume, self.trades = self.volume + lots, self.trades + 1

    def candle(self) -> Candle:
        """Return the minute as a candle."""
        return counted((self.start_ns, self.open, self.high, self.low, self.close, self.volume, self.trades))

    def recount(self, change: Recount) -> None:
        """Count in other decimals, exactly."""
        self.open, self.high = change.exact_ticks(self.open), change.exact_ticks(self.high)
        self.low, self.close = change.exact_ticks(self.low), change.exact_ticks(self.close)
        self.volume = change.exact_lots(self.volume)


class CandleBuilder(msgspec.Struct):
    """Folds one symbol's prints into one-minute candles, and holds all it knows for a checkpoint.

    Feed and workers run this same code over the same frames, so that the candles in
    the database are the candles that strategies saw. A minute that was not watched
    whole gives no candle: half of one would be believed.
    """

    next_ns: int | None = None  # start of the oldest minute that is not closed; None before any print
    last_close: Count | None = None  # of the newest closed minute, ticks
    last_id: int = 0  # of the newest print
    minutes: list[Minute] = []  # oldest first: closed ones that may yet be corrected, then open ones

    def add(
        self, trade_id: int, time_ns: int, ticks: int, lots: int, *, now_ns: int | None = None
    ) -> tuple[list[Candle], list[Candle]]:
        """Add one print; return the minutes that it closed, oldest first, and those that it corrected.

        ``now_ns`` is the time of its frame: one wrong time of a print must not end the minutes of others.
        """
        if now_ns is not None and time_ns > now_ns + FARTHEST_NS:
            return [], []
        closed = self.close_until(time_ns if now_ns is None else min(time_ns, now_ns + AHEAD_NS))
        start_ns = _minute(time_ns)
        if self.next_ns is None:
            self.next_ns = start_ns
        is_newest = trade_id > self.last_id
        self.last_id = max(self.last_id, trade_id)
        minute = self._at(start_ns)
        if start_ns >= self.next_ns:
            if minute is None:
                minute = self._begin(start_ns, ticks)
            minute.add(trade_id, ticks, lots)
            return closed, []
        if minute is not None:
            minute.add(trade_id, ticks, lots)
            return closed, self._corrected_from(minute)
        if is_newest:
            # Of a minute that was not watched whole: the flat minutes after it begin at this price.
            self.last_close = ticks
        return closed, []

    def close_until(self, time_ns: int) -> list[Candle]:
        """Return the minutes that ended at or before ``time_ns``, flat ones included.

        Where more are due than could be silent in a watched market, they are left out.
        """
        closed: list[Candle] = []
        if self.next_ns is not None and time_ns - self.next_ns > LONGEST_FLAT_MINUTES * MINUTE_NS:
            self.interrupt(_minute(time_ns))
        while self.next_ns is not None and self.next_ns + MINUTE_NS <= time_ns:
            minute = self._at(self.next_ns)
            if minute is None and self.last_close is not None:
                minute = self._begin(self.next_ns, self.last_close)
            if minute is not None:
                self.last_close = minute.close
                closed.append(minute.candle())
            self.next_ns += MINUTE_NS
            self._forget()
        return closed

    def interrupt(self, time_ns: int) -> None:
        """Leave out the minutes, the forming one included, of a stretch until ``time_ns`` that was not watched."""
        end_ns = -(-time_ns // MINUTE_NS) * MINUTE_NS
        if self.next_ns is None or end_ns > self.next_ns:
            if self.next_ns is not None:
                cut = [minute for minute in self.minutes if self.next_ns <= minute.start_ns < end_ns]
                if cut:
                    self.last_close = cut[-1].close
                    self.minutes = [minute for minute in self.minutes if minute not in cut]
            self.next_ns = end_ns
            self._forget()

    def recount(self, change: Recount) -> None:
        """Go on in other decimals; what prints have made of the minutes stays what it was."""
        for minute in self.minutes:
            minute.recount(change)
        if self.last_close is not None:
            self.last_close = change.exact_ticks(self.last_close)

    def renumber(self) -> None:
        """Take the next print for the newest, whatever its id: the exchange counts them anew."""
        self.last_id = 0
        for minute in self.minutes:
            minute.renumber()

    def begin_after(self, newest: Candle) -> None:
        """Go on from history, where nobody has traded since we watch."""
        if self.last_close is None and not self.minutes:
            self.last_close = counts(newest)[4]
            self.next_ns = max(self.next_ns or 0, newest.start_ns + MINUTE_NS)

    @property
    def oldest_ns(self) -> int | None:
        """The start of the oldest minute that may yet be corrected, None when none may."""
        return self.minutes[0].start_ns if self.minutes else None

    @property
    def forming(self) -> Candle | None:
        """The minute that is not closed yet, in ticks and lots; flat while nobody has traded in it.

        None where it is not watched from its beginning: half a minute would be believed.
        """
        if self.next_ns is None:
            return None
        minute = self._at(self.next_ns)
        if minute is None and self.last_close is not None:
            minute = Minute.flat(self.next_ns, self.last_close)
        return minute.candle() if minute is not None else None

    def _corrected_from(self, minute: Minute) -> list[Candle]:
        """Return a closed minute that has changed, and the flat ones after it that repeat its close."""
        corrected = [minute.candle()]
        start_ns = minute.start_ns + MINUTE_NS
        while start_ns < (self.next_ns or 0):
            after = self._at(start_ns)
            if after is None or after.trades or after.close == minute.close:
                return corrected
            after.open = after.high = after.low = after.close = minute.close
            corrected.append(after.candle())
            start_ns += MINUTE_NS
        self.last_close = minute.close
        return corrected

    def _begin(self, start_ns: int, ticks: Count) -> Minute:
        minute = Minute.flat(start_ns, ticks)
        insort(self.minutes, minute, key=lambda known: known.start_ns)
        return minute

    def _at(self, start_ns: int) -> Minute | None:
        return next((minute for minute in reversed(self.minutes) if minute.start_ns == start_ns), None)

    def _forget(self) -> None:
        kept_ns = (self.next_ns or 0) - KEPT_MINUTES * MINUTE_NS
        self.minutes = [minute for minute in self.minutes if minute.start_ns >= kept_ns]


def _minute(time_ns: int) -> int:
    return time_ns - time_ns % MINUTE_NS
