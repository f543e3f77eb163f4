"""What a connection's memory is made of: held whole in a recording, so that another goes on from it."""

from __future__ import annotations

import msgspec

from marketdata.kraken.books import BooksMemory
from marketdata.kraken.exchange_clock import ExchangeClock
from marketdata.kraken.liveness import Liveness
from marketdata.kraken.refusals import Refusals
from marketdata.kraken.requests import RequestsMemory
from trading.instruments import Instrument


class ProtocolMemory(msgspec.Struct):
    """All that is known of one connection, but for the tape, which outlives it."""

    instruments: dict[str, Instrument]
    subscribed: set[str]
    gave_up: str
    liveness: Liveness
    requests: RequestsMemory
    books: BooksMemory
    clock: ExchangeClock = msgspec.field(default_factory=ExchangeClock)
    refusals: Refusals = msgspec.field(default_factory=Refusals)
    pinged_ns: int = 0
