"""Putting frames on the bus, beside the socket and never in its way."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
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

_log = logging.getLogger("feed")


class Publisher:
    """Frames that wait for the stream, in order; while Redis is away they wait longer."""

    def __init__(self, market: str, lease: Lease | None = None) -> None:
        self.is_fenced = False  # another feed publishes the market: this one may not any more
        self.published = 0  # frames that were new to the stream
        self.last_published_at_s: float | None = None  # wall clock
        self.seconds = Histogram()  # that batches took
        self._market = market
        self._lease = lease
        self._warns_of_another = not is_recording(market)  # once; a recording played again is no surprise
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
        attempt = 0
        while True:
            try:
                began_s = time.perf_counter()
                with ExitStack() as spans:
                    for frame in batch if tracing.is_on() else ():
                        spans.enter_context(tracing.frame_span(self._market, frame.sequence))
                    leased = {} if self._lease is None else {"token": self._lease.token}
                    new = await asyncio.to_thread(bus.publish, self._market, batch, **leased)
                self.seconds.observe(time.perf_counter() - began_s)
                if new < len(batch) and self._warns_of_another:
                    self._warns_of_another = False
                    _log.error(
                        "the stream had %s of our frames already: another feed publishes %s",
                        len(batch) - new,
                        self._market,
                    )
                self.published += new
                self.last_published_at_s = time.time()
                return
            except bus.LeaseLost as error:
                _log.error("%s frames were not published: %s", len(batch), error)
                self.fence()
                return
            except (redis.RedisError, bus.BusError, OSError) as error:
                wait_s = RETRY_S[min(attempt, len(RETRY_S) - 1)]
                _log.warning("Redis did not take %s frames, again in %s s: %s", len(batch), wait_s, error)
                attempt += 1
                await asyncio.sleep(wait_s)
