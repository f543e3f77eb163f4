"""Announces changed accounts to the pages. Called after commit, never before."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterable, Mapping

from channels.layers import get_channel_layer

LEAGUE_GROUP = "league"
_log = logging.getLogger(__name__)


class Announcer:
    """Sends to the channel layer from a synchronous process, without ever holding it up.

    One event loop in one thread: the layer keeps its Redis connections per loop.
    An announcement that cannot be sent is logged and dropped; pages refresh anyway.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="announcer", daemon=True).start()

    def announce(self, slugs: Iterable[str]) -> None:
        """Say that these accounts have changed."""
        message = {"type": "league.changed", "accounts": sorted(slugs)}
        asyncio.run_coroutine_threadsafe(self._send(message), self._loop)

    async def _send(self, message: Mapping[str, object]) -> None:
        layer = get_channel_layer()
        assert layer is not None, "settings.CHANNEL_LAYERS names one"
        try:
            await layer.group_send(LEAGUE_GROUP, message)
        except Exception as error:
            # Redis may be away for a moment; the facts are safe in the database.
            _log.warning("announcement not sent: %s", error)
