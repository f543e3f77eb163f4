"""Deployments side by side: how they fared, and in what they differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from operator import attrgetter
from typing import Any

from marketdata import bus
from portfolios.selectors import LeagueRow, current_season
from strategies.deployments.challengers import label
from strategies.deployments.selectors import (
    Setting,
    limits_of,
    margin_of,
    settings_of,
    symbols_of,
    terms_shown,
    traded,
)
from strategies.league.board import Contestant, league_board
from strategies.models import Deployment

FEWEST, MOST = 2, 6

_FIGURES = (
    ("Rank", "", "rank", False),
    ("Return", "%", "return_pct", True),
    ("Equity", "", "equity", False),
    ("Realised", "", "standing.realised", True),
    ("Unrealised", "", "standing.unrealised", True),
    ("Fees", "", "standing.fees", False),
    ("Exposure", "", "standing.exposure", False),
    ("Worst drawdown", "%", "standing.max_drawdown_pct", False),
    ("Round trips", "", "standing.round_trips", False),
    ("Won", "%", "win_rate_pct", False),
    ("Fills", "", "standing.fills", False),
    ("Rejected orders", "", "standing.refusals", False),
)


class NothingToCompare(ValueError):
    """Fewer or more deployments than can be set side by side, or one that does not exist."""


@dataclass(frozen=True, slots=True)
class Column:
    """One of the deployments."""

    deployment: Deployment
    contestant: Contestant | None  # None without an account in the running season


@dataclass(frozen=True, slots=True)
class FigureLine:
    """One figure of each."""

    name: str
    unit: str
    values: list[Decimal | int | None]
    is_signed: bool = False

    @property
    def is_count(self) -> bool:
        """Whether it is counted and not measured."""
        return any(isinstance(value, int) for value in self.values)


@dataclass(frozen=True, slots=True)
class SettingLine:
    """One setting of each; None where a deployment has no such key."""

    key: str
    help: str
    values: list[Any]
    differs: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Deployments side by side, in the order of the address."""

    columns: list[Column]
    figures: list[FigureLine]
    settings: list[SettingLine]

    @property
    def different(self) -> list[SettingLine]:
        """The settings in which they differ."""
        return [line for line in self.settings if line.differs]


def comparison(slugs: Sequence[str]) -> Comparison:
    """Return the deployments called ``slugs`` side by side.

    Raises:
        NothingToCompare: it says what would be right.
    """
    wanted = list(dict.fromkeys(slugs))
    if not FEWEST <= len(wanted) <= MOST:
        raise NothingToCompare(
            f"{len(wanted)} {'deployment is' if len(wanted) == 1 else 'deployments are'} named; "
            f"expected {FEWEST} to {MOST}, as in ?with=SLUG&with=OTHER"
        )
    rows = {row.slug: row for row in Deployment.objects.filter(slug__in=wanted)}
    missing = [slug for slug in wanted if slug not in rows]
    if missing:
        raise NothingToCompare(f"no deployment is called {missing[0]!r}")
    board = {each.deployment.slug: each for each in league_board(current_season(), bus.feed_state())}
    columns = [Column(rows[slug], board.get(slug)) for slug in wanted]
    return Comparison(columns, _figures(columns), _settings(columns))


def _figures(columns: Iterable[Column]) -> list[FigureLine]:
    rows = [column.contestant.row if column.contestant else None for column in columns]
    return [
        FigureLine(name, unit, [_figure(row, path) for row in rows], is_signed)
        for name, unit, path, is_signed in _FIGURES
    ]


def _figure(row: LeagueRow | None, path: str) -> Decimal | int | None:
    """Return the figure of a place in the league, or with ``standing.`` before its name of the standing."""
    if row is None or (path.startswith("standing.") and row.standing is None):
        return None
    figure: Decimal | int | None = attrgetter(path)(row)
    return figure


def _settings(columns: Sequence[Column]) -> list[SettingLine]:
    """Return every key that any of them has, those in which they differ first."""
    each = [_settings_of(column.deployment) for column in columns]
    keys = dict.fromkeys(key for settings in each for key in settings)
    lines = []
    for key in keys:
        known = [settings.get(key) for settings in each]
        values = [setting.value if setting else None for setting in known]
        differs = any(value != values[0] for value in values) or None in known
        about = next(setting.help for setting in known if setting)
        lines.append(SettingLine(key, about, values, differs))
    return sorted(lines, key=lambda line: not line.differs)


def _settings_of(deployment: Deployment) -> dict[str, Setting]:
    """Return what trades, the terms, and every key of config, risk limits and margin terms."""
    strategy, _ = traded(deployment)
    terms = {setting.key: setting for setting in terms_shown(deployment)}
    symbols = ", ".join(symbols_of(deployment, strategy))
    version = label(strategy) if strategy else deployment.strategy_hash[:8]
    return {
        "strategy": _identity("strategy", deployment.strategy),
        "version": _identity("version", version),
        **terms,
        "symbols": replace(terms["symbols"], value=symbols),
        **{f"config.{setting.key}": setting for setting in settings_of(deployment, strategy)},
        **{f"risk.{setting.key}": setting for setting in limits_of(deployment)},
        **{f"margin.{setting.key}": setting for setting in margin_of(deployment)},
    }


def _identity(key: str, value: str) -> Setting:
    return Setting(key=key, value=value, default=None, help="", bounds="", is_changed=False)
