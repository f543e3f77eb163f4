"""Sockets of the live pages: they send what a broadcaster renders."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from dashboard.feed.scene import UnknownChoice, feed_choice
from dashboard.live import (
    deployment_broadcaster,
    feed_broadcaster,
    league_broadcaster,
    market_broadcaster,
    markets_broadcaster,
    system_broadcaster,
)
from dashboard.markets.listing import UnknownInstrument
from dashboard.markets.scene import known_slug
from dashboard.page.broadcaster import Broadcaster
from portfolios.results.windows import UnknownWindow, window_named
from strategies.models import Deployment

LOGIN_NEEDED = 4403
UNKNOWN_PAGE = 4404
TOO_MANY_MESSAGES = 4429
MOST_MESSAGES = 60


class LivePage(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels brings no types
    """A socket that is sent panels; what the browser sends is ignored."""

    broadcaster: Broadcaster | None = None
    received = 0

    async def connect(self) -> None:
        """Accept readers of the page and send them all of it."""
        if not settings.PADDOCK_PUBLIC_PAGES and not self.scope.get("may_read"):
            await self.close(code=LOGIN_NEEDED)
            return
        broadcaster = await self.find_broadcaster()
        if broadcaster is None:
            await self.close(code=UNKNOWN_PAGE)
            return
        self.broadcaster = broadcaster
        await self.accept()
        await broadcaster.join(self.send_html)

    async def disconnect(self, code: int) -> None:
        """Leave the broadcaster."""
        if self.broadcaster is not None:
            await self.broadcaster.leave(self.send_html)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Ignore what a browser sends: every change goes through a form or the API. Who sends on is closed."""
        self.received += 1
        if self.received > MOST_MESSAGES:
            await self.close(code=TOO_MANY_MESSAGES)

    async def send_html(self, html: str) -> None:
        """Send panels to the browser."""
        await self.send(text_data=html)

    def query_values(self, *names: str) -> list[str]:
        """Return parameters of the query string, empty where they are missing."""
        query = parse_qs(self.scope["query_string"].decode("ascii", "replace"))
        return [query.get(name, [""])[0] for name in names]

    async def find_broadcaster(self) -> Broadcaster | None:
        """Return the broadcaster of the page, None if there is no such page."""
        raise NotImplementedError


class LeaguePage(LivePage):
    """`/ws/league/?window=…`."""

    async def find_broadcaster(self) -> Broadcaster | None:
        """Return the broadcaster of the window that the reader chose, None for an unknown one."""
        (window,) = self.query_values("window")
        try:
            return league_broadcaster(window_named(window))
        except UnknownWindow:
            return None


class DeploymentPage(LivePage):
    """`/ws/deployments/<slug>/`."""

    async def find_broadcaster(self) -> Broadcaster | None:
        """Return the deployment's broadcaster, None for an unknown name."""
        slug: str = self.scope["url_route"]["kwargs"]["slug"]
        exists: Any = await database_sync_to_async(Deployment.objects.filter(slug=slug).exists)()
        return deployment_broadcaster(slug) if exists else None


class MarketsPage(LivePage):
    """`/ws/markets/`."""

    async def find_broadcaster(self) -> Broadcaster | None:
        """Return the broadcaster of the list."""
        return markets_broadcaster()


class MarketPage(LivePage):
    """`/ws/markets/<slug>/`."""

    async def find_broadcaster(self) -> Broadcaster | None:
        """Return the instrument's broadcaster, None for an unknown one."""
        try:
            slug = await database_sync_to_async(known_slug)(self.scope["url_route"]["kwargs"]["slug"])
        except UnknownInstrument:
            return None
        return market_broadcaster(slug)


class SystemPage(LivePage):
    """`/ws/system/`."""

    async def find_broadcaster(self) -> Broadcaster | None:
        """Return the system page's broadcaster."""
        return system_broadcaster()


class FeedPage(LivePage):
    """`/ws/feed/?kind=…&timeframe=…`."""

    async def find_broadcaster(self) -> Broadcaster | None:
        """Return the broadcaster of the reader's choice, None for an unknown choice."""
        try:
            choice = feed_choice(*self.query_values("kind", "timeframe"))
        except UnknownChoice:
            return None
        return feed_broadcaster(choice)
