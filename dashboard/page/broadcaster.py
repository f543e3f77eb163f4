"""One page, rendered once for all its sockets."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TypeVar

from channels.db import database_sync_to_async
from channels.layers import get_channel_layer

from dashboard.page.panel import Drawn, Panel, change_messages, drawn, whole_message
from dashboard.page.scene import FillsScene, Scene
from marketdata.telemetry.metrics import Histogram
from portfolios.models import Fill
from portfolios.outbox.announcements import LEAGUE_GROUP

Send = Callable[[str], Awaitable[None]]
R = TypeVar("R")
QUICKEST_S = 0.5  # between two renderings: twice a second at most
BEAT_S = 1.0  # without news only prices and ages are rendered
READ_ALL_AFTER_S = 5.0  # without news: an announcement may have been lost
MOST_BUSY = 0.25  # of the time, at most, goes into one page: a big league is rendered less often
LISTEN_AGAIN_S = 1.0
READ_FILLS_AGAIN_S = 0.1  # at the soonest
RENDER_SECONDS = Histogram()  # of this process: reading a page's scene and drawing its panels
_log = logging.getLogger(__name__)
_fills_thread = ThreadPoolExecutor(1, thread_name_prefix="fills")


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
        self._shown: dict[Panel, Drawn] = {}
        self._scene: Scene | None = None
        self._fills_shown: list[Fill] | None = None
        self._read_at = 0.0
        self._news = asyncio.Event()
        self._fill_news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._rendering = asyncio.Lock()
        self._rendering_fills = asyncio.Lock()  # a fill waits for no big league to be read

    async def join(self, send: Send) -> None:
        """Send all panels as they are now, and every change from here on."""
        async with self._rendering, self._rendering_fills:
            if not self._sockets:
                self._shown, self._fills_shown = {}, None
                await self._render(self._panels, is_news=True)
            await send(whole_message(self._shown[panel] for panel in self._panels))
            self._sockets.add(send)
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._beat()), asyncio.create_task(self._listen())]
            if any(panel.is_quick for panel in self._panels):
                self._tasks.append(asyncio.create_task(self._follow_fills()))

    async def leave(self, send: Send) -> None:
        """Send no more; the last to leave stops the rendering."""
        self._sockets.discard(send)
        if not self._sockets:
            tasks, self._tasks = self._tasks, []
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            # A thread cannot be cancelled: it ends what it was reading, and closes its connection.
            await asyncio.gather(database_sync_to_async(_nothing)(), _beside(_nothing))
            if not self._sockets:
                # Who visits every page of a large league must not leave all of them behind in memory.
                self._shown, self._scene, self._fills_shown = {}, None, None

    def receive(self, slugs: Iterable[str]) -> None:
        """Take an announcement: these accounts have changed."""
        if self._slug is None or self._slug in slugs:
            self._news.set()
            self._fill_news.set()

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
                    steady = tuple(panel for panel in self._panels if not panel.is_quick)
                    await self._send_to_all(await self._render(steady, is_news=is_news))
            except Exception:
                # The database or Redis may be away for a moment: the page keeps what it shows.
                _log.exception("a live page could not be rendered")
            pause_s = max(QUICKEST_S, (time.monotonic() - began) / MOST_BUSY)

    async def _await_news(self, timeout_s: float) -> None:
        try:
            await asyncio.wait_for(self._news.wait(), timeout_s)
        except TimeoutError:
            return

    async def _follow_fills(self) -> None:
        """Show a fill as soon as it is written: reading fills alone is cheap."""
        quick = tuple(panel for panel in self._panels if panel.is_quick)
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._fill_news.wait(), READ_ALL_AFTER_S)
            self._fill_news.clear()
            try:
                async with self._rendering_fills:
                    messages = await self._render_fills(quick)
                    await self._send_to_all(messages)
            except Exception:
                _log.exception("the fills of a live page could not be rendered")
                messages = []
            await asyncio.sleep(QUICKEST_S if messages else READ_FILLS_AGAIN_S)

    async def _render(self, panels: tuple[Panel, ...], *, is_news: bool) -> list[str]:
        """Render what may have changed; return what is to be sent."""
        began_s = time.perf_counter()
        scene, fresh = await database_sync_to_async(self._drawn)(panels, is_news=is_news)
        RENDER_SECONDS.observe(time.perf_counter() - began_s)
        if is_news:
            self._read_at = time.monotonic()
        self._scene = scene
        return self._changes(fresh)

    async def _render_fills(self, panels: tuple[Panel, ...]) -> list[str]:
        if not isinstance(self._scene, FillsScene):
            return []
        newest = await _beside(self._scene.with_new_fills)
        if newest.fills == self._fills_shown:
            return []
        self._fills_shown = newest.fills
        return self._changes(await _beside(partial(drawn, panels, newest)))

    def _changes(self, fresh: Iterable[Drawn]) -> list[str]:
        fresh = list(fresh)
        messages = change_messages(fresh, self._shown)
        self._shown |= {each.panel: each for each in fresh}
        return messages

    def _drawn(self, panels: tuple[Panel, ...], *, is_news: bool) -> tuple[Scene, list[Drawn]]:
        if is_news or self._scene is None:
            scene = self._gather()
            return scene, drawn(panels, scene)
        scene = self._scene.with_fresh_feed()
        return scene, drawn((panel for panel in panels if panel.has_prices), scene)

    async def _send_to_all(self, messages: Iterable[str]) -> None:
        for message in messages:
            await asyncio.gather(*(send(message) for send in self._sockets), return_exceptions=True)

    async def _listen(self) -> None:
        """Follow the announcements; without them the page still refreshes every few seconds."""
        layer = get_channel_layer()
        assert layer is not None, "settings.CHANNEL_LAYERS names one"
        while True:
            try:
                channel = await layer.new_channel()
                await layer.group_add(LEAGUE_GROUP, channel)
                self._news.set()  # earlier announcements were missed
                self._fill_news.set()
                while True:
                    message = await layer.receive(channel)
                    self.receive(message["accounts"])
            except Exception as error:
                _log.warning("announcements are not received: %s", error)
                await asyncio.sleep(LISTEN_AGAIN_S)


def _nothing() -> None:
    """Do nothing: once it has run, everything queued before it has run, too."""


async def _beside(read: Callable[[], R]) -> R:
    """Return the result of ``read``, run in a thread of its own so that it does not wait for the pages' thread."""
    found: R = await database_sync_to_async(read, thread_sensitive=False, executor=_fills_thread)()
    return found
