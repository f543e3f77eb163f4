"""How many requests a minute the API takes: generous for people, a limit for loops that went wrong."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.core.cache import caches
from redis.exceptions import RedisError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from tradingsite.senders.addresses import client_address

if TYPE_CHECKING:
    from rest_framework.views import APIView

_log = logging.getLogger(__name__)


class _PerAsker(SimpleRateThrottle):
    """Counts by token, else by user, else by address; without Redis there is no limit."""

    cache = caches["default"]

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Return whether this request is within the rate."""
        try:
            return bool(super().allow_request(request, view))
        except RedisError as error:
            _log.warning("requests are not counted: %s", error)
            return True

    def caller(self, request: Request) -> str:
        """Return who sends the request."""
        if request.auth is not None and hasattr(request.auth, "digest"):
            return f"token:{request.auth.pk}"
        if request.user and request.user.is_authenticated:
            return f"user:{request.user.pk}"
        return f"address:{client_address(request.META)}"


class Readers(_PerAsker):
    """Every request: fewer for those who did not say who they are."""

    def __init__(self) -> None:
        """The rate depends on the caller."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Return whether this request is within the caller's rate."""
        self.scope = "user" if request.user and request.user.is_authenticated else "anonymous"
        self.rate = self.get_rate()
        self.num_requests, self.duration = self.parse_rate(self.rate)
        return super().allow_request(request, view)

    def get_cache_key(self, request: Request, view: APIView) -> str:
        """Return the caller's counter."""
        return f"throttle:{self.scope}:{self.caller(request)}"


class Changers(_PerAsker):
    """Requests that change something."""

    scope = "change"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        """Return the caller's counter; None for a request that only reads."""
        return None if request.method in SAFE_METHODS else f"throttle:change:{self.caller(request)}"
