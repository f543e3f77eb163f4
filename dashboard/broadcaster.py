"""One renderer per page and process: however many sockets look at a page, it is rendered once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from weakref import WeakKeyDictionary

from channels.db import database_sync_to_async
from channels.layers import get_channel_layer

from dashboard.feed_scenes import FeedChoice, feed_scene
from dashboard.market_listing import markets_scene
from dashboard.market_scenes import market_scene
from dashboard.panels import (
    DEPLOYMENT_PANELS,
    FEED_PANELS,
    LEAGUE_PANELS,
    MARKET_PANELS,
    MARKETS_PANELS,
    Panel,
    swap_message,
)
from dashboard.scenes import Scene, deployment_scene, league_scene
from portfolios.announcements import LEAGUE_GROUP

Send = Callable[[str], Awaitable[None]]

QUICKEST_S = 0.5  # between two renderings: twice a second at most
BEAT_S = 1.0  # without news only prices and ages are rendered
READ_ALL_AFTER_S = 5.0  # without news: an announcement may have been lost
MOST_BUSY = 0.25  # of the time, at most, goes into one page: a big league is rendered less often
LISTEN_AGAIN_S = 1.0

_log = logging.getLogger(__name__)


class Broadcaster:
    """Renders one page's panels and hands the changed ones to every socket that has joined."""

    def __init__(
        self,
        gather: Callable[[], Scene],
        panels: tuple[Panel, ...],
        slug: str | None = None,
        beat_s: float = BEAT_S,
    ) -> None:
        """``slug``: announcements of other accounts are no news; None: all are; empty: none is."""
        self._gather = gather
        self._panels = panels
        self._slug = slug
        self._beat_s = beat_s
        self._sockets: set[Send] = set()
        self._shown: dict[Panel, str] = {}
        self._scene: Scene | None = None
        self._read_at = 0.0
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._rendering = asyncio.Lock()

    async def join(self, send: Send) -> None:
        """Send all panels as they are now, and every change from here on."""
        async with self._rendering:
            if not self._sockets:
                await self._render(is_news=True)
            await send(swap_message(self._shown))
            self._sockets.add(send)
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._beat()), asyncio.create_task(self._listen())]

    async def leave(self, send: Send) -> None:
        """Send no more; the last to leave stops the rendering."""
        self._sockets.discard(send)
        if not self._sockets:
            tasks, self._tasks = self._tasks, []
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def hear(self, slugs: Iterable[str]) -> None:
        """Take note that these accounts have changed."""
        if self._slug is None or self._slug in slugs:
            self._news.set()

    async def _beat(self) -> None:
        pause_s = QUICKEST_S
        while True:
            await asyncio.sleep(pause_s)
            await self._await_news(self._beat_s - QUICKEST_S)
            is_news = self._news.is_set() or time.monotonic() - self._read_at > READ_ALL_AFTER_S
            self._news.clear()
            began = time.monotonic()
            try:
                async with self._rendering:
                    await self._send_to_all(swap_message(await self._render(is_news=is_news)))
            except Exception:
                # The database or Redis may be away for a moment: the page keeps what it shows.
                _log.exception("a live page could not be rendered")
            pause_s = max(QUICKEST_S, (time.monotonic() - began) / MOST_BUSY)

    async def _await_news(self, timeout_s: float) -> None:
        try:
            await asyncio.wait_for(self._news.wait(), timeout_s)
        except TimeoutError:
            return

    async def _render(self, *, is_news: bool) -> dict[Panel, str]:
        """Render what may have changed; return what did."""
        scene, fresh = await database_sync_to_async(self._rendered)(is_news=is_news)
        if is_news:
            self._read_at = time.monotonic()
        changed = {panel: html for panel, html in fresh.items() if self._shown.get(panel) != html}
        self._scene = scene
        self._shown |= changed
        return changed

    def _rendered(self, *, is_news: bool) -> tuple[Scene, dict[Panel, str]]:
        if is_news or self._scene is None:
            scene = self._gather()
            return scene, {panel: panel.render(scene) for panel in self._panels}
        scene = self._scene.with_fresh_feed()
        return scene, {panel: panel.render(scene) for panel in self._panels if panel.has_prices}

    async def _send_to_all(self, message: str) -> None:
        if message:
            await asyncio.gather(*(send(message) for send in self._sockets), return_exceptions=True)

    async def _listen(self) -> None:
        """Follow the announcements; without them the page still refreshes every few seconds."""
        layer = get_channel_layer()
        assert layer is not None, "settings.CHANNEL_LAYERS names one"
        while True:
            try:
                channel = await layer.new_channel()
                await layer.group_add(LEAGUE_GROUP, channel)
                self._news.set()  # what happened before was not heard
                while True:
                    message = await layer.receive(channel)
                    self.hear(message["accounts"])
            except Exception as error:
                _log.warning("announcements are not heard: %s", error)
                await asyncio.sleep(LISTEN_AGAIN_S)


_running: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Broadcaster]] = WeakKeyDictionary()


def league_broadcaster() -> Broadcaster:
    """Return the league page's broadcaster of this process."""
    return _broadcaster("", lambda: Broadcaster(league_scene, LEAGUE_PANELS))


def deployment_broadcaster(slug: str) -> Broadcaster:
    """Return the broadcaster of one deployment's page in this process."""
    return _broadcaster(slug, lambda: Broadcaster(partial(deployment_scene, slug), DEPLOYMENT_PANELS, slug))


def feed_broadcaster(choice: FeedChoice) -> Broadcaster:
    """Return the broadcaster of the feed page, as it is for those who chose the same."""
    # No slug holds a question mark.
    return _broadcaster(f"feed{choice.query}", lambda: Broadcaster(partial(feed_scene, choice), FEED_PANELS, slug=""))


def markets_broadcaster() -> Broadcaster:
    """Return the broadcaster of the list of markets in this process."""
    return _broadcaster("markets?", lambda: Broadcaster(markets_scene, MARKETS_PANELS, slug=""))


def market_broadcaster(slug: str) -> Broadcaster:
    """Return the broadcaster of one instrument's page in this process; its book moves as fast as any page may."""
    make = partial(Broadcaster, partial(market_scene, slug), MARKET_PANELS, beat_s=QUICKEST_S)
    return _broadcaster(f"market?{slug}", make)


def _broadcaster(topic: str, make: Callable[[], Broadcaster]) -> Broadcaster:
    topics = _running.setdefault(asyncio.get_running_loop(), {})
    if topic not in topics:
        topics[topic] = make()
    return topics[topic]
