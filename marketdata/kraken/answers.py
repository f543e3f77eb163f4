"""Kraken's side of a connection, for the exchanges that stand in for it: requests read, answers written."""

from __future__ import annotations

from typing import Any

import msgspec

from trading.frames import NS_PER_S, utc

DEPTHS = (10, 25, 100, 500, 1000)
PUBLIC_CHANNELS = ("instrument", "book", "trade", "ticker", "ohlc")
PRIVATE_CHANNELS = ("executions", "balances", "level3")

UNKNOWN_PAIR = "Currency pair not supported {}"
UNKNOWN_DEPTH = "Subscription depth not supported"
SYMBOL_NOT_A_LIST = "Symbol field must be an array"
ALREADY_SUBSCRIBED = "Already subscribed"
NOT_SUBSCRIBED = "Subscription Not Found"
PRIVATE = "Private data and trading are unavailable on this endpoint. Try ws-auth.kraken.com"

HEARTBEAT = b'{"channel":"heartbeat"}'


class Params(msgspec.Struct):
    """What a subscription is about."""

    channel: str = ""
    symbol: Any = None  # checked by hand: Kraken has its own error for what is not a list
    depth: Any = 10
    snapshot: bool = True
    event_trigger: str = "trades"


class Request(msgspec.Struct):
    """A client's message."""

    method: str = ""
    params: Params = msgspec.field(default_factory=Params)
    req_id: int | None = None

    @property
    def symbols(self) -> list[str] | None:
        """The symbols that are requested, None when they are not given as a list of text."""
        given = self.params.symbol
        return given if isinstance(given, list) and all(isinstance(symbol, str) for symbol in given) else None


_decoder = msgspec.json.Decoder(Request)
_encoder = msgspec.json.Encoder()


def read_request(message: bytes) -> Request | None:
    """Return the request, None when the bytes are none."""
    try:
        return _decoder.decode(message)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def granted(request: Request, result: dict[str, Any], time_ns: int) -> bytes:
    """Return the acknowledgement of one symbol's (un)subscription."""
    return _answer({"method": request.method}, request, {"result": result, "success": True}, time_ns)


def refused(request: Request, error: str, time_ns: int, *, symbol: str = "") -> bytes:
    """Return the refusal of a request, or of one of its symbols."""
    about = {"success": False, **({"symbol": symbol} if symbol else {})}
    return _answer({"error": error, "method": request.method}, request, about, time_ns)


def pong(request: Request, time_ns: int) -> bytes:
    """Return the answer to a ping."""
    return _answer({"method": "pong"}, request, {}, time_ns)


def status(system: str, connection_id: int) -> bytes:
    """Return the frame that greets a connection and follows every change of state."""
    about = {"version": "2.0.10", "system": system, "api_version": "v2", "connection_id": connection_id}
    return _encoder.encode({"channel": "status", "type": "update", "data": [about]})


def timestamp(time_ns: int) -> str:
    """Return a time as Kraken writes it, in microseconds."""
    return f"{utc(time_ns):%Y-%m-%dT%H:%M:%S}.{time_ns % NS_PER_S // 1_000:06d}Z"


def _answer(head: dict[str, Any], request: Request, about: dict[str, Any], time_ns: int) -> bytes:
    number = {} if request.req_id is None else {"req_id": request.req_id}
    times = {"time_in": timestamp(time_ns), "time_out": timestamp(time_ns)}
    return _encoder.encode({**head, **number, **about, **times})
