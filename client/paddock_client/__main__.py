"""`python -m paddock_client`: the league, fills and the stream, at the prompt."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from itertools import islice

from paddock_client.accounts import Fill
from paddock_client.errors import PaddockError
from paddock_client.league import League
from paddock_client.messages import (
    EventMessage,
    FeedMessage,
    FillMessage,
    Gap,
    LeagueMessage,
    Message,
    OrderMessage,
    PricesMessage,
    RoundTripMessage,
)
from paddock_client.paddock import Paddock
from paddock_client.parsing import plain
from paddock_client.stream import FACTS, STATES

URL = "http://127.0.0.1:8000"
_TEXT_COLUMNS = (False, True, False, False, False, False, False, True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return 0, or 1 with the reason on standard error."""
    options = _parser().parse_args(arguments)
    try:
        with Paddock(options.url, options.token or None) as paddock:
            options.work(paddock, options)
            sys.stdout.flush()
    except (PaddockError, ValueError) as error:
        sys.stderr.write(f"paddock-client: {error}\n")
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has closed the pipe
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--url", default=os.environ.get("PADDOCK_URL") or URL, help="else PADDOCK_URL, else %(default)s"
    )
    shared.add_argument("--token", default=os.environ.get("PADDOCK_TOKEN"), help="else PADDOCK_TOKEN")
    shared.add_argument("--json", action="store_true", help="one JSON object a line")
    parser = argparse.ArgumentParser(prog="paddock-client", description=__doc__)
    commands = parser.add_subparsers(required=True)

    league = commands.add_parser("league", parents=[shared], help="the league table")
    league.set_defaults(work=_league)

    fills = commands.add_parser("fills", parents=[shared], help="a deployment's fills, newest first")
    fills.add_argument("slug")
    fills.add_argument("--symbol")
    fills.add_argument("--limit", type=_count, default=50, help="at most so many; %(default)s when left out")
    fills.set_defaults(work=_fills)

    follow = commands.add_parser("follow", parents=[shared], help="the stream, until it is stopped")
    follow.add_argument("channels", nargs="*", metavar="channel", help=f"of {', '.join(sorted(FACTS | STATES))}")
    follow.add_argument("--after", metavar="CURSOR", help="resume after this cursor")
    follow.add_argument("--deployment", action="append", dest="deployments", metavar="SLUG")
    follow.add_argument("--symbol", action="append", dest="symbols")
    follow.set_defaults(work=_follow)
    return parser


def _count(text: str) -> int:
    if not (text.isdecimal() and 0 < int(text) < 10**9):
        raise argparse.ArgumentTypeError(f"{text!r} was given; expected a whole number above zero")
    return int(text)


def _league(paddock: Paddock, options: argparse.Namespace) -> None:
    league = paddock.league()
    if options.json:
        _print(json.dumps(plain(league)))
        return
    _print("\n".join(_table(league)))


def _fills(paddock: Paddock, options: argparse.Namespace) -> None:
    for fill in islice(paddock.fills(options.slug, symbol=options.symbol), options.limit):
        _print(json.dumps(plain(fill)) if options.json else _of_fill(fill))


def _follow(paddock: Paddock, options: argparse.Namespace) -> None:
    stream = paddock.stream(
        options.channels or sorted(FACTS),
        deployments=options.deployments,
        symbols=options.symbols,
        after=options.after,
    )

    async def follow() -> None:
        async for message in stream:
            _print(_as_json(message) if options.json else "\n".join(_in_words(message)))

    try:
        asyncio.run(follow())
    except KeyboardInterrupt:
        if stream.cursor is not None:
            sys.stderr.write(f"to resume from here: --after {stream.cursor}\n")
        raise


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _as_json(message: Message) -> str:
    kind = type(message).__name__.removesuffix("Message")
    name = {"RoundTrip": "round_trip"}.get(kind, kind.lower())
    return json.dumps({"type": name, **plain(message)})


def _table(league: League) -> list[str]:
    if league.season is None:
        return ["No season is running."]
    lines = [f"Season {league.season.number}: {league.season.name} on {league.market}"]
    rows = [("", "name", "equity", "return %", "trips", "win %", "fees", "health")]
    rows += [
        (
            str(row.rank),
            row.name,
            f"{row.equity:,.2f} {row.currency}",
            f"{row.return_pct:+.2f}",
            "–" if row.round_trips is None else str(row.round_trips),
            "–" if row.win_rate is None else f"{row.win_rate:.0f}",
            "–" if row.fees is None else f"{row.fees:,.2f}",
            row.health,
        )
        for row in league.rows
    ]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return lines + ["  ".join(map(_cell, row, widths, _TEXT_COLUMNS)).rstrip() for row in rows]


def _cell(words: str, width: int, is_text: bool) -> str:
    return words.ljust(width) if is_text else words.rjust(width)


def _of_fill(fill: Fill) -> str:
    result = "" if fill.result is None else f" result {fill.result:+.4f}"
    return (
        f"{fill.time:%Y-%m-%d %H:%M:%S} {fill.symbol} {fill.side} {fill.qty:f} at {fill.price:f}"
        f" fee {fill.fee:f} {fill.quote}{result}"
    )


def _in_words(message: Message) -> list[str]:
    match message:
        case FillMessage(deployment=slug, data=fill):
            return [f"{slug}: {_of_fill(fill)}"]
        case OrderMessage(deployment=slug, data=order):
            why = f" ({order.sentence or order.code})" if order.code else ""
            words = f"{order.filled_qty:f} of {order.qty:f} filled, {order.status}{why}"
            return [f"{slug}: order {order.side} {order.symbol} {order.type}: {words}"]
        case RoundTripMessage(deployment=slug, data=trip):
            return [f"{slug}: round trip {trip.symbol} {trip.result:+.4f}"]
        case EventMessage(deployment=slug, data=event):
            return [f"{slug}: {event.kind}: {event.summary}"]
        case Gap(from_=begin, to=end):
            return [f"gap: the messages between {begin} and {end} are not kept any more"]
        case LeagueMessage(rows=rows):
            return [f"league: {row.rank} {row.name} {row.equity:.2f} {row.currency}" for row in rows]
        case PricesMessage(prices=prices):
            return [f"price: {price.symbol} {price.bid} / {price.ask}" for price in prices]
        case FeedMessage(data=feed):
            return [f"feed: {'connected' if feed.connected else 'not connected'}"]


if __name__ == "__main__":
    sys.exit(main())
