"""`manage.py run_feed`: receive one market, publish its frames, keep its candles; until SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from argparse import ArgumentParser
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import redis
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from marketdata import bus, services
from marketdata.feed.feed import Feed, SourceFailed
from marketdata.feed.keeper import Keeper
from marketdata.feed.lock import RENEW_EVERY_S, FeedLock, Lease, LeaseWatch
from marketdata.feed.metrics import FeedMetrics
from marketdata.feed_events import FeedEventKind, Incident
from marketdata.kraken.rest import KrakenRest, Pace
from marketdata.kraken.symbols import symbols_of
from marketdata.recording.exchange import Survey
from marketdata.recording.files import InvalidRecording
from marketdata.recording.reading import is_ours, surveyed
from marketdata.recording.recorder import Recorder
from marketdata.recording.server import serve_recording
from marketdata.selectors import market_at
from marketdata.simulation.fault_syntax import FAULTS_HELP, InvalidFaults, parse_faults
from marketdata.simulation.faults import CALM, Plan
from marketdata.simulation.rest_server import serve_rest
from marketdata.simulation.server import serve_simulation
from marketdata.sources import Source, UnknownSource, configured, parse_source, watched_depth, watched_symbols
from marketdata.telemetry import pulse, tracing
from marketdata.telemetry.reporting import Reporter
from trading.frames import FRAME_DEPTH
from trading.market import Market

STAND_BY_EVERY_S = 0.25
WATCH_EVERY_S = 1.0

_log = logging.getLogger("feed")


class Command(BaseCommand):
    """Feed the league from Kraken, from the simulated market or from a recording."""

    help = "Receive one market and publish its frames, until SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--source", default="kraken", help="kraken, simulated or recording:PATH")
        parser.add_argument("path", nargs="?", help="the recording, when the source is just `recording`")
        parser.add_argument("--speed", type=float, help="times real time, for recordings; 0: as fast as possible")
        parser.add_argument("--seed", type=int, help="of the simulated market; default: PADDOCK_SIMULATION_SEED, or 1")
        parser.add_argument("--symbols", nargs="+", metavar="BASE/QUOTE", help="default: FEED_SYMBOLS, or four pairs")
        parser.add_argument("--faults", metavar="SPEC", help=FAULTS_HELP.replace("%", "%%"))
        parser.add_argument(
            "--no-record", action="store_false", dest="record", help="keep no recording; as does PADDOCK_RECORD=0"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            seed = options["seed"] if options["seed"] is not None else configured("PADDOCK_SIMULATION_SEED", "1")
            source = parse_source(options["source"], options["path"], seed=int(seed))
            speed = 1.0 if options["speed"] is None else options["speed"]
            if speed < 0:
                raise CommandError(f"--speed is {speed:g}; expected zero or more")
            found = surveyed(source.path) if source.path else None
            if options["symbols"] and source.path and is_ours(source.path):
                raise CommandError("--symbols does not go with a feed's own recording: it is played whole")
            symbols = _symbols(options["symbols"], found)
            faults = _faults(options["faults"], source, symbols)
            depth = FRAME_DEPTH if source.path else watched_depth()
            listening = Listening(source, speed, found, symbols, depth, faults, may_record=options["record"])
            asyncio.run(_stand_by_and_feed(listening))
        except (UnknownSource, InvalidRecording, SourceFailed, ValueError) as error:
            raise CommandError(str(error)) from error
        except redis.ResponseError as error:
            raise CommandError(f"Redis answers, and refuses: {_one_line(error)}") from error
        except redis.RedisError as error:
            raise CommandError(f"Redis does not answer: {_one_line(error)}") from error
        except DatabaseError as error:
            raise CommandError(f"the database does not answer: {_one_line(error)}") from error


def _faults(given: str | None, source: Source, symbols: tuple[str, ...]) -> Plan:
    """Return the faults of the simulated exchange; those of the environment are for it alone."""
    if given and source.kind != "simulated":
        raise InvalidFaults(f"--faults goes with --source simulated alone; got {given!r} with {source}")
    text = configured("PADDOCK_FAULTS", "") if given is None else given
    return parse_faults(text, symbols) if source.kind == "simulated" else CALM


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _symbols(given: list[str] | None, found: Survey | None) -> tuple[str, ...]:
    if given:
        return symbols_of(symbol for word in given for symbol in word.split(","))
    if found is not None:
        return tuple(found.symbols)
    return watched_symbols()


def _recorder(source: Source, symbols: tuple[str, ...], depth: int) -> Recorder | None:
    """Return the market's recorder, None for one that is a recording already."""
    if source.path is not None or not settings.PADDOCK_RECORD:
        return None
    return Recorder(
        settings.PADDOCK_DATA_DIR / "recordings",
        source.market,
        symbols,
        depth=depth,
        rotate_bytes=settings.PADDOCK_RECORDING_ROTATE_MB << 20,
        max_bytes=settings.PADDOCK_RECORDINGS_MAX_GB << 30,
    )


def _past(source: Source) -> tuple[Keeper, int]:
    """Return the market as the last feed left it; a recording always begins at its beginning."""
    if source.path is not None:
        return Keeper(source.market, Market()), 0
    market, sequence = market_at(source.market, None)
    keeper = Keeper(source.market, market)
    keeper.catch_up(bus.read(source.market, sequence))
    return keeper, max(keeper.market.sequence, bus.latest_sequence(source.market))


@contextlib.asynccontextmanager
async def _exchange(
    source: Source, speed: float, found: Survey | None, faults: Plan
) -> AsyncIterator[tuple[str, KrakenRest | None]]:
    """Yield the URL of the exchange and its REST side; those that stand in for Kraken run here, on loopback."""
    if source.path is not None:
        assert found is not None, "a recording is surveyed before it is played"
        async with serve_recording(source.path, found, speed=speed) as url:
            yield url, None
    elif source.kind == "simulated":
        if speed != 1:
            _log.warning("--speed %g is left out: the simulated market runs with the clock on the wall", speed)
        if faults:
            _log.warning("the simulated exchange is faulty: %s", faults.text)
        socket, rest = serve_simulation(source.seed, faults=faults), serve_rest(source.seed, faults=faults)
        async with socket as url, rest as rest_url:
            yield url, KrakenRest(rest_url, pace=Pace(0.0))  # ours: requests may come as fast as it answers
    else:
        yield settings.KRAKEN_WS_URL, KrakenRest(settings.KRAKEN_REST_URL)


@dataclass(frozen=True, slots=True)
class Listening:
    """What is to be received, and how."""

    source: Source
    speed: float
    found: Survey | None
    symbols: tuple[str, ...]
    depth: int
    faults: Plan
    may_record: bool


async def _stand_by_and_feed(listening: Listening) -> None:
    """Wait until no other feed publishes the market, then be the one; begin anew when another has taken over."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    lock, metrics = FeedLock(listening.source.market), FeedMetrics()
    tracing.begin("feed")
    reporter = Reporter("feed", metrics.collect).start()
    try:
        while await _is_ours(lock, listening.source.market, stop):
            await _feed(listening, lock, stop, metrics)
            if stop.is_set():
                return
            _log.error("another feed has taken over market %s: this one stands by", listening.source.market)
            await asyncio.to_thread(lock.release)
    finally:
        await asyncio.to_thread(lock.release)
        await asyncio.to_thread(reporter.stop)


async def _is_ours(lock: FeedLock, market: str, stop: asyncio.Event) -> bool:
    """Return True when the lock is taken, False when stopped before that."""
    watch = LeaseWatch()
    for attempt in range(1 << 62):
        pulse.beat()
        if stop.is_set():
            return False
        if await asyncio.to_thread(lock.try_to_take):
            if attempt:
                await asyncio.to_thread(_note, market, "takes over: the feed that published this market is gone")
            return True
        if attempt == 0:
            await asyncio.to_thread(_note, market, "stands by: another feed publishes this market")
        if watch.is_frozen(await asyncio.to_thread(_beat, market), time.monotonic()):
            await asyncio.to_thread(_end_frozen, lock, market)
            continue
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), STAND_BY_EVERY_S)
    return False


def _beat(market: str) -> tuple[int, int] | None:
    """Return the holder's sign of life; None while Redis does not answer: nobody is judged by that."""
    try:
        return bus.lease_beat(market)
    except redis.RedisError:
        return None


def _end_frozen(lock: FeedLock, market: str) -> None:
    """Free the lock of a feed that stands still."""
    try:
        if lock.end_holder():
            _note(market, "ends the lock of the feed that published this market: it stands still")
    except DatabaseError as error:
        _log.error("the lock of a feed that stands still was not freed: %s", _one_line(error))


def _note(market: str, message: str) -> None:
    _log.info("market %s: this feed %s", market, message)
    services.record_incidents(market=market, incidents=[Incident(time.time_ns(), FeedEventKind.STANDBY, "", message)])
    connection.close()


async def _lost(lock: FeedLock) -> None:
    """Return when another feed has the lock."""
    while True:
        await asyncio.sleep(WATCH_EVERY_S)
        if await asyncio.to_thread(lock.is_lost):
            return


async def _hold(lease: Lease) -> None:
    """Renew the lease; return when another feed has taken it."""
    while True:
        if await asyncio.to_thread(lease.is_lost):
            return
        await asyncio.sleep(RENEW_EVERY_S)


async def _feed(listening: Listening, lock: FeedLock, stop: asyncio.Event, metrics: FeedMetrics) -> None:
    """Feed the market until ``stop``, or until another feed has its lock."""
    source, lease = listening.source, None
    if source.path is None:
        lease = Lease(source.market)
        await asyncio.to_thread(lease.take)  # from here on an earlier feed publishes nothing: what is read is its last
    keeper, after_sequence = await asyncio.to_thread(_past, source)
    await asyncio.to_thread(bus.announce_market, source.market)
    recorder = _recorder(source, listening.symbols, listening.depth) if listening.may_record else None
    end = asyncio.Event()
    async with _exchange(source, listening.speed, listening.found, listening.faults) as (url, rest):
        feed = Feed(
            keeper,
            url,
            listening.symbols,
            source=str(source),
            is_recording=source.path is not None,
            after_sequence=after_sequence,
            rest=rest,
            recorder=recorder,
            depth=listening.depth,
            lease=lease,
        )
        _log.info("market %s: %s", source.market, ", ".join(listening.symbols))
        ending = [asyncio.create_task(stop.wait()), asyncio.create_task(_lost(lock))]
        if lease is not None:
            ending.append(asyncio.create_task(_hold(lease)))
        for task in ending:
            task.add_done_callback(lambda _: end.set())
        metrics.feed = feed
        try:
            await feed.run(end)
        finally:
            metrics.feed = None
            for task in ending:
                task.cancel()
    _log.info("stopped; all that was complete is published")
