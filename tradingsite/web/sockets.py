"""Sockets that lead nowhere are refused as pages are: with a 404 where there is nothing."""

from __future__ import annotations

import logging
from typing import Any

from autobahn.websocket.types import ConnectionDeny

from tradingsite.web.error_pages import AWAY
from tradingsite.web.pacing import PROTOCOL

UNKNOWN_PAGE = 4404
TRY_AGAIN_LATER = 1013
_log = logging.getLogger(__name__)


async def unknown_socket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Refuse a socket at an address where there is none."""
    await receive()
    await send({"type": "websocket.close", "code": UNKNOWN_PAGE})


def refusing(application: Any) -> Any:
    """Return the socket application; one that it closes as unknown before it was open is denied with a 404.

    Of itself daphne denies each with a 403, whatever the code; under another server it stays as it was.
    """

    async def denying(scope: dict[str, Any], receive: Any, send: Any) -> None:
        async def send_or_deny(message: dict[str, Any]) -> None:
            is_unknown = message["type"] == "websocket.close" and message.get("code") == UNKNOWN_PAGE
            if not (is_unknown and _deny(scope.get(PROTOCOL))):
                await send(message)

        try:
            await application(scope, receive, send_or_deny)
        except AWAY as error:
            _log.warning("a socket is closed, its reader may try again: %s", error)
            await send({"type": "websocket.close", "code": TRY_AGAIN_LATER})

    return denying


def _deny(protocol: Any) -> bool:
    """Deny the handshake; return False once it is over, or when the server is not daphne."""
    handshake = getattr(protocol, "handshake_deferred", None)
    if handshake is None:
        return False
    handshake.errback(ConnectionDeny(code=404, reason="there is no such socket"))
    del protocol.handshake_deferred
    protocol.server.protocol_disconnected(protocol)
    return True
