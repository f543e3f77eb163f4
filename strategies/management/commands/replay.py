"""`manage.py replay PATH`: a league over a recording, with the live engine, no Redis and no database."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from marketdata.recording.reading import InvalidRecording, recorded_frames
from portfolios.models import Liquidity
from strategies.deployments.terms import check_deployment, terms_of
from strategies.league.files import InvalidLeague, deployment_fields, fee_schedules, read_league
from strategies.models import Deployment
from strategies.versions.registry import strategy_of
from trading.engine import Engine
from trading.engine.shadow import Shadow, band_of, other_models
from trading.exchange import SharedBook
from trading.fees import PUBLISHED, Schedules
from trading.fills import Fill, digest, plain
from trading.market import Market


class Command(BaseCommand):
    """Same frames, same fills: prints what the live league would have done."""

    help = "Run a league over a recording as fast as it goes, and print its fills' fingerprint."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="a recording")
        parser.add_argument("--league", type=Path, default=settings.BASE_DIR / "leagues" / "default.toml")
        parser.add_argument(
            "--liquidity",
            choices=Liquidity.values,
            default=Liquidity.PRIVATE,
            help="shared: what one deployment has taken, the next finds gone",
        )
        parser.add_argument("--shadows", action="store_true", help="run the other fill models, too; tell how far apart")
        parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            book = SharedBook() if options["liquidity"] == Liquidity.SHARED else None
            league = read_league(options["league"])
            schedules = PUBLISHED.with_more(fee_schedules(league))
            engines = [_engine(Deployment(**deployment_fields(e)), schedules, book) for e in league.deployments]
            result = run(engines, options["path"], with_shadows=options["shadows"])
        except (InvalidLeague, InvalidRecording) as error:
            raise CommandError(str(error)) from None
        except ValidationError as error:
            raise CommandError(f"{options['league']}: {'; '.join(error.messages)}") from None
        self.stdout.write(json.dumps(result) if options["json"] else _table(result))


def _engine(deployment: Deployment, schedules: Schedules = PUBLISHED, book: SharedBook | None = None) -> Engine:
    check_deployment(deployment, schedules)
    found = strategy_of(deployment)
    return Engine(found, found.config(deployment.config), terms_of(deployment, 0, schedules), shared=book)


def run(engines: list[Engine], path: Path, *, with_shadows: bool = False) -> dict[str, Any]:
    """Return frames, fills, their digest, and per deployment the fills, the last equity and the band if asked for."""
    engines = sorted(engines, key=lambda engine: engine.terms.slug)  # the order in which those who share are matched
    shadows = {e.terms.slug: [Shadow.fork(e, model) for model in other_models(e)] for e in engines if with_shadows}
    market, frames, began = Market(), 0, time.perf_counter()
    fills: list[tuple[str, Fill]] = []
    for frame in recorded_frames(path):
        market.fold(frame)
        snapshot = market.snapshot()
        for engine in engines:
            fills += ((engine.terms.slug, fill) for fill in engine.process(frame, snapshot).fills)
            for shadow in shadows.get(engine.terms.slug, ()):
                shadow.process(frame, snapshot)
        frames += 1
    equity = {e.terms.slug: e.state.figures.equity for e in engines}
    return {
        "recording": path.name,
        "frames": frames,
        "fills": len(fills),
        "fills_sha256": digest(fills),
        "fills_of": {e.terms.slug: e.state.figures.fills for e in engines},
        "equity": {slug: None if value is None else plain(value) for slug, value in equity.items()},
        "seconds": round(time.perf_counter() - began, 3),
        **({"optimism": {e.terms.slug: _optimism(e, shadows[e.terms.slug]) for e in engines}} if with_shadows else {}),
    }


def _optimism(engine: Engine, shadows: list[Shadow]) -> dict[str, Any] | None:
    """Return each fill model's return and how far apart they are, in percent; None without a price."""
    band = band_of(engine, shadows)
    if band is None:
        return None
    return {
        "returns_pct": {model: plain(value) for model, value in band.returns_pct.items()},
        "band_pct": [plain(band.low_pct), plain(band.high_pct)],
        "gap_pct": plain(band.gap_pct),
    }


def _table(result: dict[str, Any]) -> str:
    lines = [f"{result['frames']} frames, {result['fills']} fills in {result['seconds']} s: {result['fills_sha256']}"]
    for slug, equity in result["equity"].items():
        shown = "no price yet" if equity is None else f"{float(equity):.2f}"
        band = _band_words(result["optimism"][slug]) if "optimism" in result else ""
        lines.append(f"  {slug:<24} {result['fills_of'][slug]:>5} fills   equity {shown}{band}")
    return "\n".join(lines)


def _band_words(optimism: dict[str, Any] | None) -> str:
    if optimism is None:
        return "   band not known"
    low, high = (float(end) for end in optimism["band_pct"])
    models = ", ".join(f"{model} {float(value):+.3f}" for model, value in sorted(optimism["returns_pct"].items()))
    return f"   band {low:+.3f} … {high:+.3f} %  ({models})"
