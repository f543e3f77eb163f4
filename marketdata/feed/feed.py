"""The feed: one source received, cut into frames, published and kept."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine
from functools import partial
from typing import Any

import redis

from marketdata import bus
from marketdata.feed.clock import LiveClock, RecordedClock
from marketdata.feed.connection_budget import Budget
from marketdata.feed.health import FeedHealth
from marketdata.feed.keeper import Keeper
from marketdata.feed.lock import Lease
from marketdata.feed.publisher import Publisher
from marketdata.feed.repairer import Repairer
from marketdata.feed.timekeeping import Timekeeper
from marketdata.feed.traffic import Traffic
from marketdata.feed.warm_up import WarmUp
from marketdata.framing.frame_builder import INTERVAL_NS
from marketdata.framing.listener import Listener
from marketdata.framing.records import InvalidRecord, Kind, decode_record
from marketdata.kraken.client import END_OF_RECORDING, KrakenClient
from marketdata.kraken.rest import KrakenRest
from marketdata.kraken.tape import Tape
from marketdata.recording.files import InvalidRecording
from marketdata.recording.recorder import Recorder
from marketdata.recording.replay import Replay
from marketdata.recording.server import TIME_MESSAGE
from marketdata.telemetry import pulse
from trading.frames import FRAME_DEPTH, NS_PER_S, Frame

STATE_EVERY_S = 1.0
FAREWELL_S = 5.0  # for what is still to be published and written
_LOG_EVERY_S = 60

_log = logging.getLogger("feed")


class SourceFailed(RuntimeError):
    """A recording ended before its end."""


class Feed:
    """One market's feed: the listener of its socket client.

    ``keeper`` brings the market as an earlier feed left it, ``after_sequence`` is the
    last frame that one published. Where there is ``rest``, what the market missed is
    brought from there. ``recorder`` records all that the listener receives. With a ``lease`` it publishes only
    while that is the market's newest.
    """

    def __init__(
        self,
        keeper: Keeper,
        url: str,
        symbols: tuple[str, ...],
        *,
        source: str,
        is_recording: bool,
        after_sequence: int = 0,
        rest: KrakenRest | None = None,
        recorder: Recorder | None = None,
        depth: int = FRAME_DEPTH,
        lease: Lease | None = None,
    ) -> None:
        self._source = source
        self._lease = lease
        self._keeper = keeper
        self._live_clock = LiveClock()
        self._recorded_clock = RecordedClock() if is_recording else None
        self.traffic = Traffic()
        # A recording holds what it holds.
        self.health = FeedHealth(started_ns=self._live_clock.now_ns(), named=() if is_recording else tuple(symbols))
        self._listener = Listener(
            symbols,
            depth=depth,
            after_sequence=after_sequence,
            tape=Tape.of(keeper.market.tapes()),
            can_ask_again=not is_recording,
            observer=self.health.observe,
            recorder=recorder,
        )
        self._recorder = recorder
        self._replay = Replay(observer=self.health.observe)  # of a feed's own recording
        self._publisher = Publisher(keeper.market_name, lease, report=lambda detail: self._note("frames_lost", detail))
        self._client = KrakenClient(url, self, reconnects=not is_recording)
        self._timekeeper = None if is_recording else Timekeeper(self._live_clock, self.health, rest, self._note)
        self._warm_up: WarmUp | None = None
        self._repairer: Repairer | None = None
        if rest is not None:
            self._warm_up = WarmUp(
                keeper.market_name,
                keeper.market,
                rest,
                receive=self.receive,
                instruments=lambda: self._listener.instruments,
                now_ns=self._live_clock.now_ns,
                report_whole=self._candles_are_whole,
            )
            self._repairer = Repairer(
                rest,
                receive=self.receive,
                report=lambda events: self.health.observe(events, self._now_ns()),
                tape=lambda: self._listener.tape,
                instruments=lambda: self._listener.instruments,
                now_ns=self._live_clock.now_ns,
            )
        note_refusal = partial(self._note, "refused")
        self._budget = Budget(keeper.market_name, now_ns=self._live_clock.now_ns, report=note_refusal)
        self._has_been_connected = False
        self._has_gap = False  # whose candles have not been brought

    async def run(self, stop: asyncio.Event) -> None:
        """Feed the market until ``stop``; when a recording ends, stay, and report that it ended.

        Raises:
            SourceFailed: a recording could not be played to its end.
        """
        self._keeper.start()
        if self._timekeeper is not None:
            await self._timekeeper.begin()
        if self._warm_up is not None:
            self._warm_up.start()
        if self._repairer is not None:
            self._repairer.start()
        if self._recorder is not None:
            self._recorder.start()
        publishing = asyncio.create_task(self._publisher.run())
        listening = asyncio.create_task(self._client.run())
        stopping = asyncio.create_task(stop.wait())
        others = [asyncio.create_task(work) for work in self._works()]
        try:
            running: set[asyncio.Task[Any]] = {publishing, listening, stopping, *others}
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for work in (publishing, *others):
                if work.done():
                    work.result()  # these end only by an error of ours, which must be raised
            if listening.done():
                await self._finish(listening.result())
                await stop.wait()
        finally:
            for task in (listening, stopping, *others):
                task.cancel()
            await asyncio.gather(listening, stopping, *others, return_exceptions=True)
            await self._leave()
            publishing.cancel()

    @property
    def publisher(self) -> Publisher:
        """What puts its frames on the bus."""
        return self._publisher

    @property
    def newest_ns(self) -> int:
        """The newest frame's time, zero before the first."""
        return self._keeper.market.time_ns

    def _works(self) -> list[Coroutine[Any, Any, None]]:
        return (
            [self._publish_state()] if self._recorded_clock is not None else [self._publish_state(), self._pass_time()]
        )

    # What the client calls

    @property
    def reconnect_reason(self) -> str:
        """Why the connection should be given up, empty while it should not; a recording has only one."""
        return self._listener.reconnect_reason if self._recorded_clock is None else ""

    def connected(self) -> None:
        """Begin a connection that remembers nothing."""
        self.health.connected = True
        self.health.reconnects += self._has_been_connected
        self._has_been_connected = True
        self._listener.connected(self._now_ns())
        if self._warm_up is not None:
            self._warm_up.begin()
        self._note("connect", f"connected to {self._source}")
        _log.info("connected to %s", self._source)

    def receive(self, message: bytes) -> None:
        """Take in a text message."""
        self.health.messages += 1
        self.traffic.note(message)
        self._take(self._listener.receive(message, self._now_ns()))

    def receive_binary(self, message: bytes) -> None:
        """Take a recording's time or record; a live exchange's binary message is rejected."""
        if self._recorded_clock is not None and len(message) == TIME_MESSAGE.size:
            self._recorded_clock.advance(TIME_MESSAGE.unpack(message)[0])
            return
        if self._recorded_clock is not None:
            self._receive_record(message, self._recorded_clock)
            return
        self._listener.reject(message, f"binary message of {len(message)} bytes; expected text", self._now_ns())

    def _receive_record(self, message: bytes, clock: RecordedClock) -> None:
        """Take a record of an earlier feed."""
        try:
            found = decode_record(message)
            if found is None:
                raise InvalidRecord(f"{len(message)} bytes that hold no whole record")
            record, _ = found
            clock.advance(record.time_ns)
            if record.kind is Kind.MESSAGE:
                self.health.messages += 1
                self.traffic.note(record.payload)
            self._take(self._replay.take(record))
        except (InvalidRecord, InvalidRecording) as error:
            raise SourceFailed(f"{self._source}: {error}") from None
        if self._replay.listener is not None:
            self._listener = self._replay.listener
        if record.kind is Kind.CONNECTED:
            self._note("connect", f"{self._source} was connected")
        elif record.kind is Kind.DISCONNECTED:
            self._note("disconnect", record.payload.decode(errors="replace"))

    def outgoing(self) -> list[bytes]:
        """Return what is to be sent."""
        return self._listener.outgoing()

    def ping(self) -> None:
        """Queue a ping; a feed's own recording holds those that were sent."""
        if self._replay.listener is None:
            self._listener.ping()

    def disconnected(self, reason: str) -> None:
        """Mark the market stale; a recording's last frame shows it as it was."""
        self.health.connected = False
        if self._recorded_clock is None:
            self._take(self._listener.pass_time(self._now_ns()))
            self._listener.disconnected(reason)
            self._note("disconnect", reason)

    def catch_up(self) -> Coroutine[Any, Any, None] | None:
        """Make a recording wait for the stream; a live market does not wait."""
        return self._publisher.drain() if self._recorded_clock is not None and self._publisher.is_busy else None

    async def may_connect(self) -> None:
        """Return when the budget of connections allows another; a recording may always be played."""
        if self._recorded_clock is None:
            await self._budget.spend()

    # What becomes of a message

    def _take(self, frames: list[Frame]) -> None:
        if not frames or self._publisher.is_fenced:
            return
        if any(frame.gap is not None for frame in frames) and self._is_deposed():
            self._publisher.fence()  # what it slept through is another's: neither stream nor database is to have it
            return
        self._keeper.fold(frames)
        for gap in (frame.gap for frame in frames if frame.gap is not None):
            self._has_gap = True
            self._note("gap", f"{(gap.to_ns - gap.from_ns) / NS_PER_S:.1f} s were not watched: {gap.reason}")
            if self._warm_up is not None and self._listener.is_connected:
                self._warm_up.begin()
        if not self._publisher.put(frames):
            reason = self._publisher.complaint
            self._listener.lose_frames(reason)
            self._note("frames_lost", reason)
            _log.error("%s: the frames that waited for it are lost", reason)

    def _is_deposed(self) -> bool:
        return self._publisher.is_fenced or (self._lease is not None and self._lease.is_lost())

    def _candles_are_whole(self) -> None:
        if self._has_gap:
            self._has_gap = False
            self._note("repair", "the candles of what was not watched were brought")

    def _now_ns(self) -> int | None:
        return self._live_clock.now_ns() if self._recorded_clock is None else self._recorded_clock.now_ns()

    def _note(self, kind: str, detail: str) -> None:
        self.health.note(self._now_ns() or self.health.started_ns, kind, "", detail)

    async def _pass_time(self) -> None:
        """Close the frame at every boundary, whether or not anything came."""
        while True:
            now_ns = self._live_clock.now_ns()
            if self._has_been_connected:
                self._take(self._listener.pass_time(now_ns))
            pulse.beat()
            await asyncio.sleep((INTERVAL_NS - now_ns % INTERVAL_NS) / NS_PER_S + 0.001)

    async def _publish_state(self) -> None:
        """Once a second: check for what is overdue, store the figures, hand over incidents."""
        for second in range(1 << 62):
            if self._recorded_clock is None:
                self._listener.check(self._now_ns())
            pulse.beat()
            if self._timekeeper is not None:
                await self._timekeeper.check()
            self._note_errors()
            self._keeper.note(self.health.hand_over())
            with contextlib.suppress(redis.RedisError):  # the publisher says that Redis is away
                await asyncio.to_thread(bus.write_feed_state, self._state())
            if second % _LOG_EVERY_S == _LOG_EVERY_S - 1 and not self.health.finished:
                self._log_progress()
            await asyncio.sleep(STATE_EVERY_S)

    def _note_errors(self) -> None:
        for message in self._recorder.errors() if self._recorder is not None else ():
            self._note("recording", message)
            _log.error("recording: %s", message)

    def _state(self) -> dict[str, Any]:
        return {
            "source": self._source,
            "market": self._keeper.market_name,
            "frames": self._publisher.published,
            "last_sequence": self._keeper.market.sequence,
            "last_published_at_s": self._publisher.last_published_at_s,
            "connections": None if self._recorded_clock is not None else self._budget.used,
            "recording": None if self._recorder is None else self._recorder.report(),
            **self.health.report(self._now_ns(), self._listener.books, time.monotonic()),
        }

    def _log_progress(self) -> None:
        h = self.health
        _log.info(
            "%s messages, %s checksums held, %s failed, %s trades, %s frames, %s reconnects",
            *(f"{n:,}" for n in (h.messages, h.checksums_verified, h.checksum_failures, h.trades)),
            *(f"{n:,}" for n in (self._publisher.published, h.reconnects)),
        )

    async def _finish(self, reason: str) -> None:
        """Publish a recording's last frame and keep its last state."""
        if reason != END_OF_RECORDING:
            raise SourceFailed(f"{self._source}: {reason}; expected to play it to its end")
        if self._replay.listener is None:  # a feed's own recording ends as that feed did, in the middle of a frame
            self._take(self._listener.finish())
        self._keeper.checkpoint()
        await self._publisher.drain()
        await asyncio.to_thread(self._keeper.wait_until_written, FAREWELL_S)
        self.health.finished = True
        self._log_progress()
        _log.info("%s was played to its end; idle", self._source)

    async def _leave(self) -> None:
        """Publish and write what is complete, then say that no feed runs."""
        if self._warm_up is not None:
            self._warm_up.stop()
        if self._repairer is not None:
            self._repairer.stop()
        if self._recorder is not None and not await asyncio.to_thread(self._recorder.stop, FAREWELL_S):
            _log.error("the disk did not take the end of the recording in %s s", FAREWELL_S)
        self._note_errors()
        is_deposed = await asyncio.to_thread(self._is_deposed)
        if not is_deposed:
            self._keeper.checkpoint()
        self._keeper.note(self.health.hand_over())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._publisher.drain(), FAREWELL_S)
        if not await asyncio.to_thread(self._keeper.stop, FAREWELL_S):
            _log.error("the database did not take the last writes in %s s", FAREWELL_S)
        if not is_deposed:  # else it is the other's
            with contextlib.suppress(redis.RedisError):
                await asyncio.to_thread(bus.clear_feed_state)
