"""`manage.py replay PATH`: a league over a recording, with the live engine, no Redis and no database."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from marketdata.recording.files import InvalidRecording
from portfolios.models import Liquidity
from strategies.league.files import InvalidLeague, read_league
from strategies.league.replay import ReplayOptimism, ReplayResult, league_engines, replay
from trading.exchange import SharedBook


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
        parser.add_argument("--shadows", action="store_true", help="run the other fill models, too, and print the band")
        parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")

    def handle(self, *args: Any, **options: Any) -> None:
        book = SharedBook() if options["liquidity"] == Liquidity.SHARED else None
        try:
            engines = league_engines(read_league(options["league"]), book)
            result = replay(engines, options["path"], with_shadows=options["shadows"])
        except (InvalidLeague, InvalidRecording) as error:
            raise CommandError(str(error)) from None
        except ValidationError as error:
            raise CommandError(f"{options['league']}: {'; '.join(error.messages)}") from None
        self.stdout.write(json.dumps(result.as_json()) if options["json"] else _table(result))


def _table(result: ReplayResult) -> str:
    lines = [f"{result.frames} frames, {result.fills} fills in {result.seconds} s: {result.fills_sha256}"]
    for slug, equity in result.equity.items():
        shown = "no price yet" if equity is None else f"{float(equity):.2f}"
        band = _band_words(result.optimism[slug]) if slug in result.optimism else ""
        lines.append(f"  {slug:<24} {result.fills_of[slug]:>5} fills   equity {shown}{band}")
    return "\n".join(lines)


def _band_words(optimism: ReplayOptimism | None) -> str:
    if optimism is None:
        return "   band not known"
    low, high = (float(end) for end in optimism.band_pct)
    models = ", ".join(f"{model} {float(value):+.3f}" for model, value in sorted(optimism.returns_pct.items()))
    return f"   band {low:+.3f} … {high:+.3f} %  ({models})"
