"""Putting frames on the bus, beside the socket and never in its way."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack

import redis

from marketdata import bus
from marketdata.feed.lock import Lease
from marketdata.market_names import is_recording
from marketdata.telemetry import tracing
from marketdata.telemetry.metrics import Histogram
from trading.frames import Frame

MAX_BACKLOG = bus.KEPT_FRAMES  # a stream that was away longer would drop them at once
BUSY_BACKLOG = 2_000  # from here on a recording waits
BATCH = 500
RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0)
WARN_EVERY_S = 60.0  # of the same trouble

_log = logging.getLogger("feed")


class Publisher:
    """Frames that wait for the stream, in order; while Redis is away they wait longer."""

    def __init__(
        self, market: str, lease: Lease | None = None, *, report: Callable[[str], None] = lambda _: None
    ) -> None:
        """``report`` takes why Redis refuses frames, each time it does."""
        self.is_fenced = False  # another feed publishes the market: this one may not any more
        self.published = 0  # frames that the stream has taken
        self.refused = 0  # frames that it has not, because it is ahead of them
        self.last_published_at_s: float | None = None  # wall clock
        self.seconds = Histogram()  # that batches took
        self._market = market
        self._lease = lease
        self._report = report
        self._complaint = ""  # why the last batch had to wait
        self._logged = ("", 0.0)  # the last warning, and when
        self._backlog: deque[Frame] = deque()
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def waiting(self) -> int:
        """How many frames Redis has yet to take."""
        return len(self._backlog)

    @property
    def is_busy(self) -> bool:
        """True when a source that can wait should."""
        return len(self._backlog) >= BUSY_BACKLOG

    @property
    def complaint(self) -> str:
        """Why frames were waiting for so long that they are lost."""
        return self._complaint or "Redis was away too long"

    def put(self, frames: list[Frame]) -> bool:
        """Queue frames; False when the backlog was full and is thrown away."""
        if not frames or self.is_fenced:
            return True
        is_full = len(self._backlog) + len(frames) > MAX_BACKLOG
        if is_full:
            self._backlog.clear()
        else:
            self._backlog.extend(frames)
            self._idle.clear()
        self._work.set()
        return not is_full

    async def run(self) -> None:
        """Publish until cancelled, or until another feed has taken over."""
        while not self.is_fenced:
            await self._work.wait()
            self._work.clear()
            while self._backlog:
                batch = [self._backlog.popleft() for _ in range(min(BATCH, len(self._backlog)))]
                await self._publish(batch)
            self._idle.set()

    def fence(self) -> None:
        """Publish nothing more: another feed has taken over."""
        self.is_fenced = True
        self._backlog.clear()
        self._work.set()

    async def drain(self) -> None:
        """Return when all that was put is published."""
        await self._idle.wait()

    async def _publish(self, batch: list[Frame]) -> None:
        for attempt in range(1 << 62):
            try:
                began_s = time.perf_counter()
                with ExitStack() as spans:
                    for frame in batch if tracing.is_on() else ():
                        spans.enter_context(tracing.frame_span(self._market, frame.sequence))
                    taken = await asyncio.to_thread(self._taken, batch, not attempt)
                self.seconds.observe(time.perf_counter() - began_s)
                self._complaint = ""
                self._note_taken(taken, batch)
                return
            except bus.LeaseLost as error:
                _log.error("%s frames were not published: %s", len(batch), error)
                self.fence()
                return
            except (redis.RedisError, bus.BusError, OSError) as error:
                await self._wait_for_redis(attempt, len(batch), error)

    def _taken(self, batch: list[Frame], is_first: bool) -> int:
        """Publish frames; return how many the stream holds now: an attempt that failed may have brought some."""
        leased = {} if self._lease is None else {"token": self._lease.token}
        new = bus.publish(self._market, batch, **leased)
        return new if is_first or new == len(batch) else bus.held(self._market, batch)

    def _note_taken(self, taken: int, batch: list[Frame]) -> None:
        self.published += taken
        if taken or is_recording(self._market):  # one that is played again brings nothing new
            self.last_published_at_s = time.time()
        if taken == len(batch) or is_recording(self._market):
            return
        self.refused += len(batch) - taken
        refused = f"the stream of {self._market} refused {len(batch) - taken} frames: it holds later ones"
        self._warn(logging.ERROR, f"{refused}, of another feed or of a clock that was ahead")
        self._report(refused)

    async def _wait_for_redis(self, attempt: int, frames: int, error: Exception) -> None:
        wait_s = RETRY_S[min(attempt, len(RETRY_S) - 1)]
        is_there = isinstance(error, bus.BusError | redis.ResponseError)
        if is_there:
            self._complaint = f"Redis refused them for too long: {error}"
            self._report(f"Redis refuses frames, which wait: {error}")
        self._warn(logging.WARNING, f"Redis {'refuses' if is_there else 'did not take'} {frames} frames: {error}")
        await asyncio.sleep(wait_s)

    def _warn(self, level: int, text: str) -> None:
        """Log it unless the same was logged within the last minute, numbers aside."""
        words, now_s = re.sub(r"\d+", "", text), time.monotonic()
        known, at_s = self._logged
        if words != known or now_s - at_s >= WARN_EVERY_S:
            self._logged = (words, now_s)
            _log.log(level, "%s; tried again until it does", text)
