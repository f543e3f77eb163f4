"""What browsers may load, and who may open a socket."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from channels.security.websocket import AllowedHostsOriginValidator
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from rest_framework.authentication import TokenAuthentication
from rest_framework.authtoken.models import Token

# Charts and htmx set styles on elements; scripts come from our own files alone.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

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


def readers_only(application: Any) -> Any:
    """Return the socket application, closed to anonymous visitors where pages need a login."""

    async def guarded(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if settings.PADDOCK_PUBLIC_PAGES or scope["user"].is_authenticated:
            await application(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 4403})

    return AuthMiddlewareStack(guarded)


class BearerAuthentication(TokenAuthentication):
    """`Authorization: Bearer TOKEN`."""

    keyword = "Bearer"


def token_user(secret: str) -> AbstractBaseUser | None:
    """Return whose token this is; None for an unknown one, and for that of somebody who may not log in any more."""
    token = Token.objects.select_related("user").filter(key=secret, user__is_active=True).first()
    return token.user if token else None


def readers_or_programs(application: Any) -> Any:
    """Return the socket application, open to pages as other sockets are, and to programs by their token.

    A browser tells a page's origin and sends cookies unasked: origin and login are checked as everywhere. A program
    has no origin: it is whose token it shows, or nobody; its cookies count for nothing.
    """
    by_page = AllowedHostsOriginValidator(readers_only(application))

    async def guarded(scope: dict[str, Any], receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        if b"authorization" in headers:
            kind, _, secret = headers[b"authorization"].decode("latin-1").partition(" ")
            user = await database_sync_to_async(token_user)(secret.strip()) if kind.lower() == "bearer" else None
            is_reader = user is not None
        elif b"origin" in headers:
            await by_page(scope, receive, send)
            return
        else:
            user, is_reader = AnonymousUser(), settings.PADDOCK_PUBLIC_PAGES
        if is_reader:
            await application({**scope, "user": user}, receive, send)
        else:
            await send({"type": "websocket.close", "code": 4403})

    return guarded
