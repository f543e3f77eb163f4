"""The feed with its real socket, stream and database; only the exchange stands in for another."""

import asyncio
from itertools import groupby
from pathlib import Path

import pytest
from websockets.asyncio.server import serve

from marketdata import bus, models
from marketdata.feed.feed import Feed, SourceFailed
from marketdata.feed.keeper import Keeper
from marketdata.kraken import liveness
from marketdata.kraken.client import KrakenClient
from marketdata.recording.exchange import survey
from marketdata.recording.reading import read_recording, recorded_frames
from marketdata.recording.server import serve_recording
from marketdata.selectors import market_at
from marketdata.simulation.server import serve_simulation
from tests.marketdata.feeding import feed_events, in_thread, make_feed, published, published_statuses, running, until
from tests.marketdata.wire import CAPTURE_2023, CAPTURE_2026
from trading.frames import NS_PER_S, Frame, encode_frame
from trading.market import Market

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _empty_redis():
    bus.redis_client().flushdb()
    yield
    bus.redis_client().flushdb()


async def play(path: Path, speed: float, market: str) -> Feed:
    found = survey(read_recording(path), path)
    async with serve_recording(path, found, speed=speed) as url:
        feed = make_feed(url, market, tuple(found.symbols))
        async with running(feed):
            await until(lambda: feed.health.finished)
    return feed


def assert_no_trade_is_missing_or_repeated(frames: list[Frame]) -> None:
    last: dict[str, int] = {}
    for trade in (trade for frame in frames for trade in (*frame.late, *frame.trades)):
        assert trade.trade_id == last.get(trade.symbol, trade.trade_id - 1) + 1
        last[trade.symbol] = trade.trade_id
    assert last


@pytest.mark.parametrize("speed", [0.0, 20.0])
async def test_a_recording_gives_the_same_frames_at_any_speed_byte_for_byte(speed):
    feed = await play(CAPTURE_2026, speed, "recording:day:00000000")

    frames = [encode_frame(frame) for frame in published("recording:day:00000000")]
    assert frames == [encode_frame(frame) for frame in recorded_frames(CAPTURE_2026)]
    h = feed.health
    assert (h.checksums_verified, h.checksum_failures, h.trades, h.books_crossed) == (2962, 0, 17, 0)
    assert (h.bad_frames, h.refusals, h.reconnects) == (0, 0, 0)


async def test_the_capture_of_2023_holds_through_the_socket():
    feed = await play(CAPTURE_2023, 0, "recording:old:00000000")

    assert (feed.health.checksums_verified, feed.health.checksum_failures) == (510, 0)
    frames = [encode_frame(frame) for frame in published("recording:old:00000000")]
    assert frames == [encode_frame(frame) for frame in recorded_frames(CAPTURE_2023)]


async def test_a_recording_played_again_publishes_nothing_and_writes_nothing_twice():
    market = "recording:day:00000000"
    await play(CAPTURE_2026, 0, market)
    frames, saved = published(market), await in_thread(models.MarketCheckpoint.objects.count)

    again = await play(CAPTURE_2026, 0, market)

    assert again.health.checksums_verified == 2962
    assert published(market) == frames
    assert (saved, await in_thread(models.MarketCheckpoint.objects.count)) == (1, 1)


async def test_a_finished_recording_can_be_restored_as_it_ended():
    market = "recording:day:00000000"
    await play(CAPTURE_2026, 0, market)

    restored, sequence = await in_thread(market_at, market, None)

    frames = published(market)
    assert sequence == frames[-1].sequence
    by_hand = Market()
    for frame in frames:
        by_hand.fold(frame)
    assert restored.checkpoint() == by_hand.checkpoint()


async def test_the_simulated_exchange_is_received_as_kraken_is():
    async with serve_simulation(seed=3) as url:
        feed = make_feed(url)
        async with running(feed):
            await until(lambda: feed.health.trades >= 12 and feed.health.checksums_verified >= 60)

    h = feed.health
    assert (h.checksum_failures, h.books_crossed, h.trade_gaps, h.bad_frames, h.refusals) == (0, 0, 0, 0, 0)
    frames = published("simulated:1")
    assert [f.sequence - frames[0].sequence for f in frames] == list(range(len(frames)))
    assert all(top.bids[0].ticks < top.asks[0].ticks for frame in frames for top in frame.books.values())
    assert {len(top.bids) for frame in frames for top in frame.books.values()} == {25}
    assert_no_trade_is_missing_or_repeated(frames)


async def test_an_exchange_that_goes_away_is_found_again_and_the_gap_is_reported(unused_tcp_port):
    async with serve_simulation(seed=3, port=unused_tcp_port) as url:
        feed = make_feed(url)
        feed._client = KrakenClient(url, feed, first_wait_s=0.2)
        run = running(feed)
        await run.__aenter__()
        await until(lambda: feed.health.trades >= 3 and bus.latest_sequence("simulated:1") > 5)
        await until(lambda: published_statuses("BTC/USD")[-1:] == ["online"])
    await until(lambda: published_statuses("BTC/USD")[-1:] == ["stale"])
    async with serve_simulation(seed=3, port=unused_tcp_port):
        await until(lambda: feed.health.reconnects == 1 and published_statuses("BTC/USD")[-1:] == ["online"])
        await run.__aexit__(None, None, None)

    frames = published("simulated:1")
    assert published_statuses("BTC/USD")[-3:] == ["online", "stale", "online"]
    assert sum(frame.gap is not None for frame in frames) >= 1
    assert_no_trade_is_missing_or_repeated(frames)  # the snapshot of trades feed_events what was missed
    assert feed.health.trade_gaps == 0
    kinds = [kind for kind, _ in groupby(kind for kind, _ in await in_thread(feed_events))]
    assert [kind for kind in kinds if kind != "gap"] == ["connect", "disconnect", "connect"]
    assert kinds[-1] == "gap"


async def test_a_restarted_feed_goes_on_where_the_last_one_stopped():
    async with serve_simulation(seed=3) as url:
        first = make_feed(url)
        async with running(first):
            await until(lambda: first.health.trades >= 5)
        before = published("simulated:1")
        market, sequence = await in_thread(market_at, "simulated:1", None)
        second = make_feed(url, keeper=Keeper("simulated:1", market), after_sequence=sequence)
        async with running(second):
            await until(lambda: second.health.trades >= 5)

    frames = published("simulated:1")
    assert sequence == before[-1].sequence
    resumed = frames[len(before)]
    assert resumed.gap is not None
    assert resumed.gap.from_ns == before[-1].time_ns
    assert resumed.is_keyframe
    assert_no_trade_is_missing_or_repeated(frames)


async def test_a_silent_exchange_is_left_and_a_binary_message_is_refused(monkeypatch):
    monkeypatch.setattr(liveness, "SILENT_AFTER_NS", NS_PER_S // 2)
    connections = 0

    async def handle(socket):
        nonlocal connections
        connections += 1
        await socket.send(b"\x00" * 8)
        await socket.wait_closed()

    async with serve(handle, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        feed = make_feed(url)
        feed._client = KrakenClient(url, feed, first_wait_s=0.1)
        async with running(feed):
            await until(lambda: connections >= 3)

    assert feed.health.bad_frames >= 2
    refused, left = await in_thread(feed_events, "bad_frame"), await in_thread(feed_events, "disconnect")
    assert refused[0][1].startswith("binary message of 8 bytes; expected text")
    assert left[0][1] == "nothing was received for 0.5 s"


async def test_a_recording_that_breaks_off_is_an_error(tmp_path):
    path = tmp_path / "day.ndjson"
    path.write_bytes(b"\n".join(CAPTURE_2026.read_bytes().splitlines()[:50]))
    found = survey(read_recording(path), path)
    path.write_bytes(path.read_bytes() + b"\njunk\n")

    async with serve_recording(path, found, speed=0) as url:
        feed = make_feed(url, "recording:day:00000000", tuple(found.symbols))
        with pytest.raises(SourceFailed, match="the recording cannot be read further"):
            await feed.run(asyncio.Event())
