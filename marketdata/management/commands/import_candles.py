"""`manage.py import_candles FILE…`: Kraken's bulk history into the database, as often as you like."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, transaction

from marketdata import selectors
from marketdata.history.bulk_files import BulkFile, InvalidBulkFile, opened
from marketdata.history.importing import Imported, import_rows
from marketdata.history.progress import ProgressBar
from marketdata.kraken.symbols import UnknownPairName, symbol_of_altname


class Command(BaseCommand):
    """Read each file whole or not at all."""

    help = "Import Kraken's downloadable candles: CSV, gzipped CSV or ZIP. What is there already stays as it is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="such as XBTUSD_60.csv")
        parser.add_argument("--symbol", help="BASE/QUOTE: what a lone file holds, or all that an archive is read for")
        parser.add_argument("--market", default="kraken", help="default: %(default)s")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = options["symbol"]
        known = list(selectors.instruments_of(options["market"]).values_list("symbol", flat=True))
        if wanted is not None and wanted.count("/") != 1:
            raise CommandError(f"--symbol is {wanted!r}; expected BASE/QUOTE, such as BTC/USD")
        for path in options["files"]:
            try:
                with transaction.atomic():
                    self._import(path, options["market"], wanted, known)
            except (InvalidBulkFile, UnknownPairName) as error:
                raise CommandError(f"{error}. Nothing of {path.name} was written.") from None
            except DatabaseError as error:
                raise CommandError(f"{path.name}: {str(error).strip()}. Nothing of it was written.") from error

    def _import(self, path: Path, market: str, wanted: str | None, known: list[str]) -> None:
        bar = ProgressBar(self.stderr, path.name, path.stat().st_size if path.is_file() else 0)  # type: ignore[arg-type]
        is_archive = path.suffix.lower() == ".zip"
        skipped: list[str] = []
        imported = 0
        with opened(path, skipped.append, bar.show) as files:
            for file in files:
                symbol = _symbol(file, wanted, known, is_archive=is_archive)
                if symbol is None:
                    continue
                done = import_rows(market=market, symbol=symbol, timeframe=file.timeframe, rows=file.rows)
                bar.clear()
                self.stdout.write(_line(file, symbol, done))
                imported += 1
        bar.clear()
        for line in skipped:
            self.stderr.write(f"left out {line}")
        if not imported:
            raise InvalidBulkFile(f"{path.name} holds no candles {f'of {wanted}' if wanted else 'that are stored'}")


def _symbol(file: BulkFile, wanted: str | None, known: list[str], *, is_archive: bool) -> str | None:
    """Return whose candles these are, None when they were not requested."""
    if wanted is None:
        return symbol_of_altname(file.altname, known)
    return wanted if not is_archive or symbol_of_altname(file.altname, [wanted, *known]) == wanted else None


def _line(file: BulkFile, symbol: str, done: Imported) -> str:
    rows = f"{done.read:,} rows read, {done.new:,} new, {done.duplicate:,} duplicate"
    return f"{file.name}: {symbol} {file.timeframe}: {rows}"
