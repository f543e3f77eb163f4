"""A REST body read as it comes: unpacked, bounded in size and in time, whoever sends it."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator

MAX_BYTES = 32 << 20  # unpacked
CHUNK_BYTES = 1 << 16  # unpacked at once
WITHIN_S = 30.0  # from the first byte to the last
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class BadBody(ValueError):
    """A body that is damaged, too large, too slow, or packed in a way that was not requested."""


def read_body(
    chunks: Iterator[bytes], encoding: str, *, max_bytes: int = MAX_BYTES, clock: Callable[[], float] = time.monotonic
) -> bytes:
    """Return the body that comes as ``chunks``, unpacked by its content ``encoding``.

    No more than ``max_bytes`` are ever unpacked, however small the packed body is.

    Raises:
        BadBody: it cannot be read.
    """
    if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise BadBody(f"content encoding is {encoding[:40]!r}; expected gzip or none")
    unpack = None if encoding in ("", "identity") else zlib.decompressobj(_GZIP_OR_ZLIB)
    until_s, body = clock() + WITHIN_S, bytearray()
    for chunk in chunks:
        for part in [chunk] if unpack is None else _unpacked(unpack, chunk):
            body += part
            if len(body) > max_bytes:
                raise BadBody(f"body has more than {max_bytes} bytes")
        if clock() > until_s:
            raise BadBody(f"body was not complete after {WITHIN_S:g} s")
    if unpack is not None and not unpack.eof:
        raise BadBody("packed body ends in the middle")
    return bytes(body)


def _unpacked(unpack: zlib._Decompress, chunk: bytes) -> Iterator[bytes]:
    """Yield what a chunk holds, a little at a time."""
    try:
        while chunk and not unpack.eof:
            yield unpack.decompress(chunk, CHUNK_BYTES)
            chunk = unpack.unconsumed_tail
    except zlib.error as error:
        raise BadBody(f"packed body is damaged: {error}") from None
