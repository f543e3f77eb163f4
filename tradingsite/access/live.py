"""Sockets end when the right to hold them ends: at once by a message, and by a look now and then if that was lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from channels.layers import get_channel_layer
from django.db import DatabaseError, transaction

SENT_WITHIN_S = 2.0
NOT_ALLOWED, LOGIN_ENDED = 4403, 4401
_log = logging.getLogger("access")

Verdict = Callable[[], Awaitable[int | None]]  # the code to close a socket with; None: it may stay


def end_sockets(*, user_id: int | None = None, link_id: int | None = None) -> None:
    """Have the sockets of a user or of a share link looked at again, once this transaction is written."""
    group = group_of(user_id=user_id, link_id=link_id)
    if group is not None:
        transaction.on_commit(lambda: _send(group), robust=True)


def group_of(*, user_id: int | None = None, link_id: int | None = None) -> str | None:
    """Return the channel layer's group of a user's or a link's sockets."""
    if user_id is not None:
        return f"access.user.{user_id}"
    return None if link_id is None else f"access.link.{link_id}"


def _send(group: str) -> None:
    # A thread with a loop of its own: whoever calls may have one that runs, or none.
    sender = threading.Thread(target=lambda: asyncio.run(_send_now(group)), name="access", daemon=True)
    sender.start()
    sender.join(SENT_WITHIN_S)


async def _send_now(group: str) -> None:
    layer = get_channel_layer()
    assert layer is not None, "settings.CHANNEL_LAYERS names one"
    try:
        await layer.group_send(group, {"type": "access.changed"})
    except Exception as error:
        # Redis may be away; the sockets are looked at every half minute.
        _log.warning("sockets of %s are told later: %s", group, error)


async def run_while(
    verdict: Verdict,
    application: Any,
    scope: dict[str, Any],
    receive: Any,
    send: Any,
    *,
    group: str | None,
    every_s: float,
) -> None:
    """Run a socket's application while its reader may read: looked at after news of the group, and every so often."""
    has_ended = False

    async def close_once_over(news: asyncio.Event) -> None:
        # A cancellation is lost where it meets a thread that just comes back: the end is said twice.
        while not has_ended:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(every_s):
                    await news.wait()
            news.clear()
            try:
                code = await verdict()
            except DatabaseError:
                continue  # away for a moment: looked at again
            if code is not None:
                await send({"type": "websocket.close", "code": code})
                return

    code = await verdict()
    if code is not None:
        await send({"type": "websocket.close", "code": code})
        return
    news = asyncio.Event()
    tasks = [asyncio.create_task(close_once_over(news))]
    if group is not None:
        tasks.append(asyncio.create_task(_listen(group, news)))
    try:
        await application(scope, receive, send)
    finally:
        has_ended = True
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _listen(group: str, news: asyncio.Event) -> None:
    """Set ``news`` whenever the group is sent a message, and once at the beginning: what came before is not heard."""
    layer = get_channel_layer()
    assert layer is not None, "settings.CHANNEL_LAYERS names one"
    channel = None
    try:
        channel = await layer.new_channel()
        await layer.group_add(group, channel)
        while True:
            news.set()
            await layer.receive(channel)
    except Exception as error:
        _log.warning("a socket is looked at now and then only: %s", error)
    finally:
        if channel is not None:
            with contextlib.suppress(Exception):
                await layer.group_discard(group, channel)
