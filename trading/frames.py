"""A frame: all that changed on the market in one interval, and the only input of a worker."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from trading.book import BookTop, Side
from trading.instruments import Instrument

FRAME_INTERVAL_MS = 100
FRAME_DEPTH = 25  # levels a side that a frame carries
KEYFRAME_INTERVAL_MS = 5_000
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000

STALE = "stale"  # a status of ours beside the exchange's: we do not know this symbol's book


# Ticks or lots of a candle: whole, but where the instrument had more decimals when they were traded. Never rounded.
Count = int | Decimal
CandleCounts = tuple[int, Count, Count, Count, Count, Count, int]  # start ns, open, high, low, close, volume, trades


class UnknownFrame(ValueError):
    """Bytes that are not a frame of ours."""


class Trade(msgspec.Struct, frozen=True, array_like=True):
    """One public print. ``side`` is the taker's; ``trade_id`` counts up by one per symbol."""

    symbol: str
    trade_id: int
    side: Side
    ticks: int
    lots: int
    time_ns: int  # the exchange's timestamp, ns since the epoch


class History(msgspec.Struct, frozen=True, array_like=True):
    """Closed candles of a symbol from before we watched, or from a stretch that we missed.

    Prices and volume are in ticks and lots.
    """

    symbol: str
    timeframe: str
    candles: tuple[CandleCounts, ...]


class Gap(msgspec.Struct, frozen=True, array_like=True):
    """A stretch of market time that nobody watched: (from, to] in ns since the epoch."""

    from_ns: int
    to_ns: int
    reason: str


class Frame(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What changed between two epoch-aligned boundaries.

    ``sequence`` is the boundary's number since the epoch (``time_ns`` divided by the
    interval), so a restarted feed can neither reuse nor skip one unseen: consecutive
    frames differ by one unless ``gap`` says otherwise.

    A frame speaks one language: all that it says of a symbol is counted in the decimals of the newest of
    ``instruments``, its own included. Where they differ from those before, whoever holds ticks or lots counts
    them anew (`trading.recount`) before anything else of the frame is taken in.
    """

    sequence: int
    time_ns: int  # the boundary that closes the frame
    books: dict[str, BookTop] = {}  # top levels of each book that changed; all of them in a keyframe
    trades: tuple[Trade, ...] = ()
    late: tuple[Trade, ...] = ()  # prints received after newer ones, or missed and repaired: they fill no order
    statuses: dict[str, str] = {}  # symbol -> instrument status or "stale", when changed; all in a keyframe
    system: str = ""  # exchange status (online, maintenance, cancel_only, post_only), when changed or keyframe
    instruments: tuple[Instrument, ...] = ()  # rules that changed; all of them in a keyframe
    renumbered: tuple[str, ...] = ()  # symbols whose trade ids begin anew with this frame's prints
    history: tuple[History, ...] = ()  # counts as of this frame, for those who live through it and who come later
    gap: Gap | None = None
    is_keyframe: bool = False


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Frame)


def encode_frame(frame: Frame) -> bytes:
    """Return the frame as msgpack; equal frames give equal bytes."""
    return _encoder.encode(frame)


def decode_frame(data: bytes) -> Frame:
    """Return the frame that ``encode_frame`` wrote.

    Raises:
        UnknownFrame: the bytes are not such a frame.
    """
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, ValueError) as error:
        raise UnknownFrame(f"{len(data)} bytes are not a frame: {error}") from error


def sequence_at(time_ns: int, interval_ms: int = FRAME_INTERVAL_MS) -> int:
    """Return the number of the frame that holds a message received at ``time_ns``."""
    return time_ns // (interval_ms * NS_PER_MS) + 1


def utc(time_ns: int) -> datetime:
    """Return ``time_ns`` as an aware UTC datetime (microseconds; the rest is cut)."""
    seconds, rest = divmod(time_ns, NS_PER_S)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1_000)
