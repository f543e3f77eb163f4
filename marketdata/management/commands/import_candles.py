"""`manage.py import_candles FILE…`: Kraken's bulk history into the database, as often as you like."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from marketdata import selectors
from marketdata.history.bulk_files import BulkFile, InvalidBulkFile, opened
from marketdata.history.importing import Imported, import_rows
from marketdata.history.progress import ProgressBar
from marketdata.kraken.symbols import UnknownPairName, symbol_of, symbol_of_altname


class Command(BaseCommand):
    """Each pair of an archive is written by itself: what is reported as stored is stored."""

    help = "Import Kraken's downloadable candles: CSV, gzipped CSV or ZIP. What is there already stays as it is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="such as XBTUSD_60.csv")
        parser.add_argument("--symbol", help="BASE/QUOTE: what a lone file holds, or all that an archive is read for")
        parser.add_argument("--market", default="kraken", help="default: %(default)s")

    def handle(self, *args: Any, **options: Any) -> None:
        known = list(selectors.instruments_of(options["market"]).values_list("symbol", flat=True))
        try:
            wanted = None if options["symbol"] is None else symbol_of(options["symbol"], known)
        except UnknownPairName as error:
            raise CommandError(f"--symbol: {error}") from None
        failures: list[str] = []
        for path in options["files"]:
            try:
                self._import(path, options["market"], wanted, known)
            except (InvalidBulkFile, UnknownPairName) as error:
                failures.append(str(error))
        if failures:
            raise CommandError("; ".join(failures) + ". What is listed above is stored, and nothing else.")

    def _import(self, path: Path, market: str, wanted: str | None, known: list[str]) -> None:
        bar = ProgressBar(self.stderr, path.name, path.stat().st_size if path.is_file() else 0)  # type: ignore[arg-type]
        is_archive = path.suffix.lower() == ".zip"
        skipped: list[str] = []
        imported = 0
        try:
            with opened(path, skipped.append, bar.show) as files:
                for file in files:
                    try:
                        imported += self._import_one(file, market, _symbol(file, wanted, known, is_archive), bar)
                    except (InvalidBulkFile, UnknownPairName) as error:
                        if not is_archive:
                            raise
                        skipped.append(_named(file, error))
        finally:
            bar.clear()
            for line in skipped:
                self.stderr.write(f"left out {line}")
        if not imported:
            raise InvalidBulkFile(f"{path.name} holds no candles {f'of {wanted}' if wanted else 'that are stored'}")

    def _import_one(self, file: BulkFile, market: str, symbol: str | None, bar: ProgressBar) -> bool:
        """Write one pair's candles; return whether it held any."""
        if symbol is None:
            return False
        try:
            done = import_rows(market=market, symbol=symbol, timeframe=file.timeframe, rows=file.rows)
        except DatabaseError as error:
            raise InvalidBulkFile(f"{file.name}: {' '.join(str(error).split())}") from error
        bar.clear()
        if not done.read:
            raise InvalidBulkFile(f"{file.name}: it holds no candle that could be read")
        self.stdout.write(_line(file, symbol, done))
        return True


def _symbol(file: BulkFile, wanted: str | None, known: list[str], is_archive: bool) -> str | None:
    """Return whose candles these are, None when they were not requested."""
    if wanted is None:
        return symbol_of_altname(file.altname, known)
    return wanted if not is_archive or symbol_of_altname(file.altname, [wanted, *known]) == wanted else None


def _line(file: BulkFile, symbol: str, done: Imported) -> str:
    rows = f"{done.read:,} rows read, {done.new:,} new, {done.duplicate:,} duplicate"
    flat = f", {done.flat:,} without trades" if done.flat else ""
    return f"{file.name}: {symbol} {file.timeframe}: {rows}{flat}"


def _named(file: BulkFile, error: Exception) -> str:
    text = str(error)
    return text if text.startswith(file.name) else f"{file.name}: {text}"
