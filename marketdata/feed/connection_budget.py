"""How often an exchange may be connected to: all attempts of this installation count."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from datetime import timedelta

from django.db import DatabaseError, close_old_connections, connection

from marketdata import selectors, services
from marketdata.feed.health import CONNECTIONS_LIMIT as LIMIT
from marketdata.feed.health import CONNECTIONS_WINDOW_S as WINDOW_S
from trading.frames import NS_PER_S, utc

_log = logging.getLogger("feed")


class Attempts:
    """The attempts of the last ``WINDOW_S``, at most ``LIMIT``. No clock."""

    def __init__(self, attempts_ns: list[int] | None = None) -> None:
        self._attempts_ns = deque(sorted(attempts_ns or []), maxlen=LIMIT)

    def used(self, now_ns: int) -> int:
        """Return how many attempts still count."""
        return sum(attempt_ns > now_ns - WINDOW_S * NS_PER_S for attempt_ns in self._attempts_ns)

    def wait_ns(self, now_ns: int) -> int:
        """Return how long to wait before the next attempt, zero when it may be made now."""
        if len(self._attempts_ns) < LIMIT:
            return 0
        return max(0, self._attempts_ns[0] + WINDOW_S * NS_PER_S - now_ns)

    def add(self, now_ns: int) -> None:
        """Count an attempt."""
        self._attempts_ns.append(now_ns)


class Budget:
    """Delays a feed's connection attempts until the limit allows them, and records each before it is made.

    A feed that is restarted in a loop spends the same budget as one that runs: earlier
    attempts are read from the database. Where that is away, this feed's own attempts count.
    """

    def __init__(self, market: str, *, now_ns: Callable[[], int], report: Callable[[str], None]) -> None:
        self._market = market
        self._now_ns = now_ns
        self._report = report
        self._attempts: Attempts | None = None

    @property
    def used(self) -> int:
        """How many attempts count now."""
        return 0 if self._attempts is None else self._attempts.used(self._now_ns())

    async def spend(self) -> None:
        """Return when the next attempt may be made; it is counted, and recorded in the database."""
        if self._attempts is None:
            self._attempts = Attempts(await asyncio.to_thread(self._attempts_ns))
        while wait_ns := self._attempts.wait_ns(self._now_ns()):
            message = f"{LIMIT} connections in {WINDOW_S} s were tried; the next may be in {wait_ns / NS_PER_S:.0f} s"
            self._report(message)
            _log.warning(message)
            await asyncio.sleep(wait_ns / NS_PER_S)
        self._attempts.add(self._now_ns())
        await asyncio.to_thread(self._record, self._now_ns())

    def _attempts_ns(self) -> list[int]:
        since = utc(self._now_ns()) - timedelta(seconds=WINDOW_S)
        try:
            close_old_connections()
            return selectors.connection_attempts_ns(self._market, since)
        except DatabaseError as error:
            _log.warning("earlier connections are not known: %s", " ".join(str(error).split()))
            return []
        finally:
            connection.close()

    def _record(self, now_ns: int) -> None:
        try:
            close_old_connections()
            services.record_connection_attempt(market=self._market, at=utc(now_ns), kept=timedelta(seconds=WINDOW_S))
        except DatabaseError as error:
            _log.warning("a connection attempt was not recorded: %s", " ".join(str(error).split()))
        finally:
            connection.close()
