import asyncio
import contextlib

import pytest
import redis

from marketdata import bus
from marketdata.feed import publisher as publishing
from marketdata.feed.lock import Lease
from marketdata.feed.publisher import MAX_BACKLOG, Publisher
from trading.frames import Frame


@pytest.fixture(autouse=True)
def _empty_redis():
    bus.redis_client().flushdb()
    yield
    bus.redis_client().flushdb()


def make_frames(*sequences: int) -> list[Frame]:
    return [Frame(sequence=sequence, time_ns=sequence * 100_000_000) for sequence in sequences]


@contextlib.asynccontextmanager
async def running(publisher: Publisher):
    task = asyncio.create_task(publisher.run())
    yield
    task.cancel()


async def test_frames_wait_for_redis_and_keep_their_order(monkeypatch):
    monkeypatch.setattr(publishing, "RETRY_S", (0.01,))
    publish, failures = bus.publish, iter([redis.ConnectionError("gone"), redis.TimeoutError("slow")])

    def publish_when_back(market, frames):
        for failure in failures:
            raise failure
        return publish(market, frames)

    monkeypatch.setattr(bus, "publish", publish_when_back)
    publisher = Publisher("kraken")

    publisher.put(make_frames(1, 2))
    async with running(publisher):
        publisher.put(make_frames(3))
        await publisher.drain()

    assert [frame.sequence for frame in bus.read("kraken", 0)] == [1, 2, 3]
    assert publisher.published == 3
    assert publisher.last_published_at_s is not None


async def test_a_backlog_that_is_full_is_thrown_away_and_said_to_be():
    publisher = Publisher("kraken")
    publisher.put(make_frames(*range(1, MAX_BACKLOG + 1)))

    verdict = publisher.put(make_frames(MAX_BACKLOG + 1))

    assert verdict is False
    async with running(publisher):
        assert publisher.put(make_frames(MAX_BACKLOG + 2))
        await publisher.drain()
    assert [frame.sequence for frame in bus.read("kraken", 0)] == [MAX_BACKLOG + 2]


async def test_frames_that_the_stream_refuses_are_neither_counted_nor_dated_as_published(caplog):
    bus.publish("kraken", make_frames(9))
    said = []
    publisher = Publisher("kraken", report=said.append)

    async with running(publisher):
        publisher.put(make_frames(1, 2, 3))
        await publisher.drain()

    assert (publisher.published, publisher.refused, publisher.last_published_at_s) == (0, 3, None)
    assert said == ["the stream of kraken refused 3 frames: it holds later ones"]
    assert "of another feed or of a clock that was ahead" in caplog.text


async def test_of_frames_of_which_another_feed_was_first_those_that_are_new_count():
    bus.publish("kraken", make_frames(1, 2))
    publisher = Publisher("kraken")

    async with running(publisher):
        publisher.put(make_frames(1, 2, 3))
        await publisher.drain()

    assert (publisher.published, publisher.refused) == (1, 2)
    assert publisher.last_published_at_s is not None


async def test_a_redis_that_refuses_is_named_with_its_words_until_it_takes_the_frames(monkeypatch, caplog):
    monkeypatch.setattr(publishing, "RETRY_S", (0.01,))
    client, said = bus.redis_client(), []
    memory = client.config_get("maxmemory")["maxmemory"]
    client.config_set("maxmemory", "1")
    enough = asyncio.Event()
    publisher = Publisher("kraken", report=lambda text: (said.append(text), len(said) == 80 and enough.set()))

    async with running(publisher):
        publisher.put(make_frames(1, 2))
        await asyncio.wait_for(enough.wait(), 20)
        assert (publisher.published, publisher.last_published_at_s) == (0, None)
        assert publisher.complaint.startswith("Redis refused them for too long: ")
        client.config_set("maxmemory", memory)
        await publisher.drain()

    assert publisher.published == 2
    assert "Redis refuses frames, which wait: " in said[0]
    assert "'maxmemory'" in said[0]
    assert caplog.text.count("Redis refuses 2 frames") == 1


async def test_what_an_attempt_that_seemed_to_fail_has_brought_is_published(monkeypatch):
    monkeypatch.setattr(publishing, "RETRY_S", (0.01,))
    publish, failures = bus.publish, [redis.TimeoutError("the answer came too late")]

    def publish_and_fail(market, frames):
        new = publish(market, frames)
        if failures:
            raise failures.pop()
        return new

    monkeypatch.setattr(bus, "publish", publish_and_fail)
    publisher = Publisher("kraken")

    async with running(publisher):
        publisher.put(make_frames(1, 2))
        await publisher.drain()

    assert (publisher.published, publisher.refused) == (2, 0)


def test_a_source_that_can_wait_is_reported_to_while_much_is_waiting():
    publisher = Publisher("recording:day:1234abcd")

    publisher.put(make_frames(*range(1, publishing.BUSY_BACKLOG + 1)))

    assert publisher.is_busy


async def test_a_feed_whose_lease_another_has_taken_publishes_nothing_more():
    lease = Lease("kraken")
    lease.take()
    publisher = Publisher("kraken", lease)
    publisher.put(make_frames(1))
    task = asyncio.create_task(publisher.run())
    await publisher.drain()

    Lease("kraken").take()  # while this one stands still
    publisher.put(make_frames(2, 3))
    await asyncio.wait_for(task, 10)

    assert publisher.is_fenced
    assert publisher.put(make_frames(4))
    assert [frame.sequence for frame in bus.read("kraken", 0)] == [1]
