"""Through which proxy an address is reached: the one place that reads `http_proxy` and its kin.

What is on this machine is never asked for through one. httpx, websockets and requests each read these variables in
their own way; they are given the answer of this module instead.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

_VARIABLES = {"http": "http_proxy", "ws": "http_proxy", "https": "https_proxy", "wss": "https_proxy"}
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


class InvalidProxy(ValueError):
    """A variable that names no proxy which can be used."""


class Proxy(NamedTuple):
    """A proxy, and the variable that names it."""

    url: str
    variable: str

    def __str__(self) -> str:
        where = urlsplit(self.url)  # without a password
        return f"the proxy {where.scheme}://{where.hostname}:{where.port or 80} ({self.variable})"


def proxy_for(url: str, environ: Mapping[str, str] | None = None) -> Proxy | None:
    """Return the proxy through which ``url`` is reached, None where it is reached directly.

    Small letters go before capitals, `http_proxy` and `https_proxy` before `all_proxy`; none of them counts for
    loopback, nor for what `no_proxy` lists: host names and all below them, addresses, networks, `*`, with a port or
    without.

    Raises:
        InvalidProxy: the variable holds no http or https address.
    """
    known = os.environ if environ is None else environ
    where = urlsplit(url)
    host, port = where.hostname or "", where.port or _PORTS.get(where.scheme, 0)
    if is_loopback(host) or _is_excepted(host, port, _first(known, "no_proxy")[0]):
        return None
    for name in (_VARIABLES.get(where.scheme, "all_proxy"), "all_proxy"):
        value, variable = _first(known, name)
        if value:
            return Proxy(_usable(value, variable), variable)
    return None


def is_loopback(host: str) -> bool:
    """True for names and addresses of this machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def through(proxy: Proxy | None) -> str:
    """Return what an error adds to an address: through which proxy it was tried, nothing where there is none."""
    return f" through {proxy}" if proxy else ""


def transport_to(url: str) -> httpx.HTTPTransport:
    """Return how httpx reaches ``url``; a client that is given it reads no variable for proxies.

    Raises:
        InvalidProxy: the variable holds no http or https address.
    """
    proxy = proxy_for(url)
    return httpx.HTTPTransport(proxy=proxy.url if proxy else None)


def _first(environ: Mapping[str, str], name: str) -> tuple[str, str]:
    """Return the variable's value and its spelling, small letters before capitals."""
    return next(((value, n) for n in (name, name.upper()) if (value := environ.get(n, "").strip())), ("", name))


def _usable(value: str, variable: str) -> str:
    url = value if "://" in value else f"http://{value}"
    try:
        where = urlsplit(url)
        is_usable = where.scheme in ("http", "https") and bool(where.hostname) and where.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise InvalidProxy(f"{variable} is {value.rpartition('@')[2]!r}; expected a proxy like http://127.0.0.1:3128")
    return url


def _is_excepted(host: str, port: int, listed: str) -> bool:
    return any(_covers(entry, host, port) for entry in listed.replace(",", " ").lower().split())


def _covers(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    try:
        return ip_address(host) in ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        pass  # one of the two is a name
    name, colon, wanted = entry.rpartition(":")
    if colon and wanted.isdigit():
        if int(wanted) != port:
            return False
        entry = name
    entry = entry.strip("[]").removeprefix("*").removeprefix(".")
    return bool(entry) and (host == entry or host.endswith(f".{entry}"))
