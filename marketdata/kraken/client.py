"""The socket: it connects, waits and carries. What messages mean is for the protocol."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from marketdata.proxies import proxy_for, through

PING_EVERY_S = 15.0
WATCH_EVERY_S = 0.5
OPEN_WITHIN_S = 10.0
STABLE_AFTER_S = 30.0  # a session this long was a success: the next wait is short again
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0
REFUSED_WAIT_S = 60.0  # after a refused connection: another attempt only prolongs a ban
JITTER_S = 0.75
END_OF_RECORDING = "end of recording"
_USER_AGENT = "paddock (paper trading)"

_log = logging.getLogger("feed")


class SocketListener(Protocol):
    """What receives a connection's messages: every call but the last returns at once."""

    @property
    def reconnect_reason(self) -> str:
        """Why the connection should be given up, empty while it should not."""

    def connected(self) -> None:
        """A new connection is there."""

    def receive(self, message: bytes) -> None:
        """A text message came."""

    def receive_binary(self, message: bytes) -> None:
        """A binary message came; no exchange sends any."""

    def outgoing(self) -> list[bytes]:
        """Return what is to be sent."""

    def ping(self) -> None:
        """Queue a ping."""

    def disconnected(self, reason: str) -> None:
        """The connection is gone."""

    def catch_up(self) -> Awaitable[None] | None:
        """Return what to wait for before the next message is read, None to go on."""

    async def may_connect(self) -> None:
        """Return when a connection may be tried."""


class KrakenClient:
    """Holds one connection at a time, and makes the next when it breaks.

    Whether one still works is for the listener to decide, whatever TCP reports. Where ``reconnects``
    is false, as on a recording, there is one connection, which may be silent.
    """

    def __init__(
        self,
        url: str,
        listener: SocketListener,
        *,
        reconnects: bool = True,
        first_wait_s: float = FIRST_WAIT_S,
    ) -> None:
        self._url = url
        self._listener = listener
        self._reconnects = reconnects
        self._first_wait_s = first_wait_s
        self._was_refused = False

    async def run(self) -> str:
        """Receive until the connection ends for good; return the reason.

        A live exchange's never does: then this runs until it is cancelled.
        """
        failures = 0
        if proxy := proxy_for(self._url):
            _log.info("%s is reached through %s", self._url, proxy)
        while True:
            await self._listener.may_connect()
            began_s, self._was_refused = time.monotonic(), False
            reason = await self._one_connection()
            if not self._reconnects:
                return reason
            failures = 1 if time.monotonic() - began_s >= STABLE_AFTER_S else failures + 1
            wait_s = max(self._wait_s(failures), REFUSED_WAIT_S if self._was_refused else 0.0)
            _log.warning("no connection to %s (%s), again in %.1f s", self._url, reason, wait_s)
            await asyncio.sleep(wait_s)

    def _wait_s(self, failures: int) -> float:
        doubled = self._first_wait_s * 2.0 ** min(failures - 1, 10)
        return min(LONGEST_WAIT_S, doubled) + random.uniform(0, JITTER_S * min(1.0, self._first_wait_s))

    async def _one_connection(self) -> str:
        proxy = proxy_for(self._url)
        try:
            async with connect(
                self._url,
                max_size=None,  # the instrument snapshot has no stated limit
                max_queue=1_024,
                compression=None,
                ping_interval=None,  # silence is measured by messages, not by TCP
                open_timeout=OPEN_WITHIN_S,
                close_timeout=2,
                user_agent_header=_USER_AGENT,
                proxy=proxy.url if proxy else None,
            ) as socket:
                self._listener.connected()
                try:
                    reason = await self._exchange_messages(socket)
                except ConnectionClosed as error:
                    reason = _close_reason(error)
                self._listener.disconnected(reason)
                return reason
        except InvalidStatus as error:
            status = error.response.status_code
            self._was_refused = status in (HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)
            return str(error) + through(proxy)
        except (OSError, WebSocketException) as error:
            return (str(error) or type(error).__name__) + through(proxy)

    async def _exchange_messages(self, socket: ClientConnection) -> str:
        watch = asyncio.create_task(self._watch(socket))
        try:
            await self._send(socket)
            listener, receive = self._listener, socket.recv
            while True:
                message = await receive()
                if isinstance(message, str):
                    listener.receive(message.encode())
                else:
                    listener.receive_binary(message)
                for request in listener.outgoing():
                    await socket.send(request, text=True)
                if reason := listener.reconnect_reason:
                    return reason
                if (pause := listener.catch_up()) is not None:
                    await pause
        finally:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch

    async def _send(self, socket: ClientConnection) -> None:
        for request in self._listener.outgoing():
            await socket.send(request, text=True)

    async def _watch(self, socket: ClientConnection) -> None:
        """Ping, send what became due in silence, and close a connection that is given up in silence."""
        pinged_at_s = time.monotonic()
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            if reason := self._listener.reconnect_reason:
                await socket.close(1000, reason)
                return
            if time.monotonic() - pinged_at_s >= PING_EVERY_S:
                pinged_at_s = time.monotonic()
                self._listener.ping()
            with contextlib.suppress(ConnectionClosed):  # the reader will notice, too
                await self._send(socket)


def _close_reason(error: ConnectionClosed) -> str:
    """Return why a connection ended: the reason given by the side that ended it."""
    first, second = (error.rcvd, error.sent) if error.rcvd_then_sent else (error.sent, error.rcvd)
    return next((close.reason for close in (first, second) if close is not None and close.reason), str(error))
