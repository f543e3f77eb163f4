"""The connection to Redis that the frame bus and the reports of processes share."""

from __future__ import annotations

from functools import lru_cache

import redis
from django.conf import settings


@lru_cache(maxsize=1)
def redis_client() -> redis.Redis:
    """Return this process's client; it is thread-safe and connects when first used."""
    return redis.Redis.from_url(settings.REDIS_URL, health_check_interval=30, socket_connect_timeout=5)
