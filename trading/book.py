"""One instrument's order book: exact, truncated to its depth, proved by Kraken's checksum."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import partial
from typing import NamedTuple
from zlib import crc32

CHECKSUM_LEVELS = 10  # Kraken signs the best ten a side, whatever depth is subscribed


class Side(StrEnum):
    """The side of an order or of the taker in a public trade."""

    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> Side:
        """The side that this one trades against."""
        return Side.SELL if self is Side.BUY else Side.BUY


class Level(NamedTuple):
    """Everything on offer at one price."""

    ticks: int
    lots: int


_as_level: Callable[[tuple[int, int]], Level] = partial(tuple.__new__, Level)


class BookError(ValueError):
    """The book can no longer be trusted: drop it and subscribe anew."""


class ChecksumMismatch(BookError):
    """Our best levels are not the exchange's."""


class CrossedBook(BookError):
    """The best bid is not below the best ask."""


class WorthlessLevel(BookError):
    """A price of zero, or a level of a snapshot with nothing on offer."""


class _BookSide:
    """One side, best first: parallel lists sorted by a key that grows away from the touch."""

    __slots__ = ("keys", "levels", "sign", "signed", "tokens")

    def __init__(self, sign: int) -> None:
        self.sign = sign  # +1 asks, -1 bids: key = sign * ticks ascends from the touch
        self.keys: list[int] = []
        self.levels: list[Level] = []
        self.tokens: list[str] = []  # each level as the checksum spells it, cut once
        self.signed: bytes | None = b""  # what the checksum covers; None after it has changed

    def apply(self, levels: Iterable[tuple[int, int]], depth: int) -> None:
        """Set each level in turn (zero lots removes it; an absent one is fine), then cut to ``depth``."""
        # The hottest loop of the feed: no call that can be spared.
        keys, all_levels, tokens, sign = self.keys, self.levels, self.tokens, self.sign
        for level in levels:
            ticks, lots = level
            key = sign * ticks
            at = bisect_left(keys, key)
            if at < len(keys) and keys[at] == key:
                if lots:
                    all_levels[at], tokens[at] = _as_level(level), f"{ticks}{lots}"
                else:
                    del keys[at], all_levels[at], tokens[at]
            elif lots:
                keys.insert(at, key)
                all_levels.insert(at, _as_level(level))
                tokens.insert(at, f"{ticks}{lots}")
            if at < CHECKSUM_LEVELS:
                self.signed = None
        if len(keys) > depth:
            del keys[depth:], all_levels[depth:], tokens[depth:]


class OrderBook:
    """A mutable book of integer levels.

    Kraken's rules (WebSocket v2 `book`): a quantity is absolute, zero deletes;
    updates within a message are unordered and may touch a price twice, so they are
    applied in sequence; levels pushed below the subscribed depth are *not* deleted
    by a message, the receiver truncates.
    """

    __slots__ = ("_asks", "_bids", "_checksum", "depth")

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self._asks = _BookSide(+1)
        self._bids = _BookSide(-1)
        self._checksum = 0  # of what both sides have signed

    def apply(self, bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]]) -> None:
        """Apply one whole message of (ticks, lots) levels, then truncate."""
        if bids:
            self._bids.apply(bids, self.depth)
        if asks:
            self._asks.apply(asks, self.depth)

    def checksum(self) -> int:
        """Return the CRC-32 of the best ten asks and bids, as Kraken computes it."""
        asks, bids = self._asks, self._bids
        if asks.signed is None or bids.signed is None:
            if asks.signed is None:
                asks.signed = "".join(asks.tokens[:CHECKSUM_LEVELS]).encode()
            if bids.signed is None:
                bids.signed = "".join(bids.tokens[:CHECKSUM_LEVELS]).encode()
            self._checksum = crc32(bids.signed, crc32(asks.signed))
        return self._checksum

    def verify(self, expected: int) -> None:
        """Check the book against the exchange's checksum.

        Raises:
            ChecksumMismatch: the levels differ.
            WorthlessLevel: a price is zero.
            CrossedBook: the levels agree but the best bid is not below the best ask;
                such books have been seen to pass the checksum (XChange#4239).
        """
        actual = self.checksum()
        if actual != expected:
            raise ChecksumMismatch(f"checksum is {actual}; the exchange says {expected}")
        bids, asks = self._bids.keys, self._asks.keys
        if (asks and asks[0] <= 0) or (bids and bids[-1] >= 0):
            raise WorthlessLevel("a price is 0 ticks; expected 1 or more")
        if bids and asks and -bids[0] >= asks[0]:
            raise CrossedBook(f"best bid {-bids[0]} is not below best ask {asks[0]} (ticks)")

    def top(self, count: int) -> BookTop:
        """Return an immutable copy of the best ``count`` levels a side."""
        return BookTop(tuple(self._bids.levels[:count]), tuple(self._asks.levels[:count]))


class BookTop(NamedTuple):
    """The visible part of a book at one moment, best first; immutable."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]

    @property
    def best_bid(self) -> Level | None:
        """The highest bid, or None when nobody bids."""
        return self.bids[0] if self.bids else None

    @property
    def best_ask(self) -> Level | None:
        """The lowest ask, or None when nobody offers."""
        return self.asks[0] if self.asks else None

    def opposite(self, side: Side) -> tuple[Level, ...]:
        """Return the levels that an order of ``side`` would take, best first."""
        return self.asks if side is Side.BUY else self.bids

    def own(self, side: Side) -> tuple[Level, ...]:
        """Return the levels that an order of ``side`` would queue in, best first."""
        return self.bids if side is Side.BUY else self.asks

    def lots_at(self, side: Side, ticks: int) -> int:
        """Return what is displayed at ``ticks`` on ``side``, zero if nothing is visible there."""
        for at, lots in self.own(side):
            if at == ticks:
                return lots
        return 0

    def sweep(self, side: Side, lots: int, *, limit_ticks: int | None = None) -> list[Level]:
        """Return the levels that an order of ``side`` for ``lots`` would take now.

        Best price first; the last level is cut to what is taken; stops at
        ``limit_ticks`` (inclusive). May hold less than ``lots``: the visible depth,
        or the limit, ended first.
        """
        taken: list[Level] = []
        for level in self.opposite(side):
            beyond = limit_ticks is not None and (
                level.ticks > limit_ticks if side is Side.BUY else level.ticks < limit_ticks
            )
            if lots == 0 or beyond:
                break
            part = min(lots, level.lots)
            taken.append(Level(level.ticks, part))
            lots -= part
        return taken
