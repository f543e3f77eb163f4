"""Requests over HTTP: reading is repeated on failure, a change never is."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import httpx

from paddock_client.backoff import LONGEST_S, pause_s
from paddock_client.errors import UnexpectedAnswer, Unreachable, refusal
from paddock_client.filters import query
from paddock_client.loopback import is_loopback
from paddock_client.parsing import parsed_list, plain

T = TypeVar("T")
TRIES = 4  # of requests that only read
_WORTH_ANOTHER_TRY = frozenset({429, 502, 503, 504})


class Server:
    """The API of one server."""

    def __init__(self, url: httpx.URL, headers: Mapping[str, str], *, timeout_s: float) -> None:
        self._http = httpx.Client(
            base_url=url,
            headers={**headers, "Accept": "application/json, application/problem+json"},
            timeout=timeout_s,
            transport=httpx.HTTPTransport() if is_loopback(url.host) else None,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def read(self, path: str, /, **parameters: Any) -> Any:
        """Return the answer at a path."""
        return self._read(path, query(parameters))

    def each(self, kind: type[T], path: str, parameters: Mapping[str, Any]) -> Iterator[T]:
        """Yield the rows of a list, page by page, as they are needed."""
        page = self._read(path, query(parameters))
        while True:
            if not isinstance(page, dict) or "next" not in page:
                raise UnexpectedAnswer(f"{path} sent {str(page)[:100]!r}; expected a page of results")
            yield from parsed_list(kind, page.get("results"))
            if page["next"] is None:
                return
            # Of the link only what follows the server: the server may not know under which address it is reached.
            page = self._read(path, httpx.URL(page["next"]).params)

    def change(self, path: str, /, **body: Any) -> Any:
        """Make a change; return the server's answer."""
        request = self._http.build_request("POST", path, json=plain(body))
        try:
            answer = self._http.send(request)
        except httpx.TransportError as error:
            raise Unreachable(f"{request.url} gave no answer, and may have been done all the same: {error}") from error
        return _body_of(answer)

    def _read(self, path: str, parameters: Mapping[str, Any] | httpx.QueryParams) -> Any:
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
        return _body_of(answer)


def _wait_s(answer: httpx.Response, failures: int) -> float:
    requested_s = answer.headers.get("Retry-After", "")
    return min(float(requested_s), LONGEST_S) if requested_s.isdecimal() else pause_s(failures)


def _body_of(answer: httpx.Response) -> Any:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if answer.is_success and body is not None:
        return body
    if answer.is_success or answer.is_redirect:
        raise UnexpectedAnswer(f"{answer.url} answered {answer.status_code} without JSON; is it a Paddock?")
    raise refusal(answer.status_code, answer.reason_phrase, body)
