"""One feed per market: a PostgreSQL session lock says which. Every other stands by, and takes over when it is free.

The lock belongs to a connection, so that a feed that was killed has released it at once.
"""

from __future__ import annotations

import logging
from typing import Any
from zlib import crc32

from django.db import DatabaseError, InterfaceError, connections

_FEED = 7_103  # first key of a feed's lock; the second is its market
_TRY = "SELECT pg_try_advisory_lock(%s, %s)"
_RELEASE = "SELECT pg_advisory_unlock_all()"
# A feed whose machine is gone closes nothing: the server is to notice within seconds.
_NOTICE_SOON = "SET tcp_keepalives_idle = 2; SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 2"
_SIGN_BIT = 1 << 31

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
