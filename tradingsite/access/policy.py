"""What browsers may load, and who may open a socket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import SplitResult, urlsplit

from asgiref.sync import iscoroutinefunction
from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from django.conf import settings
from django.http import HttpRequest
from django.http.request import validate_host
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from rest_framework.exceptions import APIException

from tradingsite.access.guests import SHARED, is_guest
from tradingsite.access.live import LOGIN_ENDED, NOT_ALLOWED, group_of, run_while
from tradingsite.access.permissions import require_scope, shown_token
from tradingsite.access.sessions import living_user
from tradingsite.senders.addresses import is_open_to_all

# Scripts and styles come from our own files alone, none from inside a page. A script may set a style on an element:
# charts and htmx do, and no policy forbids it.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

ASKED_AGAIN_S = 30.0  # whether the reader of an open socket may still read

Respond = Callable[[HttpRequest], HttpResponseBase]
RespondLater = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def content_security_policy(get_response: Any) -> Respond | RespondLater:
    """Forbid browsers to load anything that this server does not serve itself."""
    if iscoroutinefunction(get_response):

        async def respond_later(request: HttpRequest) -> HttpResponseBase:
            response: HttpResponseBase = await get_response(request)
            response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
            return response

        return respond_later

    def respond(request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = get_response(request)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        return response

    return respond


def own_pages_only(application: Any) -> Any:
    """Return the socket application, closed to pages of other sites: host and port of the origin must be ours.

    A browser sends cookies to every port of a host: a page of another program on this machine is another site.
    """

    async def guarded(scope: dict[str, Any], receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        if is_own_origin(headers.get(b"origin", b"").decode("latin-1"), headers.get(b"host", b"").decode("latin-1")):
            await application(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": NOT_ALLOWED})

    return guarded


def is_own_origin(origin: str, host: str) -> bool:
    """Return whether a page with this origin was served under the host that is asked now, or under PADDOCK_URL."""
    page = _parsed(origin)
    if page is None or page.scheme not in _PORTS:
        return False
    asked = _parsed(f"{page.scheme}://{host}")
    known = [url for url in (asked, _parsed(settings.PADDOCK_URL)) if url is not None]
    is_ours = any((page.hostname, _port(page)) == (url.hostname, _port(url)) for url in known)
    allowed = [*settings.ALLOWED_HOSTS, *(_bracketed(url) for url in known[1:])]
    return is_ours and validate_host(_bracketed(page), allowed)


def _bracketed(url: SplitResult) -> str:
    host = str(url.hostname)
    return f"[{host}]" if ":" in host else host


def _parsed(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        return parts if parts.hostname and (parts.port is None or parts.port) else None
    except ValueError:
        return None


_PORTS = {"http": 80, "https": 443}


def _port(url: SplitResult) -> int | None:
    return url.port or _PORTS.get(url.scheme)


def readers_only(application: Any) -> Any:
    """Return the socket application, closed to anonymous visitors where pages need a login or a link.

    The socket of a user ends with the login, that of a guest with the link.
    """

    async def guarded(scope: dict[str, Any], receive: Any, send: Any) -> None:
        def verdict() -> int | None:
            return _verdict(scope, number, link)

        number, link = await database_sync_to_async(_opened_by)(scope)
        await run_while(
            database_sync_to_async(verdict),
            application,
            {**scope, "may_read": True},
            receive,
            send,
            group=group_of(user_id=number, link_id=link),
            every_s=ASKED_AGAIN_S,
        )

    return AuthMiddlewareStack(guarded)


def _opened_by(scope: dict[str, Any]) -> tuple[int | None, int | None]:
    """Return the user who opens a socket, and the link of a guest who does."""
    user, session = scope["user"], scope["session"]
    if user.is_authenticated:
        return user.pk, None
    return None, session.get(SHARED)


def _verdict(scope: dict[str, Any], number: int | None, link: int | None) -> int | None:
    """Return why a socket is to be closed; None where it may stay open."""
    if number is not None:
        user = living_user(scope["session"].session_key)
        return None if user is not None and user.pk == number else LOGIN_ENDED
    if is_open_to_all(scope) or (link is not None and is_guest(scope["session"])):
        return None
    return NOT_ALLOWED


def readers_or_programs(application: Any) -> Any:
    """Return the socket application, open to pages as other sockets are, and to programs by their token.

    A browser sends a page's origin and cookies by itself: origin and login are checked as everywhere. A program
    has no origin: its token says whose it is; its cookies are ignored.
    """
    by_page = own_pages_only(readers_only(application))

    async def guarded(scope: dict[str, Any], receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        authorization = headers.get(b"authorization", b"")
        shows_token = authorization.lower().startswith(b"bearer")
        if b"origin" in headers and not shows_token:
            await by_page(scope, receive, send)
            return

        def holder() -> int | None:
            try:
                token = shown_token(authorization)
                require_scope(token, "read")
            except APIException:
                return None
            return token.user_id if token is not None else 0

        def verdict() -> int | None:
            found = holder()
            return None if found or (found == 0 and is_open_to_all(scope)) else NOT_ALLOWED

        await run_while(
            database_sync_to_async(verdict),
            application,
            scope,
            receive,
            send,
            group=group_of(user_id=await database_sync_to_async(holder)() or None),
            every_s=ASKED_AGAIN_S,
        )

    return guarded
