"""One page, rendered once for all its sockets."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial

from channels.layers import get_channel_layer

from dashboard.page.panel import Drawn, Panel, drawn, messages_since
from dashboard.page.reader import Reader, Send, Shown
from dashboard.page.scene import FillsScene, Scene
from dashboard.page.threads import FILLS, PAGES, all_idle, read_in
from marketdata.telemetry.metrics import Histogram
from portfolios.models import Fill
from portfolios.outbox.announcements import LEAGUE_GROUP

QUICKEST_S = 0.5  # between two renderings: twice a second at most
BEAT_S = 1.0  # without news only prices and ages are rendered
READ_ALL_AFTER_S = 5.0  # without news: an announcement may have been lost
MOST_BUSY = 0.25  # of the time, at most, goes into one page: a big league is rendered and sent less often
HAND_ON_S = 0.25  # waited for readers, at most: a slow one delays nobody
LISTEN_AGAIN_S = 1.0
READ_FILLS_AGAIN_S = 0.1  # at the soonest
RENDER_SECONDS = Histogram()  # of this process: reading a page's scene and drawing its panels
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
        self._sockets: set[Reader] = set()
        self._shown = Shown()
        self._changes: dict[int, list[str]] = {}  # what has changed since a version, for all who show that
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
                self._shown, self._fills_shown = Shown(self._shown.version), None
                await self._try_to_render(self._panels, is_news=True)
            reader = Reader(send, self._changes_since)
            self._sockets.add(reader)
            reader.stir()
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._beat()), asyncio.create_task(self._listen())]
            if any(panel.is_quick for panel in self._panels):
                self._tasks.append(asyncio.create_task(self._follow_fills()))

    async def leave(self, send: Send) -> None:
        """Send no more; the last to leave stops the rendering."""
        for reader in [reader for reader in self._sockets if reader.send == send]:
            self._sockets.discard(reader)
            await reader.leave()
        if not self._sockets:
            tasks, self._tasks = self._tasks, []
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await all_idle(PAGES, FILLS)
            if not self._sockets:
                # Who visits every page of a large league must not leave all of them behind in memory.
                self._shown, self._changes, self._scene, self._fills_shown = Shown(), {}, None, None

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
            prompt = [reader for reader in self._sockets if reader.is_served.is_set()]
            async with self._rendering:
                steady = tuple(panel for panel in self._panels if not panel.is_quick)
                await self._try_to_render(steady, is_news=is_news)
            with suppress(TimeoutError):
                async with asyncio.timeout(HAND_ON_S):
                    for reader in prompt:
                        await reader.is_served.wait()
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
                    has_changed = await self._render_fills(quick)
            except Exception:
                _log.exception("the fills of a live page could not be rendered")
                has_changed = False
            await asyncio.sleep(QUICKEST_S if has_changed else READ_FILLS_AGAIN_S)

    async def _try_to_render(self, panels: tuple[Panel, ...], *, is_news: bool) -> None:
        try:
            await self._render(panels, is_news=is_news)
        except Exception:
            # The database or Redis may be away for a moment: the page keeps what it shows.
            _log.exception("a live page could not be rendered")

    async def _render(self, panels: tuple[Panel, ...], *, is_news: bool) -> None:
        """Render what may have changed."""
        began_s = time.perf_counter()
        scene, fresh = await read_in(PAGES, partial(self._drawn, panels, is_news=is_news))
        RENDER_SECONDS.observe(time.perf_counter() - began_s)
        if is_news:
            self._read_at = time.monotonic()
        self._scene = scene
        self._show(fresh)

    async def _render_fills(self, panels: tuple[Panel, ...]) -> bool:
        """Render the fills if there are new ones; return whether that changed the page."""
        if not isinstance(self._scene, FillsScene):
            return False
        newest = await read_in(FILLS, self._scene.with_new_fills)
        if newest.fills == self._fills_shown:
            return False
        self._fills_shown = newest.fills
        return self._show(await read_in(FILLS, partial(drawn, panels, newest)))

    def _show(self, fresh: Iterable[Drawn]) -> bool:
        """Show these panels, and wake the readers if they look different."""
        before = self._shown.panels
        changed = {each.panel: each for each in fresh if before.get(each.panel) != each}
        if changed:
            self._shown = Shown(self._shown.version + 1, {**before, **changed})
            self._changes.clear()
            for reader in self._sockets:
                reader.stir()
        return bool(changed)

    def _changes_since(self, shown: Shown) -> tuple[list[str], Shown]:
        if shown.version == self._shown.version:
            return [], shown
        if shown.version not in self._changes:
            now = (self._shown.panels[panel] for panel in self._panels if panel in self._shown.panels)
            self._changes[shown.version] = messages_since(shown.panels, now)
        return self._changes[shown.version], self._shown

    def _drawn(self, panels: tuple[Panel, ...], *, is_news: bool) -> tuple[Scene, list[Drawn]]:
        if is_news or self._scene is None:
            scene = self._gather()
            return scene, drawn(panels, scene)
        scene = self._scene.with_fresh_feed()
        return scene, drawn((panel for panel in panels if panel.has_prices), scene)

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
