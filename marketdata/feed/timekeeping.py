"""Setting the feed's clock by the exchange's: before the first frame at once, later only when it is certain."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from marketdata.feed.clock import LiveClock
from marketdata.feed.health import FeedHealth
from marketdata.kraken.events import ClockMeasured
from marketdata.kraken.exchange_clock import WRONG_NS
from marketdata.kraken.rest import ClockReading, KrakenRest
from trading.frames import NS_PER_S

WITHIN_S = 2.0  # REST is to answer, or the feed goes by what it knows

_log = logging.getLogger("feed")


class Timekeeper:
    """Keeps a live feed's clock, by which frames and candles are cut, at the exchange's time."""

    def __init__(
        self, clock: LiveClock, health: FeedHealth, rest: KrakenRest | None, note: Callable[[str, str], None]
    ) -> None:
        self._clock = clock
        self._health = health
        self._rest = rest
        self._note = note

    async def begin(self) -> None:
        """Set the clock before the first frame is cut, where the machine's is wrong."""
        reading = await self._reading()
        if reading is not None and abs(reading.ahead_ns) > WRONG_NS:
            self._clock.begin_at(reading.ahead_ns)
            self._health.clock.corrected_ns = self._clock.corrected_ns
            self._health.observe([ClockMeasured(0)], self._clock.now_ns())

    async def check(self) -> None:
        """Set the clock when it has been wrong for long and REST does not disagree; to be called once a second."""
        self._health.clock.corrected_ns = self._clock.corrected_ns
        due_ns = self._health.clock.due_ns(self._clock.now_ns())
        if not due_ns:
            return
        reading = await self._reading()
        if reading is not None and abs(reading.ahead_ns - self._clock.corrected_ns - due_ns) > WRONG_NS:
            self._health.clock.was_set(0)  # another minute, then it is looked at again
            rest_s = reading.ahead_ns / NS_PER_S
            self._note("clock", f"the exchange's clocks differ: REST is {rest_s:+.1f} s off this machine's")
            return
        self._clock.correct(due_ns)
        self._health.clock.was_set(due_ns)
        words = f"the feed's clock is set by {due_ns / NS_PER_S:+.1f} s, to the exchange's"
        self._note("clock", words)
        _log.warning(words)

    async def _reading(self) -> ClockReading | None:
        if self._rest is None:
            return None
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(asyncio.to_thread(self._rest.exchange_clock), WITHIN_S)
        return None
