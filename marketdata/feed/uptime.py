"""How long a feed has run, and how much of it connected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Uptime:
    """Adds up what it is shown about once a second; the end of a connection is known to that second."""

    _first_s: float | None = None
    _last_s: float = 0.0
    _connected_s: float = 0.0
    _connection: int | None = None  # the number of the one that is
    _connection_first_s: float = 0.0

    def show(self, steady_s: float, connection: int | None) -> None:
        """Take note that at ``steady_s`` the connection of this number is there; None: none is."""
        if self._first_s is None:
            self._first_s = steady_s
        elif self._connection is not None:
            self._connected_s += steady_s - self._last_s
        if connection != self._connection:
            self._connection, self._connection_first_s = connection, steady_s
        self._last_s = steady_s

    def report(self) -> dict[str, Any]:
        """Return seconds as of the last showing; the share is None before any time has passed."""
        uptime_s = self._last_s - (self._last_s if self._first_s is None else self._first_s)
        return {
            "uptime_s": round(uptime_s, 1),
            "connected_s": None if self._connection is None else round(self._last_s - self._connection_first_s, 1),
            "connected_share": round(self._connected_s / uptime_s, 4) if uptime_s > 0 else None,
        }
