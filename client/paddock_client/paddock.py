"""A Paddock: reading its league and its markets, following its stream, and commanding deployments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, Unpack
from urllib.parse import quote

import httpx

from paddock_client.accounts import (
    Balance,
    Command,
    EquityCurve,
    ExitFigures,
    Fill,
    Flattening,
    LedgerEntry,
    MarketFill,
    Order,
    Position,
    RoundTrip,
)
from paddock_client.filters import (
    WhichCommands,
    WhichDeployments,
    WhichEvents,
    WhichFills,
    WhichLedger,
    WhichMarketFills,
    WhichOrders,
    WhichRoundTrips,
)
from paddock_client.league import Deployment, DeploymentDetail, Event, League, Revision, Season
from paddock_client.markets import (
    Book,
    Candle,
    Feed,
    IndicatorValues,
    Instrument,
    KnownFeeSchedule,
    Market,
    MarketDetail,
    Tape,
)
from paddock_client.parsing import parsed, parsed_list
from paddock_client.server import Server
from paddock_client.stream import Stream
from paddock_client.system import System


class Paddock:
    """One server. Lists are read as they are iterated over, page by page, the newest first unless it says otherwise."""

    def __init__(self, url: str, token: str | None = None, *, timeout_s: float = 10.0) -> None:
        """Name the server; a token is needed for changes, and where pages are not public.

        Raises:
            ValueError: the address is none of a web server.
        """
        if not httpx.URL(url).host or httpx.URL(url).scheme not in {"http", "https"}:
            raise ValueError(f"{url!r} is no address of a Paddock; expected one like http://127.0.0.1:8000")
        self._url = httpx.URL(url.rstrip("/") + "/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._server = Server(self._url.join("api/v1/"), self._headers, timeout_s=timeout_s)

    def __enter__(self) -> Paddock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Paddock({str(self._url)!r})"

    def close(self) -> None:
        """Close the connections; streams have their own."""
        self._server.close()

    # The league

    def league(self, *, window: str | None = None, at: datetime | None = None) -> League:
        """Return the league table of now, or of a past moment of the running season.

        ``window`` is the stretch of time that each row's `window` is about, like ``24h``; the whole season if none.
        """
        return parsed(League, self._server.read("league/", window=window, at=at))

    def deployments(self, **which: Unpack[WhichDeployments]) -> Iterator[Deployment]:
        """Yield the deployments by slug."""
        return self._server.each(Deployment, "deployments/", which)

    def deployment(self, slug: str) -> DeploymentDetail:
        """Return one deployment, with its settings, its row in the league and its newest events."""
        return parsed(DeploymentDetail, self._server.read(f"{_of(slug)}/"))

    def fills(self, slug: str, **which: Unpack[WhichFills]) -> Iterator[Fill]:
        """Yield a deployment's fills."""
        return self._server.each(Fill, f"{_of(slug)}/fills/", which)

    def orders(self, slug: str, **which: Unpack[WhichOrders]) -> Iterator[Order]:
        """Yield a deployment's orders; open ones say what they wait for."""
        return self._server.each(Order, f"{_of(slug)}/orders/", which)

    def round_trips(self, slug: str, **which: Unpack[WhichRoundTrips]) -> Iterator[RoundTrip]:
        """Yield a deployment's closed positions."""
        return self._server.each(RoundTrip, f"{_of(slug)}/round_trips/", which)

    def exits(self, slug: str) -> list[ExitFigures]:
        """Return what each rule that ends a deployment's round trips has brought."""
        return parsed_list(ExitFigures, self._server.read(f"{_of(slug)}/exits/"))

    def positions(self, slug: str, *, symbol: str | None = None) -> Iterator[Position]:
        """Yield what a deployment holds, by symbol, flat positions included."""
        return self._server.each(Position, f"{_of(slug)}/positions/", {"symbol": symbol})

    def balances(self, slug: str) -> Iterator[Balance]:
        """Yield what a deployment holds and owes, by currency."""
        return self._server.each(Balance, f"{_of(slug)}/balances/", {})

    def ledger(self, slug: str, **which: Unpack[WhichLedger]) -> Iterator[LedgerEntry]:
        """Yield the postings of a deployment's account."""
        return self._server.each(LedgerEntry, f"{_of(slug)}/ledger/", which)

    def events(self, slug: str, **which: Unpack[WhichEvents]) -> Iterator[Event]:
        """Yield the events of a deployment: errors, gaps, pauses, changes."""
        return self._server.each(Event, f"{_of(slug)}/events/", which)

    def revisions(self, slug: str) -> Iterator[Revision]:
        """Yield the changes of a deployment: who, when, what."""
        return self._server.each(Revision, f"{_of(slug)}/revisions/", {})

    def commands(self, slug: str, **which: Unpack[WhichCommands]) -> Iterator[Command]:
        """Yield what people requested of a deployment, and how far each command has come."""
        return self._server.each(Command, f"{_of(slug)}/commands/", which)

    def flattenings(self, slug: str, *, state: str | None = None) -> Iterator[Flattening]:
        """Yield the commands to flatten a deployment, and how far each has come."""
        return self._server.each(Flattening, f"{_of(slug)}/flattenings/", {"state": state})

    def equity(self, slug: str, *, points: int | None = None) -> EquityCurve:
        """Return what a deployment was worth over time, thinned to ``points`` moments."""
        return parsed(EquityCurve, self._server.read(f"{_of(slug)}/equity/", points=points))

    # The markets

    def markets(self) -> Iterator[Market]:
        """Yield the instruments, each with its quote and its last day, by symbol."""
        return self._server.each(Market, "markets/", {})

    def market(self, symbol: str) -> MarketDetail:
        """Return one instrument: quote, day, rules and costs."""
        return parsed(MarketDetail, self._server.read(f"{_on(symbol)}/"))

    def book(self, symbol: str, *, levels: int | None = None) -> Book:
        """Return an order book as of the newest frame, all its levels, or ``levels`` a side."""
        return parsed(Book, self._server.read(f"{_on(symbol)}/book/", levels=levels))

    def tape(self, symbol: str, *, limit: int | None = None) -> Tape:
        """Return the newest public trades."""
        return parsed(Tape, self._server.read(f"{_on(symbol)}/tape/", limit=limit))

    def market_fills(self, symbol: str, **which: Unpack[WhichMarketFills]) -> Iterator[MarketFill]:
        """Yield the league's fills on one instrument in the running season."""
        return self._server.each(MarketFill, f"{_on(symbol)}/fills/", which)

    def indicator(
        self,
        symbol: str,
        name: str,
        *,
        timeframe: str | None = None,
        limit: int | None = None,
        before: datetime | None = None,
        **parameters: float,
    ) -> IndicatorValues:
        """Return an indicator's newest values, oldest first; ``parameters`` are its own, like ``period=20``."""
        return parsed(
            IndicatorValues,
            self._server.read(
                f"{_on(symbol)}/indicators/", name=name, timeframe=timeframe, limit=limit, before=before, **parameters
            ),
        )

    def candles(
        self,
        symbol: str,
        timeframe: str = "1m",
        *,
        limit: int | None = None,
        since: datetime | None = None,
        before: datetime | None = None,
    ) -> list[Candle]:
        """Return the newest closed candles, oldest first."""
        candles = self._server.read(
            "candles/", symbol=symbol, timeframe=timeframe, limit=limit, since=since, before=before
        )
        return parsed_list(Candle, candles)

    def instruments(self) -> list[Instrument]:
        """Return the rules of every pair."""
        return parsed_list(Instrument, self._server.read("instruments/"))

    def fee_schedules(self) -> list[KnownFeeSchedule]:
        """Return the tables that deployments can be charged by, by name."""
        return parsed_list(KnownFeeSchedule, self._server.read("fee-schedules/"))

    def feed(self) -> Feed:
        """Return the figures of the feed."""
        return parsed(Feed, self._server.read("feed/"))

    def system(self) -> System:
        """Return what all the processes do, and what to do about what is amiss."""
        return parsed(System, self._server.read("system/"))

    # Commands: given once, never repeated

    def pause(self, slug: str, reason: str = "") -> DeploymentDetail:
        """Stop a strategy's new entries; resting orders and stops stay."""
        return self._command(slug, "pause", reason=reason)

    def stop_entries(self, slug: str, reason: str = "") -> DeploymentDetail:
        """Have a deployment open and enlarge nothing any more; exits and stops go on."""
        return self._command(slug, "stop_entries", reason=reason)

    def enable(self, slug: str) -> DeploymentDetail:
        """Have a deployment trade again."""
        return self._command(slug, "enable")

    def flatten(self, slug: str) -> DeploymentDetail:
        """Pause a deployment, and have all its orders cancelled and every position closed at market.

        Its worker does it between two frames: `flattenings` shows how far it has come.
        """
        return self._command(slug, "flatten")

    def close_position(self, slug: str, symbol: str, *, qty: Decimal | None = None) -> Command:
        """Have a position closed at market: ``qty`` base units, or all of it; the strategy goes on.

        Its worker does it between two frames: `commands` shows how far it has come.
        """
        part = {} if qty is None else {"qty": qty}
        return parsed(Command, self._server.change(f"{_of(slug)}/close/", symbol=symbol, **part))

    def cancel_order(self, slug: str, order_id: str) -> Command:
        """Have an order cancelled; what fills before the cancellation arrives is filled.

        Its worker does it between two frames: `commands` shows how far it has come.
        """
        return parsed(Command, self._server.change(f"{_of(slug)}/cancel/", order_id=order_id))

    def reset(self, slug: str) -> DeploymentDetail:
        """Close a deployment's account and open a new one with the full stake; the record is kept."""
        return self._command(slug, "reset")

    def clone(self, original: str, /, name: str, **changes: Any) -> DeploymentDetail:
        """Enter a copy with an account of its own; ``changes`` are what differs, like ``cash`` or the whole ``config``.

        Without a ``slug`` among them it is made of the name.
        """
        return self._command(original, "clone", name=name, **changes)

    def challenger(self, slug: str, *, config: dict[str, Any] | None = None) -> DeploymentDetail:
        """Enter the version that lies in the folder beside the one that is traded; return the new deployment.

        It has the same terms, an account of its own, and the same config unless another is given.
        """
        return self._command(slug, "challenger", **({} if config is None else {"config": config}))

    def switch(self, slug: str, *, config: dict[str, Any] | None = None) -> DeploymentDetail:
        """Go on with the version that lies in the folder: positions and orders stay, its memory begins anew."""
        return self._command(slug, "switch", **({} if config is None else {"config": config}))

    def roll_back(self, slug: str, number: int) -> DeploymentDetail:
        """Make a deployment what it was as of a revision, the version included; that is itself a revision."""
        return self._command(slug, f"revisions/{number:d}/roll-back")

    def begin_season(self, *, confirm: int, name: str | None = None, liquidity: str | None = None) -> Season:
        """End the running season and begin a new one: every deployment starts anew with its stake.

        ``confirm`` is the number of the season that ends, 0 when none runs. Liquidity stays as it is unless given.
        """
        given = {key: value for key, value in (("name", name), ("liquidity", liquidity)) if value is not None}
        return parsed(Season, self._server.change("seasons/begin/", confirm=confirm, **given))

    # Following

    def stream(
        self,
        channels: Iterable[str],
        *,
        deployments: Iterable[str] | None = None,
        symbols: Iterable[str] | None = None,
        after: str | None = None,
        patience_s: float | None = None,
    ) -> Stream:
        """Return the stream from now on, or after a cursor, to be iterated over; see `Stream`."""
        url = self._url.join("api/v1/stream").copy_with(scheme={"http": "ws", "https": "wss"}[self._url.scheme])
        return Stream(
            str(url),
            self._headers,
            channels,
            deployments=deployments,
            symbols=symbols,
            after=after,
            patience_s=patience_s,
        )

    def _command(self, slug: str, command: str, /, **body: Any) -> DeploymentDetail:
        return parsed(DeploymentDetail, self._server.change(f"{_of(slug)}/{command}/", **body))


def _of(slug: str) -> str:
    return f"deployments/{quote(slug, safe='')}"


def _on(symbol: str) -> str:
    return f"markets/{quote(symbol.replace('/', '-'), safe='')}"
