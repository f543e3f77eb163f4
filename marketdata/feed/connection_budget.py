"""How often an exchange may be connected to: counted over all that this installation ever tried."""

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


class ConnectionBudget:
    """At most ``LIMIT`` attempts in any ``WINDOW_S``. No clock."""

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

    def spend(self, now_ns: int) -> None:
        """Count an attempt."""
        self._attempts_ns.append(now_ns)


class Gate:
    """Lets a feed's connection attempts through as the budget allows, and writes each down before it is made.

    A feed that is restarted in a loop spends the same budget as one that runs: what was
    tried is read from the database. Where that is away, this feed's own attempts count.
    """

    def __init__(self, market: str, *, now_ns: Callable[[], int], tell: Callable[[str], None]) -> None:
        self._market = market
        self._now_ns = now_ns
        self._tell = tell
        self._budget: ConnectionBudget | None = None

    @property
    def used(self) -> int:
        """How many attempts count now."""
        return 0 if self._budget is None else self._budget.used(self._now_ns())

    async def passed(self) -> None:
        """Return when the next attempt may be made."""
        if self._budget is None:
            self._budget = ConnectionBudget(await asyncio.to_thread(self._attempts_ns))
        while wait_ns := self._budget.wait_ns(self._now_ns()):
            sentence = f"{LIMIT} connections in {WINDOW_S} s were tried; the next may be in {wait_ns / NS_PER_S:.0f} s"
            self._tell(sentence)
            _log.warning(sentence)
            await asyncio.sleep(wait_ns / NS_PER_S)
        self._budget.spend(self._now_ns())
        await asyncio.to_thread(self._write_down, self._now_ns())

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

    def _write_down(self, now_ns: int) -> None:
        try:
            close_old_connections()
            services.record_connection_attempt(market=self._market, at=utc(now_ns), kept=timedelta(seconds=WINDOW_S))
        except DatabaseError as error:
            _log.warning("a connection was not written down: %s", " ".join(str(error).split()))
        finally:
            connection.close()
