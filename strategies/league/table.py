"""The league: who stands where, what they made of a stretch of time, and how it was at a past moment."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from portfolios.models import EquityPoint, Season
from portfolios.results.past import rows_at
from portfolios.results.performance import UNPAID, Performance, PerformanceTotals, moment_of, totals_of, worst_fall_pct
from portfolios.results.sampling import Sample, first_moments, lookback_on, points_at, reach_of, samples_on
from portfolios.results.windows import SEASON, Grid, Window, grid_of
from portfolios.selectors import LeagueRow, LeagueTotals, league_totals, market_time
from strategies.league.board import Contestant, FeedState, league_board, past_board

# Versions that were kept before a strategy could say IS_BENCHMARK are known by name.
_BEFORE_DECLARED = {"buy_and_hold": "hold", "random_trader": "random"}
A_DAY = timedelta(days=1)  # the season's places are compared with those of a day ago
MOMENT = "%Y-%m-%dT%H:%M:%SZ"
LATE = timedelta(minutes=1)  # a league's accounts are valued within seconds of each other


class OutsideSeason(ValueError):
    """A moment at which nothing was valued."""


class View(NamedTuple):
    """The window of the season, and the moment, that a reader chose."""

    window: Window = SEASON
    at: datetime | None = None  # the market's time; None: now


@dataclass(frozen=True, slots=True, kw_only=True)
class Place(Contestant):
    """A deployment in its place, with what it made of the window."""

    performance: Performance
    rank_before: int | None  # in the season, when the window began; None: it had no place then

    @property
    def rank_change(self) -> int | None:
        """Places gained since then."""
        return None if self.rank_before is None else self.rank_before - self.row.rank

    @property
    def benchmark(self) -> str:
        """The category of a benchmark, which the others must beat; empty: it is none."""
        if self.strategy is not None and self.strategy.is_benchmark:
            return self.strategy.category or "benchmark"
        return _BEFORE_DECLARED.get(self.deployment.strategy, "")


class Totals(NamedTuple):
    """The accounts of one currency together: as they stand, and what they made of the window."""

    standing: LeagueTotals
    window: PerformanceTotals


@dataclass(frozen=True, slots=True, kw_only=True)
class League:
    """All of it at one moment."""

    season: Season | None
    view: View
    reach: tuple[datetime, datetime] | None  # the market's time of the season's first and newest valuation
    places: list[Place]  # best return of the window first
    totals: list[Totals]

    @property
    def until(self) -> datetime | None:
        """The moment that is viewed; None before anything was valued."""
        return self.view.at or (self.reach[1] if self.reach else None)

    @property
    def since(self) -> datetime | None:
        """When the window began; never before the season did."""
        if self.reach is None or self.until is None:
            return None
        begun = self.view.window.since(self.until)
        return self.reach[0] if begun is None else max(begun, self.reach[0])

    @property
    def grid(self) -> Grid | None:
        """The moments of the lines."""
        return grid_of(self.since, self.until) if self.since and self.until and self.since < self.until else None

    @property
    def ticks(self) -> Sequence[datetime]:
        """The moments of the places' samples."""
        return self.grid.ticks if self.grid else ()

    @property
    def cash(self) -> tuple[Decimal, str] | None:
        """The benchmark that never trades: the league's most usual starting balance, and its currency."""
        stakes = [(p.row.account.cash, p.row.account.currency) for p in self.places]
        return max(stakes, key=stakes.count) if stakes else None


def league(season: Season | None, feed: FeedState | None, view: View) -> League:
    """Return the league as of ``view``. The queries do not grow with the deployments.

    Raises:
        OutsideSeason: with the season's first and newest moment.
    """
    reach = reach_of(season) if season else None
    if view.at is not None:
        _check_reach(view.at, reach)
    if season is not None and view.at is not None:
        board = past_board(rows_at(season, view.at))
    else:
        board = league_board(season, feed)
    newest = market_time(contestant.row for contestant in board) if view.at is None else None
    if reach is not None and newest is not None:
        reach = (reach[0], max(reach[1], newest))
    places = _places(League(season=season, view=view, reach=reach, places=[], totals=[]), board)
    return League(season=season, view=view, reach=reach, places=places, totals=_totals(places))


def _check_reach(at: datetime, reach: tuple[datetime, datetime] | None) -> None:
    if reach is None:
        raise OutsideSeason(f"at is {at:{MOMENT}}, but nothing has been valued in a running season yet")
    if not reach[0] <= at <= reach[1]:
        raise OutsideSeason(f"at is {at:{MOMENT}}; the season reaches from {reach[0]:{MOMENT}} to {reach[1]:{MOMENT}}")


def _places(viewed: League, board: Sequence[Contestant]) -> list[Place]:
    """Return what each made of the window, best return first."""
    accounts = tuple(contestant.row.account.pk for contestant in board)
    begun = viewed.view.window.since(viewed.until) if viewed.until else None
    compared = begun or (viewed.until - A_DAY if viewed.until else None)
    points, firsts = points_at(accounts, compared) if compared else {}, first_moments(accounts)
    samples, ranks = _samples(accounts, viewed), _ranks(points.values())
    places = []
    for contestant in board:
        account = contestant.row.account.pk
        first = firsts.get(account)
        is_late = first is not None and viewed.reach is not None and first - viewed.reach[0] > LATE
        point = points.get(account) if begun else None
        since = first if point is None else begun
        performance = _performance(contestant.row, point, since, is_late, samples.get(account, []))
        known = {field.name: getattr(contestant, field.name) for field in fields(contestant)}
        places.append(Place(**known, performance=performance, rank_before=ranks.get(account)))
    return sorted(places, key=lambda place: -(place.performance.return_pct or Decimal(0)))


def _performance(
    row: LeagueRow,
    point: EquityPoint | None,  # how it stood when the window began; None: it has done all of it since
    since: datetime | None,
    is_late: bool,  # it began after the season did
    samples: Sequence[Sample | None],
) -> Performance:
    before = UNPAID if point is None else moment_of(point, row.account)
    after = moment_of(row.standing, row.account)
    worst: Decimal | None
    if point is not None:
        worst = worst_fall_pct(before, samples, after)
    else:
        # The whole of an account: its engine has followed every frame of it.
        worst = row.standing.max_drawdown_pct if row.standing else None
    return Performance(
        before=before,
        after=after,
        since=since,
        is_whole=point is not None or not is_late,
        samples=samples,
        worst_pct=worst,
    )


def _samples(accounts: tuple[int, ...], viewed: League) -> Mapping[int, Sequence[Sample | None]]:
    if viewed.grid is None or viewed.reach is None:
        return {}
    return _sampled(accounts, viewed.grid, lookback_on(viewed.grid, viewed.reach[1]))


@lru_cache(maxsize=32)
def _sampled(accounts: tuple[int, ...], grid: Grid, lookback: timedelta) -> Mapping[int, Sequence[Sample | None]]:
    """Return the samples; past moments do not change, so that they are read once."""
    return samples_on(accounts, grid, lookback)


def _ranks(points: Collection[EquityPoint]) -> dict[int, int]:
    """Return the place in the season that each account had at its point."""
    stood = [(moment_of(point, point.account), point.account) for point in points]
    stood.sort(key=lambda each: (-(each[0].return_pct or Decimal(0)), each[1].slug))
    return {account.pk: rank for rank, (_, account) in enumerate(stood, start=1)}


def _totals(places: Iterable[Place]) -> list[Totals]:
    """Return one total per account currency, the one with most accounts first."""
    by_currency: dict[str, list[Place]] = {}
    for place in places:
        by_currency.setdefault(place.row.account.currency, []).append(place)
    return [
        Totals(standing, totals_of([place.performance for place in by_currency[standing.currency]]))
        for standing in league_totals(p.row for same in by_currency.values() for p in same)
    ]
