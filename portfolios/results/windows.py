"""Windows of a season, and the moments in them at which accounts are sampled."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from trading.minutes import EPOCH

SAMPLES = 48  # of a line in a table's cell
LEAST_STEP = timedelta(seconds=5)  # as often as accounts are valued


class UnknownWindow(ValueError):
    """No window is called so."""


class Window(NamedTuple):
    """A length of market time that ends now, or at the past moment that is shown."""

    name: str
    length: timedelta | None  # None: since the season's first frame

    def since(self, until: datetime) -> datetime | None:
        """Return when it begins; None for the whole season."""
        return None if self.length is None else until - self.length


SEASON = Window("season", None)
DAY = Window("24h", timedelta(days=1))
WINDOWS = {
    window.name: window
    for window in (
        Window("1h", timedelta(hours=1)),
        DAY,
        Window("7d", timedelta(days=7)),
        Window("30d", timedelta(days=30)),
        SEASON,
    )
}


def window_named(name: str) -> Window:
    """Return the window, the season for no name.

    Raises:
        UnknownWindow: with those there are.
    """
    window = WINDOWS.get(name or SEASON.name)
    if window is None:
        raise UnknownWindow(f"window {name!r} is unknown; expected one of {', '.join(WINDOWS)}")
    return window


class Grid(NamedTuple):
    """Moments at which accounts are sampled: round ones, so that they stay while the market goes on."""

    step: timedelta
    ticks: tuple[datetime, ...]  # oldest first


def grid_of(since: datetime, until: datetime) -> Grid:
    """Return at most ``SAMPLES`` round moments after ``since`` and not after ``until``."""
    step = max(LEAST_STEP, (until - since) / SAMPLES)
    step = timedelta(seconds=-(-step // timedelta(seconds=1)))
    last = EPOCH + (until - EPOCH) // step * step
    count = max(0, min(SAMPLES, (last - since) // step + 1))
    return Grid(step, tuple(last - (count - 1 - n) * step for n in range(count)))
