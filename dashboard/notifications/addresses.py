"""Which addresses a message may be sent to: none of this machine or of a private network, unless settings allow it."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings

_TRANSLATED = ip_network("64:ff9b::/96")  # NAT64: an IPv4 address in the last four bytes


def is_allowed(address: str) -> bool:
    """Return whether a message may be sent to a numeric address."""
    found = _meant(ip_address(address.partition("%")[0]))
    if any(found in network for network in settings.PADDOCK_NOTIFY_NETWORKS):
        return True
    return found.is_global and not found.is_multicast and not found.is_reserved and not _is_ours(found)


def is_forbidden_literal(host: str) -> bool:
    """Return whether a host of a URL is an address that is not allowed; a name is resolved when it is used."""
    try:
        return not is_allowed(host)
    except ValueError:
        return False


def _meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the address that is reached in the end, where IPv6 only wraps another."""
    if isinstance(address, IPv4Address):
        return address
    if address in _TRANSLATED:
        return IPv4Address(address.packed[-4:])
    wrapped = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    return wrapped or address


def _is_ours(address: IPv4Address | IPv6Address) -> bool:
    """Return whether this machine has the address: a socket can be bound to it."""
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True
