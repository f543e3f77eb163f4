"""What browsers may load, and who may open a socket."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from rest_framework.permissions import SAFE_METHODS

from tradingsite.permissions import is_guest

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


class LoginOrLink(LoginRequiredMiddleware):
    """Ask for a login, but of guests who followed a share link: they read pages and API, and nothing else."""

    def process_view(self, request: HttpRequest, view_func: Any, view_args: Any, view_kwargs: Any) -> Any:
        """Return the way to the login, None where the request may go on."""
        is_reading = request.method in SAFE_METHODS and not request.path.startswith("/admin/")
        if is_reading and is_guest(request.session):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)


def readers_only(application: Any) -> Any:
    """Return the socket application, closed to anonymous visitors where pages need a login or a link."""

    async def guarded(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if settings.PADDOCK_PUBLIC_PAGES or scope["user"].is_authenticated or await _is_guest(scope["session"]):
            await application({**scope, "may_read": True}, receive, send)
        else:
            await send({"type": "websocket.close", "code": 4403})

    return AuthMiddlewareStack(guarded)


_is_guest = database_sync_to_async(is_guest)
