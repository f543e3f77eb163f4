"""What browsers may load, and who may open a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from channels.security.websocket import AllowedHostsOriginValidator
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from rest_framework.exceptions import APIException
from rest_framework.permissions import SAFE_METHODS

from tradingsite.access.permissions import is_guest, is_reader, require_scope, shown_token

# Charts and htmx set styles on elements; scripts come from our own files alone.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

ASKED_AGAIN_S = 60.0  # whether the reader of an open socket may still read
_CLOSED = {"type": "websocket.close", "code": 4403}

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


class LoginOrLink(LoginRequiredMiddleware):
    """Require a login, except of guests with a share link: they read pages and API, and nothing else."""

    def process_view(self, request: HttpRequest, view_func: Any, view_args: Any, view_kwargs: Any) -> Any:
        """Return the way to the login, None where the request may go on."""
        is_reading = request.method in SAFE_METHODS and not request.path.startswith("/admin/")
        if is_reading and is_guest(request.session):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)


def readers_only(application: Any) -> Any:
    """Return the socket application, closed to anonymous visitors where pages need a login or a link."""

    async def guarded(scope: dict[str, Any], receive: Any, send: Any) -> None:
        def may_read() -> bool:
            return is_reader(scope["user"], scope["session"])

        await _run_while(database_sync_to_async(may_read), application, {**scope, "may_read": True}, receive, send)

    return AuthMiddlewareStack(guarded)


def readers_or_programs(application: Any) -> Any:
    """Return the socket application, open to pages as other sockets are, and to programs by their token.

    A browser sends a page's origin and cookies by itself: origin and login are checked as everywhere. A program
    has no origin: its token says whose it is; its cookies are ignored.
    """
    by_page = AllowedHostsOriginValidator(readers_only(application))

    async def guarded(scope: dict[str, Any], receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        authorization = headers.get(b"authorization", b"")
        shows_token = authorization.lower().startswith(b"bearer")
        if b"origin" in headers and not shows_token:
            await by_page(scope, receive, send)
            return

        def may_read() -> bool:
            try:
                token = shown_token(authorization)
                require_scope(token, "read")
            except APIException:
                return False
            return is_reader(token.user if token else AnonymousUser(), session=None)

        await _run_while(database_sync_to_async(may_read), application, scope, receive, send)

    return guarded


async def _run_while(
    may_read: Callable[[], Awaitable[bool]], application: Any, scope: dict[str, Any], receive: Any, send: Any
) -> None:
    """Run the socket application while its reader may read: a token or link may expire, or be taken back."""

    async def close_once_over() -> None:
        while True:
            await asyncio.sleep(ASKED_AGAIN_S)
            try:
                if await may_read():
                    continue
            except DatabaseError:
                continue  # away for a moment: checked again
            await send(_CLOSED)
            return

    if not await may_read():
        await send(_CLOSED)
        return
    watch = asyncio.create_task(close_once_over())
    try:
        await application(scope, receive, send)
    finally:
        watch.cancel()
