"""A league over a recording, by the live engine: the fills that workers would have written, without Redis or rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from marketdata.recording.reading import recorded_frames
from strategies.deployments.terms import check_deployment, terms_of
from strategies.league.files import LeagueFile, deployment_fields, fee_schedules
from strategies.models import Deployment
from strategies.versions.registry import strategy_of
from trading.engine import Engine
from trading.engine.shadow import Shadow, band_of, other_models
from trading.exchange import SharedBook
from trading.fees import PUBLISHED, Schedules
from trading.fills import Fill, digest, plain
from trading.frames import Frame
from trading.market import Market
from trading.market_snapshot import MarketSnapshot
from trading.run import Progress, folded, run


class ReplayOptimism(msgspec.Struct, frozen=True):
    """Each fill model's return and how far apart they are, in percent, as text."""

    returns_pct: dict[str, str]
    band_pct: tuple[str, str]  # least, most
    gap_pct: str


class ReplayResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of a league; by slug where it is of one deployment."""

    recording: str  # its file's or folder's name
    frames: int
    fills: int
    fills_sha256: str  # equal for equal fills, live or replayed
    fills_of: dict[str, int]
    equity: dict[str, str | None]  # account currency; None: no price yet
    seconds: float  # of the wall clock
    optimism: dict[str, ReplayOptimism | None] = {}  # without shadows empty; None: nothing to compare yet

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return dict(msgspec.to_builtins(self))


def league_engines(league: LeagueFile, book: SharedBook | None = None) -> list[Engine]:
    """Return new engines for the deployments of ``league``; ``book``: what they share, None for a market to each.

    Raises:
        ValidationError: a deployment that could not be entered.
    """
    schedules = PUBLISHED.with_more(fee_schedules(league))
    return [new_engine(Deployment(**deployment_fields(entry)), schedules, book) for entry in league.deployments]


def new_engine(deployment: Deployment, schedules: Schedules = PUBLISHED, book: SharedBook | None = None) -> Engine:
    """Return the engine of a deployment that has no account yet.

    Raises:
        ValidationError: it could not be entered.
    """
    check_deployment(deployment, schedules)
    found = strategy_of(deployment)
    return Engine(found, found.config(deployment.config), terms_of(deployment, 0, schedules), shared=book)


def replay(
    engines: Sequence[Engine],
    path: Path,
    *,
    with_shadows: bool = False,
    between: Callable[[Progress], bool] | None = None,
) -> ReplayResult:
    """Show the recording at ``path`` to ``engines``, in the order of their slugs, and return what came of it.

    ``between`` is called after each frame; False ends the replay there, and the result is as of that frame.

    Raises:
        InvalidRecording: it cannot be read.
    """
    engines = sorted(engines, key=lambda engine: engine.terms.slug)  # the order in which those who share are matched
    shadows = {e.terms.slug: [Shadow.fork(e, model) for model in other_models(e)] for e in engines if with_shadows}
    fills: list[tuple[str, Fill]] = []

    def turn(engine: Engine, frame: Frame, snapshot: MarketSnapshot) -> None:
        slug = engine.terms.slug
        fills.extend((slug, fill) for fill in engine.process(frame, snapshot).fills)
        for shadow in shadows.get(slug, ()):
            shadow.process(frame, snapshot)

    began_s = time.perf_counter()
    ended = run(folded(recorded_frames(path), Market()), engines, turn, between=between)
    return ReplayResult(
        recording=path.name,
        frames=ended.frames,
        fills=len(fills),
        fills_sha256=digest(fills),
        fills_of={e.terms.slug: e.state.figures.fills for e in engines},
        equity={e.terms.slug: _plain(e.state.figures.equity) for e in engines},
        seconds=round(time.perf_counter() - began_s, 3),
        optimism=_optimism(engines, shadows),
    )


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _optimism(engines: Sequence[Engine], shadows: Mapping[str, list[Shadow]]) -> dict[str, ReplayOptimism | None]:
    return {slug: _compared(e, shadows[slug]) for e in engines if (slug := e.terms.slug) in shadows}


def _compared(engine: Engine, shadows: list[Shadow]) -> ReplayOptimism | None:
    band = band_of(engine, shadows)
    if band is None:
        return None
    returns_pct = {model: plain(value) for model, value in band.returns_pct.items()}
    return ReplayOptimism(returns_pct, (plain(band.low_pct), plain(band.high_pct)), plain(band.gap_pct))
