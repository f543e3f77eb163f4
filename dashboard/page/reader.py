"""One socket of a page: what has changed since what it was sent last, no faster than its reader takes it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from dashboard.page.panel import Drawn, Panel

Send = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page shows."""

    version: int = 0
    panels: Mapping[Panel, Drawn] = field(default_factory=dict)


class Reader:
    """A slow reader skips what others are sent one by one; nothing waits for it in memory but what is being sent."""

    def __init__(self, send: Send, changes_since: Callable[[Shown], tuple[list[str], Shown]]) -> None:
        self.send = send
        self._changes_since = changes_since
        self._shown = Shown()
        self._stirred = asyncio.Event()
        self.is_served = asyncio.Event()  # has been sent all there is
        self._pumping = asyncio.create_task(self._pump())

    def stir(self) -> None:
        """Wake the sender: the page has changed."""
        self.is_served.clear()
        self._stirred.set()

    async def leave(self) -> None:
        """Send no more."""
        self._pumping.cancel()
        await asyncio.gather(self._pumping, return_exceptions=True)

    async def _pump(self) -> None:
        while True:
            if not self._stirred.is_set():
                self.is_served.set()
                await self._stirred.wait()
            self._stirred.clear()
            messages, self._shown = self._changes_since(self._shown)
            for message in messages:
                await self.send(message)
