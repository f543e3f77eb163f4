"""What the feed records gives the frames that it published, byte for byte."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from marketdata import bus
from marketdata.feed.feed import Feed
from marketdata.feed.keeper import Keeper
from marketdata.kraken.client import KrakenClient
from marketdata.recording import recorder
from marketdata.recording.folders import files_in, recorded_file, verify
from marketdata.recording.reading import recorded_frames, surveyed
from marketdata.recording.server import serve_recording
from marketdata.selectors import market_at
from marketdata.simulation.server import serve_simulation
from tests.marketdata.feeding import (
    SYMBOLS,
    feed_events,
    in_thread,
    make_feed,
    make_recorder,
    published,
    running,
    until,
)
from trading.frames import encode_frame

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _empty_redis():
    bus.redis_client().flushdb()
    yield
    bus.redis_client().flushdb()


def encoded(frames) -> list[bytes]:
    return [encode_frame(frame) for frame in frames]


async def hear_two_connections(root: Path, port: int, **options) -> Feed:
    """Record a market that goes away for a while and comes back."""
    async with contextlib.AsyncExitStack() as stack:
        async with serve_simulation(seed=3, port=port) as url:
            feed = make_feed(url, recorder=make_recorder(root, **options))
            feed._client = KrakenClient(url, feed, first_wait_s=0.2)
            await stack.enter_async_context(running(feed))
            await until(lambda: feed.health.trades >= 3 and bus.latest_sequence("simulated:1") > 5)
            await asyncio.sleep(1.2)
        await until(lambda: not feed.health.connected)
        await asyncio.sleep(0.5)
        await stack.enter_async_context(serve_simulation(seed=3, port=port))
        await until(lambda: feed.health.reconnects == 1)
        verified = feed.health.checksums_verified
        await until(lambda: feed.health.checksums_verified > verified + 60)
        state = await asyncio.to_thread(bus.feed_state)
        assert state["recording"]["dropped"] == 0
        assert state["recording"]["messages"] > 20
    return feed


@pytest.mark.parametrize("rotate_bytes", [1 << 28, 6_000])
async def test_a_market_with_an_outage_is_recorded_as_it_was_published(
    tmp_path, unused_tcp_port, rotate_bytes, monkeypatch
):
    monkeypatch.setattr(recorder, "FLUSH_EVERY_S", 0.1)
    await hear_two_connections(tmp_path, unused_tcp_port, rotate_bytes=rotate_bytes)

    frames = published("simulated:1")
    files = files_in(tmp_path)
    assert encoded(recorded_frames(tmp_path)) == encoded(frames)
    assert sum(frame.gap is not None for frame in frames) >= 1
    assert len(frames) > 25
    assert (len(files) == 1) == (rotate_bytes > 6_000)
    assert [verify(recorded_file(path)) for path in files] == [None] * len(files)
    assert all(b"".join(encoded(recorded_frames(path))) in b"".join(encoded(frames)) for path in files)


async def test_a_feed_that_was_restarted_is_recorded_as_it_was_published(tmp_path):
    async with serve_simulation(seed=3) as url:
        first = make_feed(url, recorder=make_recorder(tmp_path))
        async with running(first):
            await until(lambda: first.health.trades >= 4)
        market, sequence = await in_thread(market_at, "simulated:1", None)
        keeper = Keeper("simulated:1", market)
        second = make_feed(url, keeper=keeper, after_sequence=sequence, recorder=make_recorder(tmp_path))
        async with running(second):
            await until(lambda: second.health.trades >= 4)

    frames = published("simulated:1")
    assert len(files_in(tmp_path)) == 2
    assert encoded(recorded_frames(tmp_path)) == encoded(frames)
    later = list(recorded_frames(files_in(tmp_path)[1]))
    assert later[0].gap.reason == "the feed was not running"
    assert encoded(later) == encoded(frames[-len(later) :])


@pytest.mark.parametrize("speed", [0.0, 10.0])
async def test_the_recording_source_publishes_the_same_frames_at_any_speed(tmp_path, unused_tcp_port, speed):
    live = await hear_two_connections(tmp_path, unused_tcp_port)
    frames, incidents = published("simulated:1"), await in_thread(feed_events)
    found = surveyed(tmp_path)

    async with serve_recording(tmp_path, found, speed=speed) as url:
        feed = make_feed(url, "recording:day:00000000", tuple(found.symbols))
        async with running(feed):
            await until(lambda: feed.health.finished)

    assert encoded(published("recording:day:00000000")) == encoded(frames)
    h = feed.health
    assert (h.checksum_failures, h.bad_frames, h.refusals) == (0, 0, 0)
    assert (h.messages, h.checksums_verified, h.trades) == (
        live.health.messages,
        live.health.checksums_verified,
        live.health.trades,
    )
    assert set(found.symbols) == set(SYMBOLS)
    assert {"connect", "disconnect"} <= {kind for kind, _ in incidents}


async def test_dropped_records_are_reported_as_a_feed_event(tmp_path):
    async with serve_simulation(seed=3) as url:
        feed = make_feed(url, recorder=make_recorder(tmp_path, max_waiting_bytes=2_000))
        async with running(feed):
            await until(lambda: feed.health.trades >= 3)
            await asyncio.sleep(1.1)

    events = await in_thread(feed_events, "recording")
    assert events[0][1].endswith("records were dropped: the disk does not keep up")
    assert feed.health.checksum_failures == 0
