"""What we send: every request is numbered, every answer is awaited, what stays unanswered is sent again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from trading.frames import NS_PER_S

ANSWER_WITHIN_NS = 5 * NS_PER_S
MAX_TRIES = 3
PINGS_KEPT = 8  # that were not answered


@dataclass(slots=True)
class Request:
    """A request and the symbols for which no answer has come."""

    method: str  # subscribe, unsubscribe
    channel: str
    symbols: set[str]  # empty for a channel without symbols
    options: dict[str, Any]
    asked_ns: int  # when it was sent last; the name is stored in recordings
    tries: int


class RequestsMemory(msgspec.Struct):
    """The requests of a connection that are not yet answered."""

    queue: list[bytes]
    unanswered: dict[int, Request]
    last_id: int
    pings: dict[int, int] = {}


class Requests:
    """The requests of one connection: those to send, and those that await answers."""

    def __init__(self) -> None:
        self._queue: list[bytes] = []
        self._unanswered: dict[int, Request] = {}
        self._last_id = 0
        self._pings: dict[int, int] = {}  # id -> when it was queued

    def subscribe(self, channel: str, symbols: Iterable[str], time_ns: int, **options: Any) -> None:
        """Queue one request for all ``symbols`` together: Kraken counts messages, not symbols."""
        self._send(Request("subscribe", channel, set(symbols), options, time_ns, tries=1))

    def unsubscribe(self, channel: str, symbols: Iterable[str], time_ns: int, **options: Any) -> None:
        """Queue the end of a subscription; ``options`` repeat those of its beginning."""
        self._send(Request("unsubscribe", channel, set(symbols), options, time_ns, tries=1))

    def ping(self, time_ns: int) -> None:
        """Queue an application-level ping: a socket without subscriptions receives no heartbeat."""
        self._last_id += 1
        self._pings[self._last_id] = time_ns
        if len(self._pings) > PINGS_KEPT:
            del self._pings[min(self._pings)]
        self._queue.append(msgspec.json.encode({"method": "ping", "req_id": self._last_id}))

    def drain(self) -> list[bytes]:
        """Return what is to be sent, oldest first, and forget it."""
        queue, self._queue = self._queue, []
        return queue

    def memory(self) -> RequestsMemory:
        """Return what is known now; it is lent, to be encoded at once."""
        return RequestsMemory(self._queue, self._unanswered, self._last_id, self._pings)

    def remember(self, memory: RequestsMemory) -> None:
        """Go on from where another connection's requests were."""
        self._queue, self._unanswered, self._last_id = memory.queue, memory.unanswered, memory.last_id
        self._pings = memory.pings

    def pinged_ns(self, req_id: int | None) -> int | None:
        """Return when the ping with this id was queued, None when there was none; it is answered now."""
        return self._pings.pop(req_id, None) if req_id is not None else None

    def sent_ns(self, req_id: int | None) -> int | None:
        """Return when the unanswered request with this id was sent, None when there is none."""
        request = self._unanswered.get(req_id) if req_id is not None else None
        return None if request is None else request.asked_ns

    def was_sent(self, req_id: int | None) -> bool:
        """Return whether this connection has sent a request with this id."""
        return req_id is not None and 0 < req_id <= self._last_id

    def settle(self, method: str, req_id: int | None, symbol: str) -> Request | None:
        """Return the request that an answer belongs to, None when it is none of ours; wait for it no longer."""
        request = self._unanswered.get(req_id) if req_id is not None else None
        if request is None:
            # Some errors come without an id: then the symbol identifies it.
            req_id = next(
                (at for at, r in self._unanswered.items() if method == r.method and symbol in r.symbols), None
            )
            request = self._unanswered.get(req_id) if req_id is not None else None
        if request is None or req_id is None:
            return None
        request.symbols.discard(symbol)
        if not request.symbols:
            del self._unanswered[req_id]
        if method == "subscribe":
            self._forget_ends(request.channel, symbol, req_id)
        return request

    def _forget_ends(self, channel: str, symbol: str, before_id: int) -> None:
        """Wait no longer for the end of what has begun anew since: sent again, it would end that."""
        for at, earlier in list(self._unanswered.items()):
            if at < before_id and (earlier.method, earlier.channel) == ("unsubscribe", channel):
                earlier.symbols.discard(symbol)
                if not earlier.symbols:
                    del self._unanswered[at]

    def repeat_overdue(self, time_ns: int) -> list[Request]:
        """Send again what was not answered in time; return what was sent so often that we give up."""
        late = [at for at, sent in self._unanswered.items() if time_ns - sent.asked_ns >= ANSWER_WITHIN_NS]
        given_up = []
        for at in late:
            request = self._unanswered.pop(at)
            if request.tries == MAX_TRIES:
                given_up.append(request)
            else:
                request.tries, request.asked_ns = request.tries + 1, time_ns
                self._send(request)
        return given_up

    def _send(self, request: Request) -> None:
        self._last_id += 1
        self._unanswered[self._last_id] = request
        # Kraken wants a list even for one symbol, and no list at all where the channel has none.
        named = {"symbol": sorted(request.symbols)} if request.symbols else {}
        params = {"channel": request.channel, **named, **request.options}
        self._queue.append(msgspec.json.encode({"method": request.method, "params": params, "req_id": self._last_id}))
