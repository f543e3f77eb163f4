"""Kraken's WebSocket v2 messages as they stand on the wire, and their numbers made exact.

Prices and quantities stay raw JSON text until the instrument says how many decimals they have:
through a float, digits that the checksum signs would be lost.
"""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Iterable
from datetime import datetime
from decimal import Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import Annotated, Any

import msgspec
from msgspec import Raw

from trading.frames import Count
from trading.instruments import Instrument

MAX_UNITS = 2**63 - 1  # more ticks or lots than any market has, and the most that msgpack readers take for granted
MAX_DIGITS = 40
MAX_DECIMALS = 18
_exactly = Context(prec=4 * MAX_DIGITS)  # more digits than any number here can have
_NANOSECOND_DIGITS = 9

_ABSENT = Raw(b"")
_NO_LEVELS = Raw(b"[]")
_DIGITS_AT_ONCE = 18  # of a number below 2**63, whatever they are
_DOT = ord(".")
_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")
_MAX_SHAPES = 2_000
_SYMBOL = re.compile(rb'"symbol"\s*:\s*"([^"\\]{1,40})"')
_MOST_SYMBOLS = 20
_ALL_BUT_DIGITS = b'[]{}"priceqty:.'  # and the commas between them

Id = Annotated[int, msgspec.Meta(ge=0, le=MAX_UNITS)]


class InexactNumber(ValueError):
    """A number that cannot be a whole count of the instrument's ticks or lots."""


class ContradictoryPair(ValueError):
    """A pair whose currencies are others than its name says: whoever believed it would book the wrong ones."""


class Level(msgspec.Struct, gc=False):
    """One price of a book message; a quantity of zero deletes it."""

    price: Raw
    qty: Raw


class BookData(msgspec.Struct, gc=False):
    """A snapshot of a book, or its changes. `Levels` reads the sides."""

    symbol: str
    checksum: int
    bids: Raw = _NO_LEVELS
    asks: Raw = _NO_LEVELS
    timestamp: str = ""  # absent from snapshots until 2023


class BookMessage(msgspec.Struct, gc=False):
    """The `book` channel."""

    type: str
    data: list[BookData]


class TradeData(msgspec.Struct, gc=False):
    """One public print."""

    symbol: str
    side: str
    price: Raw
    qty: Raw
    trade_id: Id
    timestamp: str


class TradeMessage(msgspec.Struct, gc=False):
    """The `trade` channel; a snapshot repeats the last fifty. Each print is read on its own: one hides no other."""

    type: str
    data: list[Raw]


class PairData(msgspec.Struct):
    """The rules of one pair. Numbers come in exponent form here."""

    symbol: str
    base: str
    quote: str
    status: str
    price_precision: Annotated[int, msgspec.Meta(ge=0, le=MAX_DECIMALS)]
    qty_precision: Annotated[int, msgspec.Meta(ge=0, le=MAX_DECIMALS)]
    price_increment: Raw = _ABSENT
    qty_increment: Raw = _ABSENT
    qty_min: Raw = _ABSENT
    cost_min: Raw = _ABSENT


class InstrumentData(msgspec.Struct):
    """Each pair is decoded on its own, so that one odd pair hides no other."""

    pairs: list[Raw] = []


class InstrumentMessage(msgspec.Struct):
    """The `instrument` channel: `data` is an object, not a list."""

    data: InstrumentData
    type: str = ""


class CandleData(msgspec.Struct):
    """One candle; `interval` is in minutes."""

    symbol: str
    open: Raw
    high: Raw
    low: Raw
    close: Raw
    volume: Raw
    trades: Id
    interval_begin: str
    interval: int


class CandleMessage(msgspec.Struct):
    """The `ohlc` channel."""

    type: str
    data: list[CandleData]


class SymbolData(msgspec.Struct):
    """What we read of a ticker."""

    symbol: str


class TickerMessage(msgspec.Struct):
    """The `ticker` channel."""

    type: str
    data: list[SymbolData]


class StatusData(msgspec.Struct):
    """The exchange's state."""

    system: str


class StatusMessage(msgspec.Struct):
    """The `status` channel."""

    data: list[StatusData]


class AckResult(msgspec.Struct):
    """What was granted."""

    channel: str = ""
    symbol: str = ""
    depth: Annotated[int, msgspec.Meta(ge=1, le=1000)] | None = None


class Envelope(msgspec.Struct):
    """The keys by which every other message is recognised; acks and errors whole."""

    channel: str = ""
    method: str = ""
    success: bool | None = None
    req_id: Id | None = None
    symbol: str = ""
    result: AckResult | None = None
    error: str = ""
    time_in: Any = ""  # when the exchange took the request in; both are checked where they are read
    time_out: Any = ""
    capital_error: str = msgspec.field(default="", name="Error")


class Levels:
    """Reads one side of a book message for an instrument of these decimals.

    Kraken writes every number at its full declared precision: then the digits without the
    dot are the units, and a side is read whole. Any other spelling is read number by number.
    """

    __slots__ = ("_is_plain", "_plain_shapes", "_price_decimals", "_qty_decimals")

    def __init__(self, price_decimals: int, qty_decimals: int) -> None:
        self._price_decimals = price_decimals
        self._qty_decimals = qty_decimals
        level = rf'\{{"price":{_plain(price_decimals)},"qty":{_plain(qty_decimals)}\}}'
        self._is_plain = re.compile(rf"\[{level}(?:,{level})*+\]".encode()).fullmatch
        self._plain_shapes: set[bytes] = set()  # seen before: they need no second look

    def read(self, side: Raw) -> Iterable[tuple[int, int]]:
        """Return (ticks, lots) of each level, in the order in which they are written; to be gone through once.

        Raises:
            InexactNumber: a number is no whole count of ticks or lots.
            msgspec.MsgspecError: these are no levels.
        """
        text = bytes(side)
        if text == b"[]":
            return ()
        shape = text.translate(_DIGITS_ALIKE)
        if shape not in self._plain_shapes and not self._is_new_plain_shape(text, shape):
            return [
                (
                    exact_units(bytes(level.price), self._price_decimals),
                    exact_units(bytes(level.qty), self._qty_decimals),
                )
                for level in levels_in(side)
            ]
        numbers = map(int, text.translate(None, _ALL_BUT_DIGITS).split(b","))
        return zip(numbers, numbers, strict=False)

    def _is_new_plain_shape(self, text: bytes, shape: bytes) -> bool:
        if self._is_plain(text) is None:
            return False
        if len(self._plain_shapes) < _MAX_SHAPES:
            self._plain_shapes.add(shape)
        return True


def levels_in(side: Raw) -> list[Level]:
    """Return the levels of one side, each number as it is written."""
    return _levels_decoder.decode(side)


def _plain(decimals: int) -> str:
    """Return the pattern of a number with exactly so many decimals; one that matches nothing where that is not safe."""
    whole = _DIGITS_AT_ONCE - decimals
    return rf"\d{{1,{whole}}}\.\d{{{decimals}}}" if decimals and whole >= 1 else "(?!)"


@lru_cache
def levels_of(price_decimals: int, qty_decimals: int) -> Levels:
    """Return the reader for instruments of these decimals."""
    return Levels(price_decimals, qty_decimals)


def exact_units(text: bytes, decimals: int) -> int:
    """Return a non-negative JSON number as whole units of ``10 ** -decimals``.

    Raises:
        InexactNumber: not a number, negative, finer than ``decimals`` or beyond any market.
    """
    if len(text) <= MAX_DIGITS and text.isascii():
        units = None
        # At full declared precision, as Kraken writes: the digits without the dot are the units.
        if 0 < decimals < len(text) and text[-decimals - 1] == _DOT:
            digits = text.replace(b".", b"")
            units = int(digits) if digits.isdigit() else None
        if units is None:
            units = _units_of_decimal(text, decimals)
        if units <= MAX_UNITS:
            return units
    raise InexactNumber(f"number is {text[:MAX_DIGITS]!r}; expected at most {MAX_UNITS} units of 1e-{decimals}")


def counted_units(text: bytes, decimals: int) -> Count:
    """Return a number of a candle as units of ``10 ** -decimals``; a fraction where the pair had more decimals then.

    Raises:
        InexactNumber: not a number, negative, or beyond any market.
    """
    units = _bounded_decimal(text).scaleb(decimals, _exactly) if len(text) <= MAX_DIGITS else None
    if units is None or units > MAX_UNITS:
        raise InexactNumber(f"number is {text[:MAX_DIGITS]!r}; expected at most {MAX_UNITS} units of 1e-{decimals}")
    whole = int(units)
    return whole if units == whole else units


def _units_of_decimal(text: bytes, decimals: int) -> int:
    """Read exponents, lost or added trailing zeros."""
    scaled = _bounded_decimal(text).scaleb(decimals, _exactly)
    if scaled != scaled.to_integral_value(context=_exactly):
        raise InexactNumber(f"number is {text!r}; expected at most {decimals} decimals")
    return int(scaled)


def _bounded_decimal(text: bytes) -> Decimal:
    try:
        number = Decimal(text.decode())
    except (InvalidOperation, UnicodeDecodeError):
        raise InexactNumber(f"number is {text[:MAX_DIGITS]!r}; expected a JSON number") from None
    # The exponent is looked at before anything is computed: 1e999999999 must cost nothing.
    if not number.is_finite() or number < 0 or abs(number.adjusted()) > MAX_DIGITS:
        raise InexactNumber(f"number is {text[:MAX_DIGITS]!r}; expected zero or more, below 1e{MAX_DIGITS}")
    return number


def symbols_named(frame: bytes) -> list[str]:
    """Return the symbols that a message names, whether or not the rest of it can be read; the first twenty."""
    return [found.decode("ascii", "replace") for found in _SYMBOL.findall(frame)[:_MOST_SYMBOLS]]


def nanoseconds(timestamp: str) -> int:
    """Return an RFC 3339 UTC time as ns since the epoch; all nine digits count.

    Raises:
        ValueError: not such a time.
    """
    seconds, dot, fraction = timestamp.removesuffix("Z").partition(".")
    if len(seconds) != len("2026-07-07T23:00:03") or (dot and not (fraction.isascii() and fraction.isdigit())):
        raise ValueError(f"timestamp is {timestamp[:MAX_DIGITS]!r}; expected like 2026-07-07T23:00:03.501510Z")
    whole: int = timegm(datetime.fromisoformat(seconds).timetuple()) * 10**_NANOSECOND_DIGITS
    return whole + int(fraction[:_NANOSECOND_DIGITS].ljust(_NANOSECOND_DIGITS, "0"))


def instrument_of(pair: PairData) -> Instrument:
    """Return the rules that a pair's message states.

    Raises:
        InexactNumber: an increment or minimum does not fit the stated precision.
        ContradictoryPair: base and quote are not those of the symbol.
    """
    if pair.symbol != f"{pair.base}/{pair.quote}":
        raise ContradictoryPair(
            f"pair {pair.symbol!r} is said to be {pair.base!r} in {pair.quote!r}; expected what its name says"
        )
    price_increment = _units_or(pair.price_increment, pair.price_precision, 1)
    qty_increment = _units_or(pair.qty_increment, pair.qty_precision, 1)
    return Instrument(
        symbol=pair.symbol,
        base=pair.base,
        quote=pair.quote,
        price_decimals=pair.price_precision,
        qty_decimals=pair.qty_precision,
        price_increment_ticks=max(1, price_increment),
        qty_increment_lots=max(1, qty_increment),
        qty_min_lots=_units_or(pair.qty_min, pair.qty_precision, 0),
        cost_min=_bounded_decimal(bytes(pair.cost_min) or b"0"),
        status=pair.status,
    )


def _units_or(raw: Raw, decimals: int, default: int) -> int:
    text = bytes(raw)
    return exact_units(text, decimals) if text else default


_levels_decoder = msgspec.json.Decoder(list[Level])
book_decoder = msgspec.json.Decoder(BookMessage)
trade_decoder = msgspec.json.Decoder(TradeMessage)
print_decoder = msgspec.json.Decoder(TradeData)
ticker_decoder = msgspec.json.Decoder(TickerMessage)
candle_decoder = msgspec.json.Decoder(CandleMessage)
status_decoder = msgspec.json.Decoder(StatusMessage)
instrument_decoder = msgspec.json.Decoder(InstrumentMessage)
pair_decoder = msgspec.json.Decoder(PairData)
envelope_decoder = msgspec.json.Decoder(Envelope)
