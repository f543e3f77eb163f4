"""One message under a fault: bytes in, bytes out; None where it does not fit the message."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from marketdata.kraken import wire
from marketdata.kraken.answers import timestamp
from marketdata.simulation import messages
from marketdata.simulation.market import SimulatedMarket
from trading.book import CHECKSUM_LEVELS, Level
from trading.frames import NS_PER_S
from trading.instruments import Instrument

GIANT_BYTES = 4_000_000

_CHANNEL = re.compile(rb'\{"channel":"(\w+)"')
_SYMBOL = re.compile(rb'"symbol":"([^"]+)"')
_TIME = re.compile(rb'"(timestamp|time_in|time_out)":"([^"]+)"')
_CHECKSUM = re.compile(rb'"checksum":(\d+)')
_LEVEL = re.compile(rb'\{"price":([0-9.]+),"qty":([0-9.]+)\}')
_NONSENSE = (
    b"Bad Gateway",
    b'{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":',
    b'{"channel":"book","type":"update","data":{"symbol":["BTC/USD"],"checksum":"none"}}',
    b'{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","price":1e999999999,"trade_id":-7}]}',
    b'{"channel":"weather","data":[]}',
    b"[" * 50_000,
    b"null",
    b"",
)
_TRADE_ID = re.compile(rb'"trade_id":(\d+)')
_UNASKED = {
    "ack": b'{"method":"subscribe","req_id":999999,"success":true,'
    b'"result":{"channel":"book","symbol":"DOGE/USD","depth":1000}}',
    "ticker": b'{"channel":"ticker","type":"update","data":[{"symbol":"DOGE/USD"}]}',
    "trade": b'{"channel":"trade","type":"update","data":[{"symbol":"DOGE/USD","side":"buy","price":1.0,"qty":1.0,'
    b'"ord_type":"limit","trade_id":1,"timestamp":"2026-07-07T12:00:00.000000Z"}]}',
}
DRIP = b'{"channel":"weather","data":[]}'
_NO_TEXT = b'{"channel":"\xff\xfe\xc3"}'


class Subject(NamedTuple):
    """What a message is about."""

    channel: str  # "answer" for the answer to a request
    symbol: str  # empty: none, or several
    is_update: bool


def subject_of(message: bytes) -> Subject:
    """Return what one of the exchange's own messages is about."""
    found, symbol = _CHANNEL.match(message), _SYMBOL.search(message)
    channel = "answer" if found is None else found[1].decode()
    name = symbol[1].decode() if symbol is not None and channel != "instrument" else ""
    return Subject(channel, name, b'"type":"update"' in message[:60])


def wrong_checksum(message: bytes, draw: int) -> bytes | None:
    """Return a book with another checksum."""
    found = _CHECKSUM.search(message)
    if found is None:
        return None
    other = int(found[1]) ^ (1 + draw % 0xFFFF_FFFE)
    return message[: found.start(1)] + str(other).encode() + message[found.end(1) :]


def corrupted(message: bytes, market: SimulatedMarket, draw: int) -> bytes | None:
    """Return a book update, one of whose levels among the best ten has another price or quantity."""

    def altered(entry: _Entry, instrument: Instrument) -> bytes:
        more = 1 + draw % 1_000_003
        level = Level(entry.level.ticks + (1 if draw & 1 else -1), entry.level.lots)
        level = level if draw & 6 == 0 else Level(entry.level.ticks, entry.level.lots + more)
        price, qty = (
            messages.number(level.ticks, instrument.price_decimals),
            messages.number(level.lots, instrument.qty_decimals),
        )
        return f'{{"price":{price},"qty":{qty}}}'.encode()

    return _with_entry(message, market, draw, lambda entry: entry.level.lots > 0, altered)


def without_deletion(message: bytes, market: SimulatedMarket, draw: int) -> bytes | None:
    """Return a book update without the deletion of a level among the best ten."""
    return _with_entry(message, market, draw, lambda entry: entry.level.lots == 0, lambda *_: b"")


class _Entry(NamedTuple):
    """One level as a message has it."""

    level: Level
    start: int
    end: int
    is_signed: bool  # as good as the tenth level: the checksum speaks of it


def _with_entry(
    message: bytes,
    market: SimulatedMarket,
    draw: int,
    fits: Callable[[_Entry], bool],
    replacement: Callable[[_Entry, Instrument], bytes],
) -> bytes | None:
    subject, time = subject_of(message), _TIME.search(message)
    if subject.channel != "book" or not subject.is_update or time is None:
        return None
    instrument = market.pairs[subject.symbol].instrument
    time_ns = wire.nanoseconds(time[2].decode())
    entries = [entry for entry in _entries(message, market, instrument, time_ns) if entry.is_signed and fits(entry)]
    if not entries:
        return None
    entry = entries[draw % len(entries)]
    changed = message[: entry.start] + replacement(entry, instrument) + message[entry.end :]
    return changed.replace(b"[,", b"[").replace(b",,", b",").replace(b",]", b"]")


def _entries(message: bytes, market: SimulatedMarket, instrument: Instrument, time_ns: int) -> list[_Entry]:
    truth = market.book(instrument.symbol, time_ns, CHECKSUM_LEVELS)
    asks_from = message.index(b'"asks"')
    entries = []
    for found in _LEVEL.finditer(message):
        level = Level(
            wire.exact_units(found[1], instrument.price_decimals), wire.exact_units(found[2], instrument.qty_decimals)
        )
        is_bid = found.start() < asks_from
        is_signed = level.ticks >= truth.bids[-1].ticks if is_bid else level.ticks <= truth.asks[-1].ticks
        entries.append(_Entry(level, found.start(), found.end(), is_signed))
    return entries


def skewed(message: bytes, ahead_s: float) -> bytes:
    """Return a message whose times are ``ahead_s`` later."""
    ahead_ns = round(ahead_s * NS_PER_S)

    def later(found: re.Match[bytes]) -> bytes:
        time_ns = wire.nanoseconds(found[2].decode()) + ahead_ns
        return b'"' + found[1] + b'":"' + timestamp(time_ns).encode() + b'"'

    return _TIME.sub(later, message)


def shifted_ids(message: bytes, by: int) -> bytes:
    """Return a message whose trade ids are higher by ``by``; none is below 1."""
    return _TRADE_ID.sub(lambda found: b'"trade_id":%d' % shifted_id(int(found[1]), by), message)


def shifted_id(trade_id: int, by: int) -> int:
    """Return an id that is higher by ``by``; where that would be below 1, counted from 1 on."""
    return trade_id + by if trade_id + by > 0 else trade_id % 1_000_000 + 1


def worthless(message: bytes, value: str) -> bytes:
    """Return a trade with a price or quantity of zero, or of less."""
    name = b"qty" if value == "qty" else b"price"
    number = b"-1.5" if value == "below" else b"0"
    return re.sub(rb'"%s":[0-9.]+' % name, b'"%s":%s' % (name, number), message, count=1)


def unreadable(message: bytes, draw: int) -> bytes:
    """Return a message of the same channel and pair that says what cannot be read."""
    odd = (b'"symbol":"%s","checksum":"none","side":7', b'"symbol":"%s","bids":{},"trade_id":"x"', b'"symbol":"%s",')
    subject = subject_of(message)
    return b'{"channel":"%s","type":"update","data":[{%s' % (
        subject.channel.encode(),
        odd[draw % len(odd)] % subject.symbol.encode(),
    ) + (b"}]}" if draw % len(odd) < 2 else b"")


def unasked(value: str) -> bytes:
    """Return a message about what nobody requested."""
    return _UNASKED[value]


def nonsense(draw: int, *, is_text: bool) -> bytes:
    """Return bytes that say nothing; unless ``is_text`` they are not even UTF-8."""
    return _NONSENSE[draw % len(_NONSENSE)] if is_text else _NO_TEXT


@lru_cache(maxsize=2)
def giant(draw: int, *, is_text: bool) -> bytes:
    """Return a message as large as none should be: an instrument update of strangers, or zeros."""
    if not is_text:
        return bytes(GIANT_BYTES)
    like = Instrument(symbol="N0/USD", base="N0", quote="USD", price_decimals=2, qty_decimals=8)
    one = messages.instrument_message("update", [like])
    start, end = one.index(b'{"symbol"'), one.rindex(b"]}}")
    row = one[start:end].replace(b"N0", f"N{draw % 1_000}".encode())
    return one[:start] + b",".join([row] * (GIANT_BYTES // len(row))) + one[end:]
