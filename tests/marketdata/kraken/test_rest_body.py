"""Bodies that are damaged, endless or hostile: none is believed, none fills the memory."""

import gzip
import zlib
from collections.abc import Iterator

import pytest

from marketdata.kraken.rest_body import CHUNK_BYTES, BadBody, read_body

BODY = b'{"error":[],"result":{}}' * 1_000


def chunks(body: bytes, size: int = 700) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [(BODY, ""), (BODY, "identity"), (gzip.compress(BODY), "gzip"), (zlib.compress(BODY), "deflate")],
    ids=["unnamed", "identity", "gzip", "deflate"],
)
def test_a_body_is_read_whole(packed, encoding):
    assert read_body(chunks(packed), encoding) == BODY


@pytest.mark.parametrize(
    ("packed", "encoding", "complaint"),
    [
        (b"no gzip at all", "gzip", "damaged"),
        (gzip.compress(BODY)[:-40], "gzip", "ends in the middle"),
        (gzip.compress(BODY)[:50] + b"\xff" * 50 + gzip.compress(BODY)[100:], "gzip", "packed body"),
        (BODY, "br", "content encoding is 'br'"),
        (BODY, "gzip, gzip", "content encoding"),
    ],
    ids=["not packed", "torn", "damaged", "brotli", "packed twice"],
)
def test_a_body_that_cannot_be_read_is_named(packed, encoding, complaint):
    with pytest.raises(BadBody, match=complaint):
        read_body(chunks(packed), encoding)


def test_of_a_bomb_no_more_is_unpacked_than_is_allowed():
    bomb = gzip.compress(bytes(200_000_000), 9)
    read: list[int] = []

    def counted() -> Iterator[bytes]:
        for chunk in chunks(bomb):
            read.append(len(chunk))
            yield chunk

    with pytest.raises(BadBody, match="more than 1000000 bytes"):
        read_body(counted(), "gzip", max_bytes=1_000_000)

    assert sum(read) < 10_000
    assert CHUNK_BYTES < 1_000_000


def test_a_body_without_end_is_left():
    with pytest.raises(BadBody, match="more than 100000 bytes"):
        read_body(iter(lambda: b"x" * 1_000, b""), "", max_bytes=100_000)


def test_a_body_that_drips_is_left_in_time():
    now_s = iter(range(0, 10_000, 5))

    with pytest.raises(BadBody, match="not complete after 30 s"):
        read_body(iter(lambda: b"x", b""), "", clock=lambda: next(now_s))
