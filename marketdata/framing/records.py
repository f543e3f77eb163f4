"""The inputs of a feed, one record each: the only thing that a recording is made of.

A listener's frames depend on its inputs and their times, and on nothing else. So every call
that changes it is a record, not only the exchange's messages: given the same records, a second
listener cuts the same frames, byte for byte.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple

RECORD_HEAD = struct.Struct(">BQI")  # kind, time in ns since the epoch, length of the payload
MAX_PAYLOAD_BYTES = 1 << 28  # more was never written: a length that got damaged


class Kind(IntEnum):
    """The kind of input; the payload of those that have one is named beside it."""

    MEMORY = 1  # what the listener knew before the next record, encoded by `ListenerMemory`
    CONNECTED = 2  # a new connection, which remembers nothing
    MESSAGE = 3  # the text as it came
    TIME = 4  # the clock was read: frames that were over were closed
    CHECK = 5  # overdue answers were checked
    PING = 6  # a ping was queued; it takes a request's number
    DISCONNECTED = 7  # the reason
    FRAMES_LOST = 8  # the reason: frames that were cut never reached the stream
    END = 9  # the file was finished, not torn


class InvalidRecord(ValueError):
    """Bytes that are not a record."""


class Record(NamedTuple):
    """One input of a feed."""

    kind: Kind
    time_ns: int  # since the epoch, by the feed's clock
    payload: bytes = b""


def encode_record(record: Record) -> bytes:
    """Return the record as it stands in a file, its length in front."""
    kind, time_ns, payload = record
    return RECORD_HEAD.pack(kind, time_ns, len(payload)) + payload


def decode_record(data: bytes, at: int = 0) -> tuple[Record, int] | None:
    """Return the record that begins at ``at`` and where the next one does, None when its end is not there yet.

    Raises:
        InvalidRecord: no record begins like this.
    """
    if len(data) - at < RECORD_HEAD.size:
        return None
    number, time_ns, length = RECORD_HEAD.unpack_from(data, at)
    if not Kind.MEMORY <= number <= Kind.END or length > MAX_PAYLOAD_BYTES:
        raise InvalidRecord(f"a record of kind {number} and {length} bytes; expected a kind from 1 to {Kind.END.value}")
    begin, end = at + RECORD_HEAD.size, at + RECORD_HEAD.size + length
    return (Record(Kind(number), time_ns, bytes(data[begin:end])), end) if end <= len(data) else None
