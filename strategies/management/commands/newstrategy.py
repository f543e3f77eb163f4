"""`manage.py newstrategy NAME`: a strategy to begin with, which works as it is."""

from __future__ import annotations

import os
import shlex
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from strategies.authoring import TEMPLATES, CannotBegin, begin_strategy


class Command(BaseCommand):
    """Write a template and say what comes next."""

    help = (
        "Write a new strategy into the first folder of STRATEGY_PATHS. "
        "minimal is one short file, full a package with config, signals and lifecycle. "
        "Exit codes: 0 written, 2 refused, and why."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="lower-case letters, digits and underscores, like my_cross")
        parser.add_argument("--template", choices=TEMPLATES, default="minimal")
        parser.add_argument("--folder", type=Path, help="another folder; it is made if need be")

    def handle(self, *args: Any, **options: Any) -> None:
        known = [Path(folder) for folder in settings.STRATEGY_PATHS]
        folder = options["folder"] or next(iter(known), settings.BASE_DIR / "mine")
        try:
            place = begin_strategy(options["name"], options["template"], folder)
        except CannotBegin as error:
            raise CommandError(str(error), returncode=2) from None
        self.stdout.write(f"wrote {_shown(place)}")
        wanted = options["name"]
        if folder.absolute() not in {path.absolute() for path in known}:
            paths = os.pathsep.join(str(path.absolute()) for path in (*known, folder))
            self.stdout.write(f"for the league to find it: export STRATEGY_PATHS={shlex.quote(paths)}")
            wanted = shlex.quote(_shown(place))
        self.stdout.write(f"next: {_shown(Path(sys.executable))} manage.py checkstrategy {wanted}")


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
