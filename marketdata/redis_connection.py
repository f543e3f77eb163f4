"""The connection to Redis that the frame bus and the reports of processes share."""

from __future__ import annotations

from functools import lru_cache

import redis
from django.conf import settings
from redis.backoff import ConstantBackoff
from redis.retry import Retry

ANSWER_WITHIN_S = 4.0  # longer than any command here waits on purpose; then Redis counts as away


@lru_cache(maxsize=1)
def redis_client() -> redis.Redis:
    """Return this process's client; it is thread-safe and connects when first used."""
    # A socket in the file system needs no keepalive, and knows none.
    keepalive = {} if settings.REDIS_URL.startswith("unix:") else {"socket_keepalive": True}
    return redis.Redis.from_url(
        settings.REDIS_URL,
        health_check_interval=30,
        socket_connect_timeout=ANSWER_WITHIN_S,
        socket_timeout=ANSWER_WITHIN_S,
        **keepalive,
        # A connection that the server closed, when it was restarted for instance, is made anew and asked once more.
        retry=Retry(ConstantBackoff(0.05), 1, supported_errors=(redis.ConnectionError,)),
    )
