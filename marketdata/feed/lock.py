"""One feed per market: a PostgreSQL session lock says which. Every other stands by, and takes over when it is free.

The lock belongs to a connection, so that a feed that was killed has released it at once. One that stands still keeps
its connection: that it lives it shows by renewing a lease in Redis. Where it does not, the one that stands by ends
that connection, and takes the lease with a newer token, without which Redis takes no frame: the frozen one finds out
when it wakes, before it publishes anything.
"""

from __future__ import annotations

import logging
from typing import Any
from zlib import crc32

import redis
from django.db import DatabaseError, InterfaceError, connections

from marketdata import bus

_FEED = 7_103  # first key of a feed's lock; the second is its market
_TRY = "SELECT pg_try_advisory_lock(%s, %s)"
_END_HOLDER = """
SELECT count(pg_terminate_backend(pid)) FROM pg_locks
WHERE locktype = 'advisory' AND classid = %s::bigint::oid AND objid = %s::bigint::oid AND objsubid = 2 AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()
"""
_RELEASE = "SELECT pg_advisory_unlock_all()"
# A feed whose machine is gone closes nothing: the server is to notice within seconds.
_NOTICE_SOON = "SET tcp_keepalives_idle = 2; SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 2"
_SIGN_BIT = 1 << 31
FROZEN_AFTER_S = 2.5  # without a renewal; a living feed renews several times a second
OVERSLEPT_S = 1.0  # between two looks: then the watcher stood still itself, and begins anew
RENEW_EVERY_S = 0.5

_log = logging.getLogger("feed")


class FeedLock:
    """The right to publish one market, held through a connection of its own."""

    def __init__(self, market: str) -> None:
        key = crc32(market.encode())
        self._keys = (_FEED, key - 2 * _SIGN_BIT if key >= _SIGN_BIT else key)
        self._connection: Any = connections["default"].copy()
        self._connection.inc_thread_sharing()  # used by whatever thread is free, one at a time

    def try_to_take(self) -> bool:
        """Return whether the lock is ours now.

        Raises:
            DatabaseError: the database does not answer.
        """
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(_NOTICE_SOON)
                cursor.execute(_TRY, self._keys)
                return bool(cursor.fetchone()[0])
        except (DatabaseError, InterfaceError):
            self._connection.close()
            raise

    def end_holder(self) -> bool:
        """End the connection through which another feed holds the lock; return whether there was one.

        Raises:
            DatabaseError: the database does not answer, or does not let us.
        """
        classid, objid = (key % (2 * _SIGN_BIT) for key in self._keys)
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(_END_HOLDER, (classid, objid))
                return bool(cursor.fetchone()[0])
        except (DatabaseError, InterfaceError):
            self._connection.close()
            raise

    def is_lost(self) -> bool:
        """Return whether another feed has the lock; while the database is away nobody has taken it."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            return False
        except (DatabaseError, InterfaceError) as error:
            _log.warning("the connection that held the market's lock is gone: %s", " ".join(str(error).split()))
            self._connection.close()
        try:
            return not self.try_to_take()
        except (DatabaseError, InterfaceError):
            return False

    def release(self) -> None:
        """Release the lock now, and not when the server notices that the connection is gone."""
        if self._connection.connection is None:
            return
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(_RELEASE)
        except (DatabaseError, InterfaceError) as error:
            _log.debug("the lock goes with its connection: %s", error)
        finally:
            self._connection.close()


class Lease:
    """What a feed publishes with: the newest token of its market."""

    def __init__(self, market: str) -> None:
        self._market = market
        self.token = 0

    def take(self) -> None:
        """Be the only one to publish from now on."""
        self.token = bus.take_lease(self._market)

    def is_lost(self) -> bool:
        """Renew it; return whether another has taken it. While Redis is away nobody can have."""
        try:
            return not bus.renew_lease(self._market, self.token)
        except redis.RedisError as error:
            _log.debug("the lease was not renewed: %s", error)
            return False


class LeaseWatch:
    """Says of another's lease whether its holder stands still, by the watcher's own clock alone."""

    def __init__(self) -> None:
        self._beat: tuple[int, int] | None = None
        self._since_s = self._looked_s = 0.0

    def is_frozen(self, beat: tuple[int, int] | None, steady_s: float) -> bool:
        """Take in token and count of renewals, None where they are not known; return whether they stand still."""
        was_awake = steady_s - self._looked_s <= OVERSLEPT_S
        self._looked_s = steady_s
        if beat is None or beat != self._beat or not was_awake:
            self._beat, self._since_s = beat, steady_s
            return False
        return steady_s - self._since_s >= FROZEN_AFTER_S
