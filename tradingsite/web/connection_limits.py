"""What daphne takes in before a request is complete: so many connections, so much of a body, for so long.

Daphne and Twisted read a whole body, of whatever size, before any application is called. So the limits are here, in
subclasses of their channel and request.
"""

from __future__ import annotations

import logging
import resource
import sys
from http import HTTPStatus
from typing import Any

from daphne.http_protocol import HTTPFactory, WebRequest
from django.conf import settings
from twisted.web.http import HTTPChannel, _GenericHTTPChannelProtocol

from tradingsite.web.refusals import MOST_BODY_BYTES, TOO_LARGE, refusal
from tradingsite.web_metrics import WEB

HEAD_WITHIN_S = 10.0  # from a request's first byte, or the beginning of the connection
BODY_WITHIN_S = 20.0
IDLE_S = 60  # between two requests of a connection
LINGER_S = 2.0  # what is refused is read on and thrown away for so long: its sender may still read why
FILES_BESIDES = 100  # of the process: logs, databases, Redis
_log = logging.getLogger(__name__)


class Channel(HTTPChannel):  # type: ignore[misc]  # Twisted's has no types here
    """One connection, with a time limit on each request's head and body, and a limit on the body's size."""

    is_between_requests = True
    _is_refused = False
    _limit: Any = None

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's names
        super().connectionMade()
        self.site.opened(self)
        self._expect(HEAD_WITHIN_S)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        if self._is_refused:
            return
        if self.is_between_requests and self._limit is None:
            self._expect(HEAD_WITHIN_S)
        super().dataReceived(data)

    def allHeadersReceived(self) -> None:  # noqa: N802
        self._expect(BODY_WITHIN_S)
        if self.length is not None and self.length > MOST_BODY_BYTES:
            self.refuse_body()  # not even a "100 Continue" is sent
            return
        super().allHeadersReceived()

    def rawDataReceived(self, data: bytes) -> None:  # noqa: N802
        if not self._is_refused:
            super().rawDataReceived(data)

    def allContentReceived(self) -> None:  # noqa: N802
        if self._is_refused:
            return
        self._expect(None)
        self.is_between_requests = False
        super().allContentReceived()

    def requestDone(self, request: Any) -> None:  # noqa: N802
        self.is_between_requests = True
        super().requestDone(request)

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        self._expect(None)
        super().connectionLost(reason)

    def refuse_body(self) -> None:
        """Answer 413, and take nothing more."""
        if self._is_refused:
            return
        self._is_refused = True
        path = self._path.decode("ascii", "replace").partition("?")[0]
        headers, body = refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE, path)
        head = [b"HTTP/1.1 413 Content Too Large", *(b": ".join(header) for header in headers), b"connection: close"]
        self.transport.write(b"\r\n".join([*head, b"", body]))
        self.transport.loseWriteConnection()
        WEB.note_refused(self._command.decode("ascii", "replace"), HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        self._expect(LINGER_S)

    def _expect(self, within_s: float | None) -> None:
        """End the connection unless what is expected next comes in time."""
        if self._limit is not None and self._limit.active():
            self._limit.cancel()
        self._limit = None if within_s is None else self.callLater(within_s, self._end)

    def _end(self) -> None:
        self._limit = None
        self.transport.abortConnection()


class Request(WebRequest):  # type: ignore[misc]
    """One request; of a body whose length is not known in advance the bytes are counted as they come."""

    _size = 0

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        self._size += len(data)
        if self._size > MOST_BODY_BYTES:
            self.channel.refuse_body()
        else:
            super().handleContentChunk(data)


class Factory(HTTPFactory):  # type: ignore[misc]
    """Opens so many connections. Beyond, who has sent no request for longest makes room."""

    def __init__(self, server: Any) -> None:
        super().__init__(server)
        self.timeOut = IDLE_S
        self._most = _most_connections()
        self._open: dict[Channel, None] = {}  # in the order of their opening

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802
        if not self._has_room():
            _log.warning("%d connections are open: a further one is refused", len(self._open))
            return None
        protocol = _GenericHTTPChannelProtocol(Channel())
        protocol.factory = self
        protocol.site = self
        protocol.requestFactory = Request
        protocol.callLater = self.reactor.callLater
        protocol.timeOut = self.timeOut
        return protocol

    def opened(self, channel: Channel) -> None:
        """Count a connection."""
        self._open[channel] = None

    def _has_room(self) -> bool:
        if len(self._open) < self._most:
            return True
        # A connection that became a socket reports its end to somebody else.
        self._open = {channel: None for channel in self._open if channel.transport and channel.transport.connected}
        if len(self._open) < self._most:
            return True
        idle = next((channel for channel in self._open if channel.is_between_requests), None)
        if idle is not None:
            del self._open[idle]
            idle.transport.abortConnection()
        return idle is not None


def guard_daphne() -> None:
    """Have daphne make its connections here, if it is the server of this process: it does so after this import."""
    if server := sys.modules.get("daphne.server"):
        server.HTTPFactory = Factory  # type: ignore[attr-defined]


def _most_connections() -> int:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, min(settings.PADDOCK_CONNECTIONS_MAX, files - FILES_BESIDES))
