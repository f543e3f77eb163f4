"""A feed run in a test: made, run beside it, waited for, and what it published."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from itertools import groupby
from pathlib import Path

from django.db import connection

from marketdata import bus, models
from marketdata.feed.feed import Feed
from marketdata.feed.keeper import Keeper
from marketdata.recording.recorder import Recorder
from trading.frames import Frame
from trading.market import Market

SYMBOLS = ("BTC/USD", "ETH/USD", "XRP/USD", "XRP/BTC")


def make_feed(url: str, market: str = "simulated:1", symbols: tuple[str, ...] = SYMBOLS, **options) -> Feed:
    keeper = options.pop("keeper", None) or Keeper(market, Market())
    options = {"source": market.partition(":")[0], "is_recording": market.startswith("recording"), **options}
    return Feed(keeper, url, symbols, **options)


@contextlib.asynccontextmanager
async def running(feed: Feed) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(feed.run(stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 20)


async def until(condition, within_s: float = 15.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - what is waited for knows nothing of us
            await asyncio.sleep(0.02)


async def in_thread(question, *args):
    """Ask the database in a thread that leaves no connection behind."""

    def call():
        try:
            return question(*args)
        finally:
            connection.close()

    return await asyncio.to_thread(call)


def feed_events(kind: str = "") -> list[tuple[str, str]]:
    events = models.FeedEvent.objects.order_by("time", "id").values_list("kind", "detail")
    return [event for event in events if kind in ("", event[0])]


def published(market: str) -> list[Frame]:
    return list(bus.read(market, 0))


def published_statuses(symbol: str) -> list[str]:
    """Return the symbol's statuses in the published frames, repetitions left out."""
    feed_events = [frame.statuses[symbol] for frame in published("simulated:1") if symbol in frame.statuses]
    return [status for status, _ in groupby(feed_events)]


def make_recorder(root: Path, **options) -> Recorder:
    return Recorder(root, "simulated:1", SYMBOLS, **{"rotate_bytes": 1 << 28, "max_bytes": 1 << 30, **options})
