"""Guests with a share link, and everybody else who may read the pages."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from rest_framework.request import Request

from tradingsite.senders.addresses import is_open_to_all

SHARED = "share_link"  # in the session of a guest: the id of the link that was followed


def is_guest(session: Any) -> bool:
    """Return whether a session belongs to a guest with a valid share link."""
    from tradingsite.models import ShareLink

    number = session.get(SHARED) if session is not None else None
    link = ShareLink.objects.filter(pk=number).first() if number else None
    return link is not None and link.is_valid


def may_read(request: HttpRequest | Request) -> bool:
    """Return whether the pages are open to this request: to all, after a login, or with a share link."""
    if is_open_to_all(request) or (request.user and request.user.is_authenticated):
        return True
    return is_guest(getattr(request, "session", None))
