"""Streams of book messages as Kraken would send them, every checksum right."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal

from trading.book import OrderBook

DEPTH = 25
BEGAN_NS = 1_783_468_800_000_000_000
STEP_NS = 2_000_000  # 500 messages a second of market time
FOUR_PAIRS = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD")
ALL_PAIRS = tuple(f"C{number}/USD" for number in range(1_450))  # as many as Kraken lists

Timed = tuple[int, bytes]
Levels = list[tuple[int, int]]


def stream(pairs: tuple[str, ...], messages: int) -> list[Timed]:
    """Return instruments, snapshots and ``messages`` updates of one to three levels, a quarter of them deletes."""
    return [(BEGAN_NS, _instruments(pairs)), *_books(pairs, messages)]


def _instruments(pairs: tuple[str, ...]) -> bytes:
    rules = '"status":"online","price_precision":2,"qty_precision":8,"cost_min":0.5,"qty_min":1e-08'
    rows = ",".join(f'{{"symbol":"{s}","base":"{s[:-4]}","quote":"USD",{rules}}}' for s in pairs)
    return f'{{"channel":"instrument","type":"snapshot","data":{{"assets":[],"pairs":[{rows}]}}}}'.encode()


def _books(pairs: tuple[str, ...], messages: int) -> Iterator[Timed]:
    dice, books = random.Random(11), {}
    for symbol in pairs:
        book = books[symbol] = OrderBook(DEPTH)
        bids = [(100_000 - 3 * n, dice.randint(10**6, 10**10)) for n in range(DEPTH)]
        asks = [(100_003 + 3 * n, dice.randint(10**6, 10**10)) for n in range(DEPTH)]
        book.apply(bids, asks)
        yield BEGAN_NS, _message("snapshot", symbol, bids, asks, book.checksum())
    for number in range(messages):
        symbol = dice.choice(pairs)
        bids, asks = [], []
        for _ in range(dice.choice((1, 1, 2, 3))):
            is_ask, away = dice.random() < 0.5, dice.randint(0, DEPTH - 1)
            ticks = 100_003 + 3 * away if is_ask else 100_000 - 3 * away
            is_delete = dice.random() < 0.24 and away
            (asks if is_ask else bids).append((ticks, 0 if is_delete else dice.randint(10**6, 10**10)))
        books[symbol].apply(bids, asks)
        yield BEGAN_NS + number * STEP_NS, _message("update", symbol, bids, asks, books[symbol].checksum())


def _message(kind: str, symbol: str, bids: Levels, asks: Levels, checksum: int) -> bytes:
    stamp = '"timestamp":"2026-07-08T00:00:00.000000Z"'
    data = f'{{"symbol":"{symbol}","bids":[{_side(bids)}],"asks":[{_side(asks)}],"checksum":{checksum},{stamp}}}'
    return f'{{"channel":"book","type":"{kind}","data":[{data}]}}'.encode()


def _side(levels: Levels) -> str:
    numbers = ((Decimal(ticks).scaleb(-2), Decimal(lots).scaleb(-8)) for ticks, lots in levels)
    return ",".join(f'{{"price":{price:.2f},"qty":{qty:.8f}}}' for price, qty in numbers)
