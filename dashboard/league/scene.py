"""Everything the league page shows, now or at a past time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Self

from django.utils.dateparse import parse_datetime

from dashboard.league.columns import COLUMNS, Column
from dashboard.league.sparkline import Line, line_through
from dashboard.page.scene import FillsScene, feed_time
from marketdata import bus
from portfolios.results.windows import SEASON, WINDOWS, UnknownWindow, Window, window_named
from portfolios.selectors import current_season, market_time, newest_fills
from strategies.league.table import League, OutsideSeason, Place, View, league
from strategies.versions import registry
from strategies.worker.lag import Lag, living_workers

FILLS_SHOWN = 30


class UnknownView(ValueError):
    """Not a window, or not a moment of the season."""


class WindowChoice(NamedTuple):
    """A window that can be chosen."""

    name: str
    query: str
    is_chosen: bool


class Row(NamedTuple):
    """A place as it is drawn."""

    place: Place
    line: Line | None  # of the P&L within the window; None: too few valuations
    template: str = "place"

    @property
    def element_id(self) -> str:
        """The id of its element on the page."""
        return f"row-{self.place.deployment.slug}"


class CashRow(NamedTuple):
    """The cash benchmark, as it is drawn."""

    stake: Decimal
    currency: str
    template: str = "cash"
    element_id: str = "yardstick-cash"

    @property
    def empty(self) -> list[str]:
        """The columns without a figure for cash."""
        keys = [column.key for column in COLUMNS]
        return keys[keys.index("return") + 1 :]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeagueScene(FillsScene):
    """The league page."""

    league: League
    names: Mapping[str, str]  # slug -> name
    failures: int  # strategies that could not be loaded
    live_workers: int
    lags: Sequence[Lag]  # of the workers that are behind the market

    @property
    def clock(self) -> datetime | None:
        """The past time shown, else the feed's time, without a feed the newest standing's."""
        return self.league.view.at or feed_time(self.feed) or market_time(place.row for place in self.league.places)

    @property
    def rows(self) -> list[Row | CashRow]:
        """The places with their lines, best return of the window first; cash ranks at a return of zero."""
        rows: list[Row | CashRow] = [Row(place, line_through(place)) for place in self.league.places]
        if self.league.cash:
            gained = sum((place.performance.return_pct or 0) > 0 for place in self.league.places)
            rows.insert(gained, CashRow(*self.league.cash))
        return rows

    @property
    def columns(self) -> tuple[Column, ...]:
        """The table's columns."""
        return COLUMNS

    @property
    def windows(self) -> list[WindowChoice]:
        """The windows, each with the address that chooses it."""
        return [
            WindowChoice(name, window_query(window, self.league.view.at), window == self.league.view.window)
            for name, window in WINDOWS.items()
        ]

    def with_new_fills(self) -> Self:
        """Return the scene with the fills as they are now and everything else as it was."""
        return replace(self, fills=list(newest_fills(self.season)[:FILLS_SHOWN]))


def requested_view(window: str, at: str) -> View:
    """Return the requested view of the season; empty texts mean all of it, now.

    Raises:
        UnknownView: with what can be seen.
    """
    try:
        chosen = window_named(window)
        moment = parse_datetime(at) if at else None
    except UnknownWindow as error:
        raise UnknownView(str(error)) from None
    except ValueError:
        moment = None
    if at and (moment is None or moment.tzinfo is None):
        raise UnknownView(f"at is {at!r}; expected a time with its zone: 2026-07-08T12:00:00Z")
    return View(chosen, moment)


def window_query(window: Window, at: datetime | None = None) -> str:
    """Return the query that chooses a window, at a past time if ``at`` is given."""
    words = [] if window == SEASON else [f"window={window.name}"]
    if at is not None:
        words.append(f"at={at:%Y-%m-%dT%H:%M:%SZ}")
    return f"?{'&'.join(words)}" if words else "?"


def league_scene(view: View) -> LeagueScene:
    """Return the league of ``view``. The number of queries does not grow with the deployments.

    Raises:
        UnknownView: the season does not reach to that moment.
    """
    registry.refresh()
    season, feed = current_season(), bus.feed_state()
    try:
        found = league(season, feed, view)
    except OutsideSeason as error:
        raise UnknownView(str(error)) from None
    living = living_workers()
    return LeagueScene(
        season=season,
        feed=feed,
        league=found,
        fills=list(newest_fills(season, until=view.at)[:FILLS_SHOWN]),
        names={place.deployment.slug: place.deployment.name for place in found.places},
        failures=len(registry.failures()),
        live_workers=len(living),
        lags=[lag for lag in living if lag.is_worth_saying] if view.at is None else (),
    )
