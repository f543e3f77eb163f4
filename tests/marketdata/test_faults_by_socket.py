"""Faults through real sockets: the faulty exchange on loopback, the real client and feed, the stream and the database.

`test_faults` says what becomes of each fault; here only the way is tested.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from marketdata import bus
from marketdata.feed.feed import Feed
from marketdata.kraken import liveness
from marketdata.kraken.client import KrakenClient
from marketdata.kraken.rest import KrakenRest, Pace
from marketdata.simulation.fault_syntax import parse_faults
from marketdata.simulation.rest_server import serve_rest
from marketdata.simulation.server import serve_simulation
from tests.marketdata.feeding import feed_events, in_thread, make_feed, published, published_statuses, running, until
from trading.frames import NS_PER_S

pytestmark = pytest.mark.django_db(transaction=True)
SYMBOLS = ("ETH/USD", "BTC/USD")


@pytest.fixture(autouse=True)
def _empty_redis():
    bus.redis_client().flushdb()
    yield
    bus.redis_client().flushdb()


@contextlib.asynccontextmanager
async def feeding(faults: str) -> AsyncIterator[Feed]:
    """Run a feed at an exchange with these faults."""
    plan = parse_faults(faults)
    async with serve_simulation(3, faults=plan) as url, serve_rest(3, faults=plan) as rest_url:
        feed = make_feed(url, symbols=SYMBOLS, rest=KrakenRest(rest_url, pace=Pace(0.0)))
        feed._client = KrakenClient(url, feed, first_wait_s=0.1)
        feed._warm_up = None  # history has its own tests
        async with running(feed):
            yield feed


def are_online() -> bool:
    return all(published_statuses(symbol)[-1:] == ["online"] for symbol in SYMBOLS)


def late_ids() -> list[int]:
    return [trade.trade_id for frame in published("simulated:1") for trade in frame.late]


@pytest.mark.parametrize(
    ("word", "reason"),
    [("drop:1013", "Market data unavailable"), ("drop", "no close frame"), ("garbage:utf8", "invalid start byte")],
)
async def test_a_connection_that_breaks_is_made_again(word, reason):
    async with feeding(",".join(f"{word}@{second}" for second in (2, 4, 6, 8))) as feed:
        await until(lambda: feed.health.reconnects >= 1 and are_online())

    farewells = await in_thread(feed_events, "disconnect")
    assert reason in farewells[0][1]
    assert "stale" in published_statuses("ETH/USD")


async def test_an_exchange_that_refuses_connections_is_asked_until_it_is_back():
    async with feeding("drop@0+1.5") as feed:
        refused_s = feed.health.reconnects
        await until(are_online)

    assert refused_s == 0
    assert feed.health.bad_frames == 0


async def test_books_that_do_not_hold_are_asked_for_and_hold_again():
    async with feeding("corrupt@1:ETH/USD,checksum@1:BTC/USD") as feed:
        await until(lambda: feed.health.resyncs >= 2 and are_online())
        before = feed.health.checksums_verified
        await until(lambda: feed.health.checksums_verified > before + 20)

    assert {kind for kind, _ in await in_thread(feed_events)} >= {"resync"}
    assert feed.health.reconnects == 0


async def test_a_silent_socket_is_left(monkeypatch):
    monkeypatch.setattr(liveness, "SILENT_AFTER_NS", 2 * NS_PER_S)

    async with feeding("silence@2,silence@10") as feed:
        await until(lambda: feed.health.reconnects >= 1 and are_online())

    assert "nothing was received for 2 s" in [detail for _, detail in await in_thread(feed_events, "disconnect")]


async def test_lost_trades_are_brought_from_a_rest_side_that_is_down_at_first():
    # Late enough that a slow feed has its first trades by then, long enough that both pairs trade meanwhile; REST still
    # refuses when it is first requested.
    async with feeding("lose:trade@10+20,rest:503@0+33") as feed:
        await until(lambda: feed.health.trade_gaps and late_ids(), within_s=120)

    ids = [t.trade_id for f in published("simulated:1") for t in (*f.trades, *f.late) if t.symbol == "BTC/USD"]
    assert len(ids) == len(set(ids))


async def test_giants_and_garbage_are_named_and_nothing_else_changes():
    async with feeding("giant@1,giant:binary@1,garbage@1+1") as feed:
        await until(lambda: feed.health.bad_frames >= 5 and are_online())

    assert feed.health.reconnects == 0
    assert any("binary message of 4000000 bytes" in detail for _, detail in await in_thread(feed_events, "bad_frame"))


async def test_a_request_too_many_is_made_again_and_a_pair_s_status_is_reported():
    async with feeding("rate:1@0,pair:post_only@0+60:ETH/USD"):
        await until(lambda: "post_only" in published_statuses("ETH/USD"))

    assert ("refused", "Exceeded msg rate") in await in_thread(feed_events)


async def test_maintenance_is_reported_until_it_is_over():
    async with feeding("maintenance:4@2") as feed:
        await until(lambda: feed.health.system == "maintenance")
        await until(lambda: feed.health.system == "online")
        async with asyncio.timeout(15):
            while len(await in_thread(feed_events, "status")) < 4:  # noqa: ASYNC110 - written a moment after it is known
                await asyncio.sleep(0.05)
