"""`manage.py coverage`: which candles are stored, and what is missing between them."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from marketdata.history.coverage import Coverage, MissingStretch, coverage, stored_symbols
from marketdata.kraken.symbols import UnknownPairName, symbol_of


class Command(BaseCommand):
    """A line per series, the longest gaps under it."""

    help = "Show per market, symbol and timeframe: first and last candle, how many are there, missing, and the gaps."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--market", help="only this market, such as kraken")
        parser.add_argument("--symbol", help="only this pair, such as BTC/USD")
        parser.add_argument("--gaps", type=int, help="how many of the longest gaps are listed; default: 3, JSON: 1000")
        parser.add_argument("--json", action="store_true", help="one JSON array instead of text")

    def handle(self, *args: Any, **options: Any) -> None:
        longest = options["gaps"] if options["gaps"] is not None else (1_000 if options["json"] else 3)
        if longest < 0:
            raise CommandError(f"--gaps is {longest}; expected zero or more")
        symbol = _symbol(options["symbol"], options["market"])
        found = coverage(market=options["market"], symbol=symbol, longest_gaps=longest)
        if options["json"]:
            self.stdout.write(json.dumps([_plain(series) for series in found], indent=2))
            return
        for series in found:
            self.stdout.write(_line(series))
            for gap in series.gaps:
                self.stdout.write(_gap_line(gap))
        if not found:
            self.stdout.write("no candles are stored; a feed, backfill or import_candles brings them")


def _symbol(text: str | None, market: str | None) -> str | None:
    """Return the pair in our own spelling."""
    if text is None:
        return None
    try:
        return symbol_of(text, stored_symbols(market) if market else ())
    except UnknownPairName as error:
        raise CommandError(f"--symbol: {error}") from None


def _line(series: Coverage) -> str:
    name = f"{series.market}  {series.symbol:<10} {series.timeframe:>3}"
    stretch = f"{series.first:%Y-%m-%d %H:%M} to {series.last:%Y-%m-%d %H:%M}"
    return f"{name}  {stretch}  {series.present:>9,} present  {series.missing:>9,} missing in {series.gap_count:,} gaps"


def _gap_line(gap: MissingStretch) -> str:
    return f"    {gap.start:%Y-%m-%d %H:%M} to {gap.end:%Y-%m-%d %H:%M}  {gap.candles:>9,} missing"


def _plain(series: Coverage) -> dict[str, Any]:
    plain = asdict(series) | {"missing": series.missing, "first": _iso(series.first), "last": _iso(series.last)}
    plain["gaps"] = [{"start": _iso(gap.start), "end": _iso(gap.end), "candles": gap.candles} for gap in series.gaps]
    return plain


def _iso(time: Any) -> str:
    return str(time.isoformat().replace("+00:00", "Z"))
