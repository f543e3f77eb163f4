"""From bytes to verified books to frames, on one core: messages a second, and where the time goes.

Streams: four pairs at depth 25 as a generator writes them, every pair that Kraken lists, and,
where it lies beside the project, the real capture of 2026-07-07. Every checksum is verified.
Frames go to a Valkey of the benchmark's own. ``socket_messages_per_s`` is what the feed's own
client takes through a WebSocket on loopback, from a process that sends as fast as it can.
"""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks._exchange import sending
from benchmarks._reporting import rates, report
from benchmarks._streams import ALL_PAIRS, DEPTH, FOUR_PAIRS, STEP_NS, Timed, stream
from marketdata.feed.health import FeedHealth
from marketdata.framing.listener import Listener
from marketdata.kraken import wire
from marketdata.kraken.client import KrakenClient
from marketdata.recording.exchange import RecordedExchange, survey
from marketdata.recording.reading import read_recording
from tests.services import start_services, stop_services
from trading.book import OrderBook
from trading.frames import Frame, encode_frame

MESSAGES = 60_000
SOCKET_MESSAGES = 300_000
LONG_RUN = 5_000_000
CAPTURE = Path(__file__).parents[2] / "shared" / "data" / "kraken_v2_capture" / "live-btc-eth.ndjson"


def converse(listener: Listener, exchange: RecordedExchange) -> None:
    """Let the exchange greet, and answer each request."""
    for message in exchange.greeting():
        listener.receive(message, None)
    while requests := listener.outgoing():
        for answer in (answer for request in requests for answer in exchange.answer(request)):
            listener.receive(answer, None)


def listening(messages: list[Timed], symbols: tuple[str, ...]) -> tuple[Listener, FeedHealth]:
    """Return a listener that has just been connected, and who counts for it."""
    health = FeedHealth(started_ns=messages[0][0])
    listener = Listener(symbols, can_ask_again=False, observer=health.observe)
    listener.connected(messages[0][0])
    return listener, health


def received(messages: list[Timed], symbols: tuple[str, ...], exchange: RecordedExchange | None) -> Callable[[], int]:
    """Return work that receives the stream through protocol and framing, and checks that every checksum held."""
    books = sum(message.startswith(b'{"channel":"book"') for _, message in messages)

    def work() -> int:
        listener, health = listening(messages, symbols)
        if exchange is not None:
            converse(listener, exchange)
        for time_ns, message in messages:
            listener.receive(message, time_ns)
        assert health.checksums_verified == books, f"{health.checksums_verified} of {books} checksums held"
        return len(messages)

    return work


def split(messages: list[Timed]) -> dict[str, dict[str, float]]:
    """Return the rates of the stages alone, in messages a second over the same messages."""
    updates = [message for _, message in messages if message.startswith(b'{"channel":"book","type":"update"')]
    levels = wire.levels_of(2, 8)

    def sides(message: bytes) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        data = wire.book_decoder.decode(message).data[0]
        return list(levels.read(data.bids)), list(levels.read(data.asks))

    def decoded() -> int:
        for message in updates:  # nothing is kept: the collector's work on heaps is not the decoder's
            sides(message)
        return len(updates)

    in_units = [sides(message) for message in updates]

    def applied(*, is_signed: bool) -> int:
        book = OrderBook(DEPTH)
        for bids, asks in in_units:
            book.apply(bids, asks)
            if is_signed:
                book.checksum()
        return len(in_units)

    return {
        "decode_per_s": rates(decoded, 3),
        "apply_per_s": rates(lambda: applied(is_signed=False), 3),
        "apply_and_checksum_per_s": rates(lambda: applied(is_signed=True), 3),
    }


def frames_of(messages: list[Timed], symbols: tuple[str, ...]) -> list[Frame]:
    """Return the frames of a stream."""
    listener, _ = listening(messages, symbols)
    return [frame for time_ns, message in messages for frame in listener.receive(message, time_ns)]


def publishing(frames: list[Frame]) -> dict[str, dict[str, float]]:
    """Return how many frames a second are encoded, and put on the bus."""
    from marketdata import bus

    def published() -> int:
        bus.redis_client().flushall()
        for at in range(0, len(frames), 100):
            bus.publish("simulated:1", frames[at : at + 100])
        return len(frames)

    def encoded() -> int:
        for frame in frames:
            encode_frame(frame)
        return len(frames)

    return {
        "frames_encoded_per_s": rates(encoded, 3),
        "frames_published_per_s": rates(published, 3),
    }


class _Listener:
    """Receives as the feed does, and ends when the stream does."""

    reconnect_reason = ""

    def __init__(self, messages: list[Timed], symbols: tuple[str, ...]) -> None:
        self.began_s = self.ended_s = 0.0
        self._times_ns = iter([time_ns for time_ns, _ in messages])
        self._left = len(messages)
        self._messages, self._symbols = messages, symbols
        self.listener, self.health = listening(messages, symbols)
        self.is_done = asyncio.Event()

    def connected(self) -> None:
        self.listener.connected(self._messages[0][0])
        self.began_s = time.perf_counter()

    def receive(self, message: bytes) -> None:
        for frame in self.listener.receive(message, next(self._times_ns)):
            encode_frame(frame)
        self._left -= 1
        if self._left == 0:
            self.ended_s = time.perf_counter()
            self.is_done.set()

    def receive_binary(self, message: bytes) -> None:
        raise AssertionError(f"{len(message)} bytes that were not sent")

    def outgoing(self) -> list[bytes]:
        return []

    def ping(self) -> None:
        pass

    def disconnected(self, reason: str) -> None:
        assert self.is_done.is_set(), reason

    def catch_up(self) -> Awaitable[None] | None:
        return None

    async def may_connect(self) -> None:
        pass


def through_a_socket(messages: list[Timed], symbols: tuple[str, ...], url: str) -> Callable[[], float]:
    """Return work that receives the stream through the feed's own client; it returns messages a second."""

    async def receive_all(listener: _Listener) -> None:
        client = asyncio.create_task(KrakenClient(url, listener, reconnects=False).run())
        await listener.is_done.wait()
        client.cancel()

    def work() -> float:
        listener = _Listener(messages, symbols)
        asyncio.run(receive_all(listener))
        books = len(messages) - 1
        verified = listener.health.checksums_verified
        assert verified == books, f"{verified} of {books} checksums held"
        return len(messages) / (listener.ended_s - listener.began_s)

    return work


def socket_rates(repeats: int = 3) -> dict[str, float]:
    """Return the rate through the real socket, several times over."""
    messages = stream(FOUR_PAIRS, SOCKET_MESSAGES)
    with sending([message for _, message in messages]) as url:
        work = through_a_socket(messages, FOUR_PAIRS, url)
        found = sorted(work() for _ in range(repeats))
    return {"median": round(found[len(found) // 2]), "least": round(found[0]), "most": round(found[-1])}


def long_run(messages: list[Timed], symbols: tuple[str, ...]) -> dict[str, float]:
    """Receive five million messages; return the process's memory after one million and after all, MiB."""
    listener, _ = listening(messages, symbols)
    length_ns = len(messages) * STEP_NS
    rss: list[float] = []
    for number in range(LONG_RUN // len(messages) + 1):
        if number in (LONG_RUN // 5 // len(messages), LONG_RUN // len(messages)):
            rss.append(int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20)
        for time_ns, message in messages:
            listener.receive(message, time_ns + number * length_ns)
    return {"after_1m": round(rss[0], 1), "after_5m": round(rss[1], 1)}


def main() -> None:
    """Measure and report."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradingsite.settings")
    start_services()
    try:
        import django

        django.setup()
        four, every = stream(FOUR_PAIRS, MESSAGES), stream(ALL_PAIRS, MESSAGES)
        figures: dict[str, dict[str, float] | float] = {
            "messages_per_s": rates(received(four, FOUR_PAIRS, None)),
            "socket_messages_per_s": socket_rates(),
            **split(four),
            **publishing(frames_of(four, FOUR_PAIRS)),
            "all_pairs_messages_per_s": rates(received(every, ALL_PAIRS, None), 3),
            "rss_mib": long_run(four, FOUR_PAIRS),
        }
        if CAPTURE.is_file():
            exchange = RecordedExchange(survey(read_recording(CAPTURE), CAPTURE))
            recorded = list(read_recording(CAPTURE))
            figures["capture_messages_per_s"] = rates(received(recorded, tuple(exchange.symbols), exchange))
        report("feed", figures, ("msgspec", "websockets"))
    finally:
        stop_services()


if __name__ == "__main__":
    main()
