"""`manage.py league load|export|digest|season`: the league as a file, and as figures."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from marketdata.models import Instrument
from portfolios.models import Liquidity
from portfolios.selectors import current_season, fills_digest, league_rows
from strategies.league.files import InvalidLeague, league_text, load_league, read_league
from strategies.models import Deployment
from strategies.seasons import new_season


class Command(BaseCommand):
    """Load, export, fingerprint and renew the league."""

    help = "Load or export the league's deployments, print its fingerprint, begin a new season."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        load = verbs.add_parser("load", help="create or change the deployments that a file lists")
        load.add_argument("file", type=Path)
        load.add_argument("--if-empty", action="store_true", help="do nothing when there are deployments already")
        export = verbs.add_parser("export", help="write the deployments as a file that `load` reads")
        export.add_argument("file", type=Path, help="- for standard output")
        digest = verbs.add_parser("digest", help="SHA-256 of every fill of the running season, and equity")
        digest.add_argument("--json", action="store_true")
        season = verbs.add_parser("season", help="archive the running season and begin the next on its market")
        season.add_argument("--market", help="default: the market of the running season")
        season.add_argument("--liquidity", choices=Liquidity.values, default="", help="default: as in the last season")

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, f"_{options['verb']}")(options)

    def _load(self, options: dict[str, Any]) -> None:
        if options["if_empty"] and Deployment.objects.exists():
            self.stdout.write("the league has deployments already: nothing loaded")
            return
        try:
            created, changed = load_league(read_league(options["file"]), by=f"league load {options['file'].name}")
        except InvalidLeague as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{created} deployments created, {changed} changed")

    def _export(self, options: dict[str, Any]) -> None:
        text = league_text(sorted(Instrument.objects.values_list("symbol", flat=True)))
        if str(options["file"]) == "-":
            self.stdout.write(text)
            return
        try:
            options["file"].write_text(text)
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}") from None

    def _digest(self, options: dict[str, Any]) -> None:
        season = current_season()
        if season is None:
            raise CommandError("no season runs yet: start a feed and a worker")
        rows = {row.slug: str(row.equity) for row in league_rows(season)}
        figures = {
            "season": season.number,
            "market": season.market,
            "fills_sha256": fills_digest(season),
            "equity": rows,
        }
        self.stdout.write(
            json.dumps(figures) if options["json"] else "\n".join(f"{k}: {v}" for k, v in figures.items())
        )

    def _season(self, options: dict[str, Any]) -> None:
        season = current_season()
        market = options["market"] or (season.market if season else None)
        if market is None:
            raise CommandError("no season has run yet; say --market kraken or --market simulated:1")
        self.stdout.write(str(new_season(market=market, by="manage.py league season", liquidity=options["liquidity"])))
