"""Recordings for tests, made without a feed."""

from __future__ import annotations

from pathlib import Path

from marketdata.framing.listener import Listener
from marketdata.framing.records import Kind, Record
from marketdata.recording.exchange import RecordedExchange, survey
from marketdata.recording.files import Header, RecordingWriter
from marketdata.recording.reading import read_recording
from tests.marketdata.wire import CAPTURE_2026, NOON_NS
from trading.frames import Frame

TICK_NS = 100_000_000
DEPTH = 10  # of the captured books


def make_header(market: str = "simulated:1", *, number: int = 0, first_record: int = 0, run: int = NOON_NS) -> Header:
    return Header(
        market=market,
        symbols=("BTC/USD", "ETH/USD"),
        depth=25,
        started_ns=NOON_NS + number,
        run=run,
        number=number,
        first_record=first_record,
    )


def write_file(
    path: Path, records: list[Record], *, flush_every: int = 3, finish: bool = True, **header: object
) -> Path:
    """Write a recording; its records are flushed in small batches, as a feed flushes them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = RecordingWriter(path, make_header(**header))
    for at in range(0, len(records), flush_every):
        writer.write(records[at : at + flush_every])
        writer.flush()
    writer.finish(records[-1].time_ns if records else NOON_NS) if finish else writer.close()
    return path


def captured_day() -> list[Record]:
    """Return the captured day as a feed would have been played it, an outage in its middle."""
    messages = list(read_recording(CAPTURE_2026))
    exchange = RecordedExchange(survey(messages, CAPTURE_2026))
    first_ns = messages[0][0]

    def connection(time_ns: int) -> list[Record]:
        listener = Listener(exchange.symbols, depth=DEPTH, can_ask_again=False)
        listener.connected(None)
        played = [Record(Kind.CONNECTED, time_ns)]
        while requests := listener.outgoing():
            for answer in (answer for request in requests for answer in exchange.answer(request)):
                listener.receive(answer, None)
                played.append(Record(Kind.MESSAGE, time_ns, answer))
        return played

    records, looked_ns = connection(first_ns), first_ns
    for number, (time_ns, message) in enumerate(messages):
        if number == len(messages) // 2:
            records += [Record(Kind.TIME, time_ns), Record(Kind.DISCONNECTED, time_ns, b"the line was cut")]
            records += connection(time_ns + 5 * TICK_NS)
            break
        while time_ns - looked_ns >= TICK_NS:  # a feed reads its clock at every boundary
            looked_ns += TICK_NS
            records.append(Record(Kind.TIME, looked_ns))
        records.append(Record(Kind.MESSAGE, time_ns, message))
        if number % 40 == 0:
            records += [Record(Kind.CHECK, time_ns), Record(Kind.PING, time_ns)]
    snapshots = [message for _, message in messages if b'"snapshot"' in message]
    later_ns = records[-1].time_ns + TICK_NS
    records += [Record(Kind.MESSAGE, later_ns, message) for message in snapshots]
    return [*records, Record(Kind.TIME, later_ns + 5 * TICK_NS)]


def fresh_listener(**options: object) -> Listener:
    return Listener(("BTC/USD", "ETH/USD"), depth=DEPTH, **options)


def played(listener: Listener, records: list[Record]) -> list[Frame]:
    return [frame for record in records for frame in listener.take(record)]
