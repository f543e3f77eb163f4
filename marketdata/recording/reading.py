"""Recorded markets: files of raw frames, read with the times at which their messages came."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from marketdata.framing.listener import Listener
from marketdata.framing.records import Kind
from marketdata.kraken.wire import nanoseconds
from marketdata.recording.exchange import RecordedExchange, Survey, survey
from marketdata.recording.files import InvalidRecording, is_recording_file
from marketdata.recording.folders import opened, played_records
from marketdata.recording.replay import Replay
from trading.frames import Frame

_TIMED_CHANNELS = ("book", "trade", "ticker")  # elsewhere a timestamp may be the end of a candle, yet to come
_EXCERPT_LENGTH = 60


class _Element(msgspec.Struct):
    timestamp: str = ""


class _Message(msgspec.Struct):
    channel: str = ""
    time_in: str = ""
    time_out: str = ""
    data: msgspec.Raw = msgspec.Raw(b"[]")


class _LibraryCapture(msgspec.Struct):
    """One JSON object around a snapshot and its updates (python-kraken-sdk's shape)."""

    init: msgspec.Raw
    updates: list[msgspec.Raw]


_message_decoder = msgspec.json.Decoder(_Message)
_elements_decoder = msgspec.json.Decoder(list[_Element])


def read_recording(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (time of receipt in ns, raw message) in order; times never decrease.

    A recording of a feed, one file or a folder of them, holds the times of receipt.
    A capture that holds no times of receipt uses its messages' own: the newest
    ``timestamp``, ``time_out`` or ``time_in`` so far; what comes before the first of
    them gets the first.

    Raises:
        InvalidRecording: the line at fault is named.
    """
    if is_ours(path):
        yield from ((time_ns, text) for kind, time_ns, text in played_records(path) if kind is Kind.MESSAGE)
        return
    now_ns: int | None = None
    untimed: list[bytes] = []
    for number, message in _messages(path):
        own_ns = _time_of(message, path, number)
        if own_ns is None and now_ns is None:
            untimed.append(message)
            continue
        now_ns = max(now_ns or 0, own_ns or 0)
        yield from ((now_ns, early) for early in untimed)
        untimed.clear()
        yield now_ns, message
    if now_ns is None:
        raise InvalidRecording(f"{path}: no message has a time; expected raw Kraken v2 frames, one a line")


def is_ours(path: Path) -> bool:
    """Return whether a feed has recorded this, one file or a folder of them."""
    return path.is_dir() or is_recording_file(path)


def surveyed(path: Path) -> Survey:
    """Return what a recording holds; of a feed's own only what its headers hold.

    Raises:
        InvalidRecording: it cannot be read.
    """
    if not is_ours(path):
        return survey(read_recording(path), path)
    headers = [found.header for found in opened(path) if found.header is not None]
    symbols = dict.fromkeys(symbol for header in headers for symbol in header.symbols)
    return Survey(symbols=symbols, depths={s: header.depth for header in headers for s in header.symbols})


def recorded_frames(path: Path, symbols: Iterable[str] | None = None) -> Iterator[Frame]:
    """Yield the frames that a feed cuts from this recording, byte for byte, without any socket.

    A feed's own recording gives the frames which that feed has published; ``symbols`` then
    must be left out.

    Raises:
        InvalidRecording: the file cannot be read.
    """
    if is_ours(path):
        assert symbols is None, "a feed's own recording is played whole"
        replay = Replay()
        for record in played_records(path):
            yield from replay.take(record)
        return
    exchange = RecordedExchange(survey(read_recording(path), path))
    listener = Listener(symbols or exchange.symbols, can_ask_again=False)
    listener.connected(None)
    for message in exchange.greeting():
        listener.receive(message, None)
    while requests := listener.outgoing():
        for answer in (answer for request in requests for answer in exchange.answer(request)):
            listener.receive(answer, None)
    for time_ns, message in read_recording(path):
        yield from listener.receive(message, time_ns)
    yield from listener.finish()


def _messages(path: Path) -> Iterator[tuple[int, bytes]]:
    if path.suffix == ".json":
        yield from _library_messages(path)
        return
    number = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if message := line.strip():
                    yield number, message
    except (OSError, EOFError, zlib.error) as error:
        where = f" after line {number}" if number else ""
        reason = getattr(error, "strerror", None) or error
        raise InvalidRecording(f"{path} cannot be read{where}: {reason}; expected a file of raw frames") from None


def _library_messages(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        capture = msgspec.json.decode(path.read_bytes(), type=_LibraryCapture)
    except (OSError, msgspec.MsgspecError) as error:
        raise InvalidRecording(f"{path}: {error}; expected an object with init and updates") from None
    for number, message in enumerate([capture.init, *capture.updates], start=1):
        yield number, bytes(message)


def _time_of(message: bytes, path: Path, number: int) -> int | None:
    try:
        message.decode()  # a WebSocket's text is UTF-8, or it was never sent
        parsed = _message_decoder.decode(message)
        times = [parsed.time_in, parsed.time_out]
        if parsed.channel in _TIMED_CHANNELS:
            times += [element.timestamp for element in _elements_decoder.decode(parsed.data)]
        return max((nanoseconds(text) for text in times if text), default=None)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        excerpt = message[:_EXCERPT_LENGTH].decode("ascii", "backslashreplace")
        raise InvalidRecording(
            f"{path}, line {number}: {error}; expected a raw Kraken v2 frame, got {excerpt}"
        ) from None
