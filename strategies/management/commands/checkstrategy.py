"""`manage.py checkstrategy NAME`: does a strategy keep the contract? One line a check."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from marketdata.kraken.symbols import UnknownPairName, symbols_of
from marketdata.recording.files import InvalidRecording
from marketdata.simulation.pairs import PAIRS
from strategies.checking.findings import Mark, Report
from strategies.checking.whole import Wanted, checked
from strategies.versions import registry

_SIGNS = {Mark.FINE: "✓", Mark.WARNING: "!", Mark.BROKEN: "✗", Mark.SKIPPED: "–"}
_MOST_MINUTES = 7 * 1_440


class Command(BaseCommand):
    """Reads it, rehearses it, prints the report."""

    help = (
        "Check a strategy: import and contract, config, types, purity, a run on recorded or simulated minutes, "
        "errors, time per evaluation, look-ahead, determinism, and whether it survives a restart. "
        "Without --recording the newest one of the feed is taken if the strategy is evaluated there, "
        "else the simulated market. "
        "Exit codes: 0 fine, 1 findings that break the contract, 2 bad usage."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("strategy", metavar="NAME|PATH", help="a strategy's name, or its file or package")
        parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
        parser.add_argument("--recording", type=Path, help="what to run it on: a recording, one file or a folder")
        parser.add_argument("--minutes", type=int, default=10, help="how much of the market (default: 10)")
        parser.add_argument("--symbols", nargs="+", default=[], metavar="PAIR", help="instead of the strategy's own")

    def handle(self, *args: Any, **options: Any) -> None:
        path, wanted = _path_of(options["strategy"]), _wanted(options)
        try:
            report = checked(path, wanted)
        except InvalidRecording as error:
            raise CommandError(str(error), returncode=2) from None
        if options["json"]:
            self.stdout.write(msgspec.json.encode({**msgspec.to_builtins(report), "broken": report.is_broken}).decode())
        else:
            self._print(report)
        if report.is_broken:
            raise SystemExit(1)

    def _print(self, report: Report) -> None:
        title = f"{report.name} {report.version} ({report.hash[:8]}), " if report.name else ""
        self.stdout.write(f"{title}{report.path}")
        styles = {Mark.FINE: self.style.SUCCESS, Mark.WARNING: self.style.WARNING, Mark.BROKEN: self.style.ERROR}
        for finding in report.findings:
            lines = [f"{_SIGNS[finding.mark]} {finding.check:<12} {finding.sentence}"]
            lines += [f"  {'':<12} {line}" for line in finding.lines]
            is_plain = not self.stdout.isatty()
            self.stdout.write("\n".join(lines), None if is_plain else styles.get(finding.mark))
        counts = {mark: sum(finding.mark is mark for finding in report.findings) for mark in Mark}
        verdict = f"breaks the contract in {counts[Mark.BROKEN]} points" if report.is_broken else "keeps the contract"
        self.stdout.write(f"{verdict}, {counts[Mark.WARNING]} warnings, in {report.seconds} s")


def _path_of(text: str) -> Path:
    """Return where the strategy is that a name or path means, one that cannot be loaded included."""
    path = Path(text)
    if path.suffix == ".py" or os.sep in text:
        if not (path.is_file() or (path / "__init__.py").is_file()):
            raise CommandError(f"{text} is neither a Python file nor a package with an __init__.py", returncode=2)
        return path
    known = registry.found()
    if text in known:
        return Path(known[text].path)
    for failure in registry.failures():
        if Path(failure.path).stem == text:
            return Path(failure.path)
    names = ", ".join(sorted(known))
    raise CommandError(f"no strategy is called {text!r}; found are {names}; a path works, too", returncode=2)


def _wanted(options: dict[str, Any]) -> Wanted:
    minutes, recording = options["minutes"], options["recording"]
    if not 1 <= minutes <= _MOST_MINUTES:
        raise CommandError(f"--minutes is {minutes}; expected a whole number from 1 to {_MOST_MINUTES}", returncode=2)
    try:
        options["symbols"] = list(symbols_of(options["symbols"], PAIRS))
    except UnknownPairName as error:
        raise CommandError(f"--symbols: {error}") from None
    unknown = [symbol for symbol in options["symbols"] if symbol not in PAIRS]
    if unknown and recording is None:
        known = ", ".join(PAIRS)
        raise CommandError(
            f"--symbols has {unknown[0]!r}; the simulated market has {known}; name a --recording that has it",
            returncode=2,
        )
    if recording is not None and not recording.exists():
        raise CommandError(f"--recording {recording} is not there; `manage.py recordings` lists them", returncode=2)
    return Wanted(
        minutes=minutes,
        symbols=tuple(options["symbols"]),
        recording=recording,
        recordings=settings.PADDOCK_DATA_DIR / "recordings",
    )
