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

from marketdata.recordings import InvalidRecording, recorded_frames
from strategies.leagues import InvalidLeague, deployment_fields, read_league
from strategies.models import Deployment
from strategies.registry import strategy_of
from strategies.services import check_deployment, terms_of
from trading.engine import Engine
from trading.fills import Fill, digest, plain
from trading.market import Market


class Command(BaseCommand):
    """Same frames, same fills: prints what the live league would have done."""

    help = "Run a league over a recording as fast as it goes, and print its fills' fingerprint."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="a recording")
        parser.add_argument("--league", type=Path, default=settings.BASE_DIR / "leagues" / "default.toml")
        parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            engines = [_engine(Deployment(**deployment_fields(e))) for e in read_league(options["league"]).deployments]
            result = run(engines, options["path"])
        except (InvalidLeague, InvalidRecording) as error:
            raise CommandError(str(error)) from None
        except ValidationError as error:
            raise CommandError(f"{options['league']}: {'; '.join(error.messages)}") from None
        self.stdout.write(json.dumps(result) if options["json"] else _table(result))


def _engine(deployment: Deployment) -> Engine:
    check_deployment(deployment)
    found = strategy_of(deployment)
    return Engine(found, found.config(deployment.config), terms_of(deployment, 0))


def run(engines: list[Engine], path: Path) -> dict[str, Any]:
    """Return frames, fills, their digest, and per deployment the fills and the last equity."""
    market, frames, began = Market(), 0, time.perf_counter()
    fills: list[tuple[str, Fill]] = []
    for frame in recorded_frames(path):
        market.fold(frame)
        snapshot = market.snapshot()
        for engine in engines:
            fills += ((engine.terms.slug, fill) for fill in engine.process(frame, snapshot).fills)
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
    }


def _table(result: dict[str, Any]) -> str:
    lines = [f"{result['frames']} frames, {result['fills']} fills in {result['seconds']} s: {result['fills_sha256']}"]
    for slug, equity in result["equity"].items():
        shown = "no price yet" if equity is None else f"{float(equity):.2f}"
        lines.append(f"  {slug:<24} {result['fills_of'][slug]:>5} fills   equity {shown}")
    return "\n".join(lines)
