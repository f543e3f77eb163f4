"""`manage.py backfill`: the exchange's history into the database, as often as you like."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from marketdata.history.backfill import backfill
from marketdata.history.progress import ProgressBar
from marketdata.kraken.rest import KrakenRest, RestError
from marketdata.kraken.rest_answers import PairName
from marketdata.kraken.symbols import UnknownPairName, nearest, symbols_of
from marketdata.sources import watched_symbols
from trading.minutes import ns_of

OHLC_REACH = timedelta(hours=12)  # of one-minute candles


class Command(BaseCommand):
    """Candles as far as OHLC reaches, and public trades beyond."""

    help = "Fetch candles from Kraken. A feed brings them into its market when it next connects."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--symbol", nargs="+", metavar="BASE/QUOTE", help="default: those that a feed watches")
        parser.add_argument("--since", help="ISO 8601, UTC unless it says otherwise; default: twelve hours ago")

    def handle(self, *args: Any, **options: Any) -> None:
        since = _since(options["since"])
        rest = KrakenRest(settings.KRAKEN_REST_URL)
        try:
            pairs = rest.asset_pairs()
            for symbol in _known(options["symbol"] or watched_symbols(), pairs):
                self._backfill(rest, pairs[symbol], since)
        except RestError as error:
            raise CommandError(f"{error}. What came before is written; the same command goes on from there.") from None
        except DatabaseError as error:
            raise CommandError(f"the database does not answer: {str(error).strip()}") from error
        finally:
            rest.close()

    def _backfill(self, rest: KrakenRest, pair: PairName, since: datetime) -> None:
        symbol, began = pair.instrument.symbol, time.monotonic()
        bar = ProgressBar(self.stderr, symbol, 1.0)  # type: ignore[arg-type]
        try:
            done = backfill(
                market="kraken", instrument=pair.instrument, rest=rest, since_ns=ns_of(since), progress=bar.show
            )
        finally:
            bar.clear()
        took_s = time.monotonic() - began
        self.stdout.write(f"{symbol}: {done.new:,} new candles, {done.trades:,} trades read, {took_s:.0f} s")


def _since(text: str | None) -> datetime:
    if text is None:
        return timezone.now() - OHLC_REACH
    try:
        since = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--since is {text!r}; expected an ISO time such as 2026-07-01T00:00") from None
    since = since if since.tzinfo is not None else since.replace(tzinfo=UTC)
    if since >= timezone.now():
        raise CommandError(f"--since is {text}; expected a time in the past")
    return since


def _known(symbols: list[str] | tuple[str, ...], pairs: dict[str, PairName]) -> list[str]:
    try:
        wanted = symbols_of(symbols, pairs)
    except UnknownPairName as error:
        raise CommandError(str(error)) from None
    unknown = [symbol for symbol in wanted if symbol not in pairs]
    if unknown:
        alike = dict.fromkeys(one for symbol in unknown for one in nearest(symbol, pairs))
        hint = f"; nearest: {', '.join(alike)}" if alike else "; expected a symbol such as BTC/USD"
        raise CommandError(f"Kraken lists no pair {', '.join(unknown)}{hint}")
    return list(wanted)
