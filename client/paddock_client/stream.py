"""The stream: reconnects by itself, and yields each fact exactly once."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from paddock_client.backoff import pause_s
from paddock_client.errors import UnexpectedAnswer, Unreachable, refusal
from paddock_client.loopback import is_loopback
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
from paddock_client.parsing import parsed

FACTS = frozenset({"fills", "orders", "round_trips", "events"})
STATES = frozenset({"league", "prices", "feed"})
SILENT_S = 35.0  # the server sends a heartbeat every ten seconds
MOST_BYTES = 64 * 2**20
KINDS: dict[str, type[Message]] = {
    "fill": FillMessage,
    "order": OrderMessage,
    "round_trip": RoundTripMessage,
    "event": EventMessage,
    "gap": Gap,
    "league": LeagueMessage,
    "prices": PricesMessage,
    "feed": FeedMessage,
}
_FINAL = frozenset({400, 401, 403, 404, 426})  # the answer would be the same again


class Stream(AsyncIterator[Message]):
    """Messages in their order. It reconnects by itself and resumes at its cursor; states then come whole again.

    A fact comes once, as long as one and the same `Stream` lives, and across streams if each begins after the
    `cursor` of the one before. Iterating raises `Refused` for what the server will not do, such as an unknown cursor,
    and `Unreachable` when there was no connection for ``patience_s``; without that it tries for ever.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        channels: Iterable[str],
        *,
        deployments: Iterable[str] | None = None,
        symbols: Iterable[str] | None = None,
        after: str | None = None,
        patience_s: float | None = None,
    ) -> None:
        self._url = url
        self._headers = dict(headers)
        self._channels = list(dict.fromkeys(channels))
        if unknown := set(self._channels) - FACTS - STATES:
            known = ", ".join(sorted(FACTS | STATES))
            raise ValueError(f"there is no channel called {min(unknown)!r}; expected some of {known}")
        if not self._channels:
            raise ValueError("no channel was named; a stream needs one at least")
        if after is not None and not FACTS & set(self._channels):
            raise ValueError(f"after is {after!r}, but states have no past; expected a channel of facts")
        self._deployments = None if deployments is None else list(deployments)
        self._symbols = None if symbols is None else list(symbols)
        self._cursor = after
        self._patience_s = patience_s
        self._messages: AsyncGenerator[Message, None] | None = None

    @property
    def cursor(self) -> str | None:
        """The cursor up to which every fact was handed over; None before the first connection."""
        return self._cursor

    async def __anext__(self) -> Message:
        if self._messages is None:
            self._messages = self._reconnecting()
        return await anext(self._messages)

    async def aclose(self) -> None:
        """Close the connection; the cursor stays."""
        if self._messages is not None:
            messages, self._messages = self._messages, None
            await messages.aclose()

    async def _reconnecting(self) -> AsyncGenerator[Message, None]:
        failures, well_at = 0, time.monotonic()
        while True:
            try:
                async with connect(
                    self._url,
                    additional_headers=self._headers,
                    max_size=MOST_BYTES,
                    proxy=None if is_loopback(urlsplit(self._url).hostname or "") else True,
                ) as socket:
                    await self._subscribe(socket)
                    while True:
                        message = await self._next(socket)
                        failures, well_at = 0, time.monotonic()
                        if message is not None:
                            yield message
            except InvalidStatus as error:
                status = error.response.status_code
                if status in _FINAL:
                    raise refusal(status, error.response.reason_phrase, _body(error)) from None
                why: Exception = error
            except (OSError, ConnectionClosed, InvalidHandshake, TimeoutError) as error:
                why = error
            if self._patience_s is not None and time.monotonic() - well_at > self._patience_s:
                raise Unreachable(f"{self._url} was not reached for {self._patience_s} s: {why}") from why
            await asyncio.sleep(pause_s(failures))
            failures += 1

    async def _subscribe(self, socket: ClientConnection) -> None:
        hello = await self._received(socket)
        if hello.get("type") != "hello":
            raise UnexpectedAnswer(f"{self._url} began with {str(hello)[:100]!r}; expected a hello")
        wanted: dict[str, Any] = {"type": "subscribe", "channels": self._channels}
        if self._deployments is not None:
            wanted["deployments"] = self._deployments
        if self._symbols is not None:
            wanted["symbols"] = self._symbols
        if FACTS & set(self._channels):
            # From the greeting on: should the connection break before the first fact, none is missed.
            self._cursor = self._cursor or str(hello.get("cursor"))
            wanted["after"] = self._cursor
        await socket.send(json.dumps(wanted))

    async def _next(self, socket: ClientConnection) -> Message | None:
        """Return the next message for the reader; None for one between server and client."""
        fields = await self._received(socket)
        name = fields.get("type")
        if name == "error":
            problem = fields.get("problem")
            status = problem.get("status", 400) if isinstance(problem, dict) else 400
            raise refusal(status, "Not understood", problem)
        if name == "heartbeat" and fields.get("cursor") is not None:
            self._cursor = str(fields["cursor"])
        kind = KINDS.get(str(name))
        if kind is None:
            return None
        message = parsed(kind, fields)
        if isinstance(message, Gap):
            self._cursor = message.to
        elif not isinstance(message, LeagueMessage | PricesMessage | FeedMessage):
            self._cursor = message.cursor
        return message

    async def _received(self, socket: ClientConnection) -> dict[str, Any]:
        async with asyncio.timeout(SILENT_S):
            text = await socket.recv()
        try:
            fields = json.loads(text)
        except ValueError:
            fields = None
        if not isinstance(fields, dict):
            raise UnexpectedAnswer(f"{self._url} sent {str(text)[:100]!r}; expected an object")
        return fields


def _body(error: InvalidStatus) -> Any:
    try:
        return json.loads(error.response.body or b"")
    except ValueError:
        return None
