"""Where a request comes from: directly from this machine, through a proxy that is named, or from elsewhere.

Anyone can write `X-Forwarded-…` headers: they are believed from the proxies that PADDOCK_PROXIES names alone.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from ipaddress import ip_address
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

# Whatever a proxy adds; one of them is enough to tell that the sender is not who connected.
FORWARDED = (
    *("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Server"),
    *("Forwarded", "Via", "X-Real-Ip", "Cf-Connecting-Ip", "True-Client-Ip"),
)
_BELIEVED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT")
_UNNAMED = "X-Forwarded-Proto comes from %s, which PADDOCK_PROXIES does not name: it is not believed"
_log = logging.getLogger("access")
_warned: set[str] = set()  # one line an address
MOST_WARNED = 20


def is_named_proxy(address: str) -> bool:
    """Return whether an address is that of a proxy that may say whom it speaks for."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in settings.PADDOCK_PROXIES)


def client_address(meta: Mapping[str, Any]) -> str:
    """Return the address of who sent a request: who connected, or whom the last named proxy names."""
    address = str(meta.get("REMOTE_ADDR") or "unknown")
    hops = [hop.strip() for hop in str(meta.get("HTTP_X_FORWARDED_FOR", "")).split(",") if hop.strip()]
    while hops and is_named_proxy(address):
        address = hops.pop()
    return address


def is_direct(server: str | None, client: str | None, headers: Iterable[str]) -> bool:
    """Return whether a request was sent on this machine, to a server that listens on loopback, through no proxy.

    ``server`` and ``client`` are the two ends of the connection; None: a socket file, where a proxy is the rule.
    """
    seen = {name.lower() for name in headers}
    if server is None or client is None or any(name.lower() in seen for name in FORWARDED):
        return False
    # A server may go by a name. Who connected has an address, or is not known.
    return _is_loopback(client) and (_is_loopback(server) or not _is_address(server))


def is_open_to_all(request: Any) -> bool:
    """Return whether who sent this request reads the pages without a login. Takes a request, or a socket's scope."""
    if settings.PADDOCK_PUBLIC_ANYWHERE:
        return True
    if not settings.PADDOCK_PUBLIC_PAGES:
        return False
    if isinstance(request, dict):
        names = [name.decode("latin-1") for name, _ in request.get("headers", ())]
        return is_direct(_host(request, "server"), _host(request, "client"), names)
    server = request.META.get("SERVER_NAME")
    known = None if server in (None, "unknown") else str(server)
    was_forwarded = ["Forwarded"] if getattr(request, "came_through_a_proxy", False) else []
    return is_direct(known, request.META.get("REMOTE_ADDR"), [*request.headers, *was_forwarded])


def _host(scope: dict[str, Any], end: str) -> str | None:
    """Return the host of one end of a socket's connection, None where the server does not say."""
    found = scope.get(end)
    return str(found[0]) if found else None


def _is_loopback(host: str) -> bool:
    return _is_address(host) and ip_address(host.partition("%")[0]).is_loopback


def _is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


@sync_and_async_middleware
def only_named_proxies(
    get_response: Any,
) -> Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]:
    """Forget what others than the named proxies say of whom they speak for."""
    if iscoroutinefunction(get_response):

        async def respond_later(request: HttpRequest) -> HttpResponseBase:
            _forget_unless_named(request)
            response: HttpResponseBase = await get_response(request)
            return response

        return respond_later

    def respond(request: HttpRequest) -> HttpResponseBase:
        _forget_unless_named(request)
        response: HttpResponseBase = get_response(request)
        return response

    return respond


def _forget_unless_named(request: HttpRequest) -> None:
    seen = [name for name in FORWARDED if f"HTTP_{name.upper().replace('-', '_')}" in request.META]
    if not seen:
        return
    request.came_through_a_proxy = True  # type: ignore[attr-defined]
    address = str(request.META.get("REMOTE_ADDR"))
    if is_named_proxy(address):
        return
    if "X-Forwarded-Proto" in seen and settings.PADDOCK_HTTPS and address not in _warned and len(_warned) < MOST_WARNED:
        _warned.add(address)
        _log.warning(_UNNAMED, address)
    for name in _BELIEVED:
        request.META.pop(name, None)
