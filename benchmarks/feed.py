"""From bytes to verified books to frames, on one core: messages a second, and where the time goes.

Two streams: one generated (four pairs, depth 25, every checksum right), and, where it lies
beside the project, the real capture of 2026-07-07.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from benchmarks._reporting import rates, report
from marketdata.health import FeedHealth
from marketdata.kraken import wire
from marketdata.listening import Listener
from marketdata.recorded_exchange import RecordedExchange, survey
from marketdata.recordings import read_recording
from trading.book import OrderBook
from trading.frames import encode_frame

MESSAGES = 60_000
DEPTH = 25
BEGAN_NS = 1_783_468_800_000_000_000
STEP_NS = 2_000_000  # 500 messages a second of market time
PAIRS = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD")
CAPTURE = Path(__file__).parents[2] / "shared" / "data" / "kraken_v2_capture" / "live-btc-eth.ndjson"

Timed = tuple[int, bytes]


def instrument_frame() -> bytes:
    """Return the exchange's word on the four pairs."""
    rules = '"status":"online","price_precision":2,"qty_precision":8,"cost_min":0.5,"qty_min":1e-08'
    pairs = ",".join(f'{{"symbol":"{s}","base":"{s[:3]}","quote":"USD",{rules}}}' for s in PAIRS)
    return f'{{"channel":"instrument","type":"snapshot","data":{{"assets":[],"pairs":[{pairs}]}}}}'.encode()


def _side(levels: list[tuple[int, int]]) -> str:
    numbers = ((Decimal(ticks).scaleb(-2), Decimal(lots).scaleb(-8)) for ticks, lots in levels)
    return ",".join(f'{{"price":{price:.2f},"qty":{qty:.8f}}}' for price, qty in numbers)


def _book_frame(kind: str, symbol: str, bids: list[tuple[int, int]], asks: list[tuple[int, int]], crc: int) -> bytes:
    stamp = '"timestamp":"2026-07-08T00:00:00.000000Z"'
    data = f'{{"symbol":"{symbol}","bids":[{_side(bids)}],"asks":[{_side(asks)}],"checksum":{crc},{stamp}}}'
    return f'{{"channel":"book","type":"{kind}","data":[{data}]}}'.encode()


def generated() -> list[Timed]:
    """Return a stream as Kraken would send it: one to three levels a message, a quarter of them deletes."""
    dice, books, stream = random.Random(11), {}, [(BEGAN_NS, instrument_frame())]
    for symbol in PAIRS:
        book = books[symbol] = OrderBook(DEPTH)
        bids = [(100_000 - 3 * n, dice.randint(10**6, 10**10)) for n in range(DEPTH)]
        asks = [(100_003 + 3 * n, dice.randint(10**6, 10**10)) for n in range(DEPTH)]
        book.apply(bids, asks)
        stream.append((BEGAN_NS, _book_frame("snapshot", symbol, bids, asks, book.checksum())))
    for number in range(MESSAGES):
        symbol = dice.choice(PAIRS)
        sides: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
        for _ in range(dice.choice((1, 1, 2, 3))):
            is_ask, away = dice.random() < 0.5, dice.randint(0, DEPTH - 1)
            ticks = 100_003 + 3 * away if is_ask else 100_000 - 3 * away
            sides[is_ask].append((ticks, 0 if dice.random() < 0.24 and away else dice.randint(10**6, 10**10)))
        books[symbol].apply(*sides)
        crc = books[symbol].checksum()
        stream.append((BEGAN_NS + number * STEP_NS, _book_frame("update", symbol, *sides, crc)))
    return stream


def converse(listener: Listener, exchange: RecordedExchange) -> None:
    """Let the exchange greet, and answer what is asked of it."""
    for message in exchange.greeting():
        listener.hear(message, None)
    while requests := listener.outgoing():
        for answer in (answer for request in requests for answer in exchange.answer(request)):
            listener.hear(answer, None)


def heard(stream: list[Timed], symbols: tuple[str, ...], exchange: RecordedExchange | None) -> Callable[[], int]:
    """Return work that hears the stream through protocol and framing, and checks that every checksum held."""

    def work() -> int:
        health = FeedHealth(started_ns=stream[0][0])
        listener = Listener(symbols, can_ask_again=False, witness=health.witness)
        listener.connected(stream[0][0])
        if exchange is not None:
            converse(listener, exchange)
        for time_ns, message in stream:
            listener.hear(message, time_ns)
        books = sum(message.startswith(b'{"channel":"book"') for _, message in stream)
        assert health.checksums_verified == books, f"{health.checksums_verified} of {books} checksums held"
        return len(stream)

    return work


def split(stream: list[Timed]) -> dict[str, dict[str, float]]:
    """Return the rates of the stages alone, over the same messages."""
    updates = [message for _, message in stream if message.startswith(b'{"channel":"book","type":"update"')]
    decoded = [wire.book_decoder.decode(message).data[0] for message in updates]
    in_units = [
        [
            [(wire.exact_units(bytes(v.price), 2), wire.exact_units(bytes(v.qty), 8)) for v in side]
            for side in (d.bids, d.asks)
        ]
        for d in decoded
    ]
    book = OrderBook(DEPTH)
    return {
        "decode_per_s": rates(lambda: len([wire.book_decoder.decode(message) for message in updates]), 3),
        "apply_per_s": rates(lambda: len([book.apply(bids, asks) for bids, asks in in_units]), 3),
        "checksum_per_s": rates(lambda: len([book.checksum() for _ in updates]), 3),
    }


def main() -> None:
    """Measure and report."""
    stream = generated()
    figures: dict[str, dict[str, float] | float] = {
        "messages_per_s": rates(heard(stream, PAIRS, None)),
        **split(stream),
    }
    listener = Listener(PAIRS, can_ask_again=False)
    listener.connected(stream[0][0])
    frames = [frame for time_ns, message in stream for frame in listener.hear(message, time_ns)]
    figures["frames_encoded_per_s"] = rates(lambda: len([encode_frame(frame) for frame in frames]), 3)
    if CAPTURE.is_file():
        exchange = RecordedExchange(survey(read_recording(CAPTURE), CAPTURE))
        recorded = list(read_recording(CAPTURE))
        figures["capture_messages_per_s"] = rates(heard(recorded, tuple(exchange.symbols), exchange))
    report("feed", figures, ("msgspec",))


if __name__ == "__main__":
    main()
