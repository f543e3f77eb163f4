r"""One file of a recording: how it is laid out, written and read.

::

    89 'PADREC' 0A                   eight bytes that no text begins with
    version, header length           big-endian, two and four bytes
    header                           JSON: see `Header`
    zstd frames, one after another   flushed twice a second; together they hold records,
                                     each `kind, time, length, payload`: see `records`

The first record is the listener's MEMORY: every file can be played without those before it.
The last is END. A file without it is torn (a crash, a full disk) or still being written: all
that stands before the tear is read.
"""

from __future__ import annotations

import hashlib
import logging
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec
import zstandard

from marketdata.framing.records import InvalidRecord, Kind, Record, decode_record, encode_record

SUFFIX = ".paddock"
MAGIC = b"\x89PADREC\n"
VERSION = 1
_VERSION_AND_LENGTH = struct.Struct(">HI")
_MAX_HEADER_BYTES = 1 << 22
_READ_BYTES = 1 << 16
_ZSTD_FRAME_BYTES = 1 << 24  # of records; a damaged byte costs the rest of its zstd frame
_ZSTD_LEVEL = 3
_MAX_WINDOW_BYTES = 1 << 27

_log = logging.getLogger("feed")


class InvalidRecording(ValueError):
    """A file that is not a recording, or is one no further than the place named."""


class Header(msgspec.Struct, kw_only=True):
    """The head of a file, before any record."""

    market: str
    symbols: tuple[str, ...]
    depth: int  # levels a side that were requested
    started_ns: int  # of the file
    run: int  # the feed process: when it began to record, ns
    number: int  # of the file in its run, from zero
    first_record: int  # how many records of the run came before, the dropped ones included


_header_decoder = msgspec.json.Decoder(Header)


class RecordingWriter:
    """Appends records to a new file. Not for the thread that listens."""

    def __init__(self, path: Path, header: Header) -> None:
        """Begin the file.

        Raises:
            OSError: it cannot be written, or is there already.
        """
        self.path = path
        self.bytes = 0  # written so far
        self._digest = hashlib.sha256()
        self._compressor = zstandard.ZstdCompressor(level=_ZSTD_LEVEL, write_checksum=True)
        self._stream = self._compressor.compressobj()
        self._in_zstd_frame = 0
        self._file: IO[bytes] = path.open("xb", buffering=0)
        text = msgspec.json.encode(header)
        self._put(MAGIC + _VERSION_AND_LENGTH.pack(VERSION, len(text)) + text)

    @property
    def file(self) -> IO[bytes]:
        """The open file, for a lock."""
        return self._file

    def write(self, records: list[Record]) -> None:
        """Append ``records``; they can be read at the latest after the next ``flush``."""
        data = b"".join(map(encode_record, records))
        self._in_zstd_frame += len(data)
        self._put(self._stream.compress(data))

    def flush(self) -> None:
        """Hand everything to the system: what is written now survives the end of this process."""
        if self._in_zstd_frame >= _ZSTD_FRAME_BYTES:
            self._put(self._stream.flush(zstandard.COMPRESSOBJ_FLUSH_FINISH))
            self._stream, self._in_zstd_frame = self._compressor.compressobj(), 0
        elif self._in_zstd_frame:
            self._put(self._stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))

    def finish(self, time_ns: int) -> str:
        """Write the end and close; return the file's sha256."""
        self.write([Record(Kind.END, time_ns)])
        self._put(self._stream.flush(zstandard.COMPRESSOBJ_FLUSH_FINISH))
        self.close()
        return self._digest.hexdigest()

    def close(self) -> None:
        """Close the file as it is."""
        self._file.close()

    def _put(self, data: bytes) -> None:
        view = memoryview(data)
        while view:  # a raw file may take less than all
            written = self._file.write(view)
            self._digest.update(view[:written])
            self.bytes += written or 0
            view = view[written:]


class RecordingFile:
    """A file to be read; ``is_torn`` is known once its records were."""

    def __init__(self, path: Path) -> None:
        """Read the header.

        Raises:
            InvalidRecording: the file cannot be read, or is no recording.
        """
        self.path = path
        self.is_torn = False
        self.header: Header | None = None  # None when the file was torn within it
        self._begin = 0
        try:
            with path.open("rb") as file:
                self._read_header(file)
        except OSError as error:
            raise InvalidRecording(f"{path} cannot be read: {error}") from None

    def _read_header(self, file: IO[bytes]) -> None:
        magic = file.read(len(MAGIC))
        if not MAGIC.startswith(magic):
            raise InvalidRecording(f"{self.path}, byte 0: {magic!r}; expected a recording, which begins with {MAGIC!r}")
        sizes = file.read(_VERSION_AND_LENGTH.size)
        if len(sizes) < _VERSION_AND_LENGTH.size:
            return
        version, length = _VERSION_AND_LENGTH.unpack(sizes)
        at = len(MAGIC)
        if version != VERSION or length > _MAX_HEADER_BYTES:
            raise InvalidRecording(
                f"{self.path}, byte {at}: version {version}, header of {length} bytes; expected version {VERSION}"
            )
        text = file.read(length)
        if len(text) < length:
            return
        at += len(sizes)
        try:
            self.header = _header_decoder.decode(text)
        except (msgspec.MsgspecError, ValueError) as error:
            raise InvalidRecording(f"{self.path}, byte {at}: {error}; expected a recording's header") from None
        self._begin = at + length

    def records(self) -> Iterator[Record]:
        """Yield the records up to the end or the tear.

        Raises:
            InvalidRecording: the file holds what no feed has written; the place is named.
        """
        count, rest, self.is_torn = 0, b"", True
        for at, data in self._decompressed():
            rest, read_to = rest + data, 0
            try:
                while (found := decode_record(rest, read_to)) is not None:
                    record, read_to = found
                    if record.kind is Kind.END:
                        self.is_torn = False
                        return
                    count += 1
                    yield record
            except InvalidRecord as error:
                raise InvalidRecording(f"{self.path}, byte {at}: {error}") from None
            rest = rest[read_to:]
        _log.warning("%s is torn: it ends after %s records, without the end that a feed writes", self.path, count)

    def _decompressed(self) -> Iterator[tuple[int, bytes]]:
        """Yield pieces of the stream of records, each with the place in the file where it was found."""
        if self.header is None:
            return
        decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
        stream = decompressor.decompressobj()
        at = self._begin
        try:
            with self.path.open("rb") as file:
                file.seek(at)
                while data := file.read(_READ_BYTES):
                    while data:
                        yield at, stream.decompress(data)
                        data = stream.unused_data if stream.eof else b""
                        if stream.eof:
                            stream = decompressor.decompressobj()
                    at = file.tell()
        except zstandard.ZstdError as error:
            raise InvalidRecording(f"{self.path}, byte {at}: {error}; expected zstd-compressed records") from None
        except OSError as error:
            raise InvalidRecording(f"{self.path} cannot be read after byte {at}: {error}") from None


def is_recording_file(path: Path) -> bool:
    """Return whether a file begins as ours do."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False
