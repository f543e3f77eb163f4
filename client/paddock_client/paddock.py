"""A Paddock over HTTP: reading lists page by page, and the few changes a program may make."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from paddock_client.mishaps import UnexpectedAnswer, Unreachable, refusal
from paddock_client.patience import LONGEST_S, pause_s
from paddock_client.spelling import thing, things
from paddock_client.stream import Stream
from paddock_client.things import (
    Candle,
    Deployment,
    EquityCurve,
    Feed,
    Fill,
    League,
    LedgerEntry,
    Order,
    RoundTrip,
)

T = TypeVar("T")
TRIES = 4  # of what can be repeated without harm
_WORTH_ANOTHER_TRY = frozenset({429, 502, 503, 504})


class Paddock:
    """One server. Lists are read as they are iterated over, page by page, in the server's order."""

    def __init__(self, url: str, token: str | None = None, *, timeout_s: float = 10.0) -> None:
        """Name the server; a token is needed for changes, and where pages are not public.

        Raises:
            ValueError: the address is none of a web server.
        """
        if not httpx.URL(url).host or httpx.URL(url).scheme not in {"http", "https"}:
            raise ValueError(f"{url!r} is no address of a Paddock; expected one like http://127.0.0.1:8000")
        self._url = httpx.URL(url.rstrip("/") + "/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(
            base_url=self._url.join("api/v1/"),
            headers={**self._headers, "Accept": "application/json, application/problem+json"},
            timeout=timeout_s,
        )

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
        self._http.close()

    # Reading

    def league(self) -> League:
        """Return the league table."""
        return thing(League, self._get("league/"))

    def deployments(self, *, status: str | None = None, strategy: str | None = None) -> Iterator[Deployment]:
        """Yield the deployments by slug."""
        return self._each(Deployment, "deployments/", {"status": status, "strategy": strategy})

    def deployment(self, slug: str) -> Deployment:
        """Return one deployment, with its row in the league."""
        return thing(Deployment, self._get(f"{_of(slug)}/"))

    def fills(
        self,
        slug: str,
        *,
        symbol: str | None = None,
        side: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[Fill]:
        """Yield a deployment's fills, newest first."""
        return self._each(Fill, f"{_of(slug)}/fills/", _narrowed(symbol=symbol, side=side, since=since, until=until))

    def orders(
        self,
        slug: str,
        *,
        symbol: str | None = None,
        status: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[Order]:
        """Yield a deployment's orders, newest first."""
        narrowed = _narrowed(symbol=symbol, status=status, since=since, until=until)
        return self._each(Order, f"{_of(slug)}/orders/", narrowed)

    def round_trips(
        self, slug: str, *, symbol: str | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> Iterator[RoundTrip]:
        """Yield a deployment's closed positions, newest first."""
        narrowed = _narrowed(symbol=symbol, since=since, until=until)
        return self._each(RoundTrip, f"{_of(slug)}/round_trips/", narrowed)

    def ledger(
        self, slug: str, *, currency: str | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> Iterator[LedgerEntry]:
        """Yield the postings of a deployment's account, newest first."""
        narrowed = _narrowed(currency=currency, since=since, until=until)
        return self._each(LedgerEntry, f"{_of(slug)}/ledger/", narrowed)

    def equity(self, slug: str, *, points: int | None = None) -> EquityCurve:
        """Return what a deployment was worth over time, thinned to ``points`` moments."""
        return thing(EquityCurve, self._get(f"{_of(slug)}/equity/", _narrowed(points=points)))

    def candles(self, symbol: str, timeframe: str = "1m", *, limit: int | None = None) -> list[Candle]:
        """Return the newest closed candles, oldest first."""
        return things(Candle, self._get("candles/", _narrowed(symbol=symbol, timeframe=timeframe, limit=limit)))

    def feed(self) -> Feed:
        """Return how the market is heard."""
        return thing(Feed, self._get("feed/"))

    # Changing: asked once, never repeated

    def pause(self, slug: str, reason: str = "") -> Deployment:
        """Ask a strategy for no new signals; resting orders and stops live on."""
        return self._change(slug, "pause", {"reason": reason})

    def enable(self, slug: str) -> Deployment:
        """Ask a strategy for signals again."""
        return self._change(slug, "enable")

    def reset(self, slug: str) -> Deployment:
        """Close a deployment's account and open a new one with the full stake; the record is kept."""
        return self._change(slug, "reset")

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
        """Return what happens from now on, or after a cursor, to be iterated over; see `Stream`."""
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

    # How it is asked

    def _each(self, kind: type[T], path: str, parameters: Mapping[str, Any]) -> Iterator[T]:
        page = self._get(path, _narrowed(**parameters))
        while True:
            if not isinstance(page, dict) or "next" not in page:
                raise UnexpectedAnswer(f"{path} told {str(page)[:100]!r}; expected a page of results")
            yield from things(kind, page.get("results"))
            if page["next"] is None:
                return
            # Of the link only what follows the server: the server may not know by which name it is reached.
            page = self._get(path, httpx.URL(page["next"]).params)

    def _get(self, path: str, parameters: Mapping[str, Any] | httpx.QueryParams | None = None) -> Any:
        request = self._http.build_request("GET", path, params=parameters or None)
        for failures in range(TRIES):
            is_last = failures == TRIES - 1
            try:
                answer = self._http.send(request)
            except httpx.TransportError as error:
                if is_last:
                    raise Unreachable(f"{request.url} gave no answer in {TRIES} tries: {error}") from error
                time.sleep(pause_s(failures))
                continue
            if is_last or answer.status_code not in _WORTH_ANOTHER_TRY:
                break
            time.sleep(_wait_s(answer, failures))
        return _told(answer)

    def _change(self, slug: str, change: str, body: Mapping[str, Any] | None = None) -> Deployment:
        request = self._http.build_request("POST", f"{_of(slug)}/{change}/", json=body or {})
        try:
            answer = self._http.send(request)
        except httpx.TransportError as error:
            raise Unreachable(f"{request.url} gave no answer, and may have been done all the same: {error}") from error
        return thing(Deployment, _told(answer))


def _of(slug: str) -> str:
    return f"deployments/{quote(slug, safe='')}"


def _narrowed(**parameters: Any) -> dict[str, Any]:
    """Return the parameters that were given, as an address tells them."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in parameters.items()
        if value is not None
    }


def _wait_s(answer: httpx.Response, failures: int) -> float:
    asked = answer.headers.get("Retry-After", "")
    return min(float(asked), LONGEST_S) if asked.isdecimal() else pause_s(failures)


def _told(answer: httpx.Response) -> Any:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if answer.is_success and body is not None:
        return body
    if answer.is_success or answer.is_redirect:
        raise UnexpectedAnswer(f"{answer.url} answered {answer.status_code} without JSON; is it a Paddock?")
    raise refusal(answer.status_code, answer.reason_phrase, body)
