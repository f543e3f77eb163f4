"""What a connection may take before its request is complete: bytes in, answers out, on a clock of the test's own."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from tradingsite.web.connection_limits import BODY_WITHIN_S, HEAD_WITHIN_S, LINGER_S, Channel, Request
from tradingsite.web.refusals import MOST_BODY_BYTES

HEAD = b"POST /api/v1/seasons/begin/ HTTP/1.1\r\nHost: localhost\r\n"
received: list[int] = []


class Wire(StringTransport):
    """The other side of a connection."""

    is_half_closed = is_aborted = False

    def loseWriteConnection(self) -> None:  # noqa: N802 - Twisted's names
        self.is_half_closed = True

    def abortConnection(self) -> None:  # noqa: N802
        self.is_aborted = True


class Complete(Request):
    """A request that is written down instead of served."""

    def process(self) -> None:
        received.append(len(self.content.read()))


class Connection:
    """A connection to the site, as a client sees it."""

    def __init__(self) -> None:
        self.clock, self.wire, self.channel = Clock(), Wire(), Channel()
        self.channel.callLater = self.clock.callLater
        self.channel.requestFactory = Complete
        server = SimpleNamespace(protocol_connected=lambda _: None, protocol_disconnected=lambda _: None)
        self.channel.site = self.channel.factory = SimpleNamespace(opened=lambda _: None, server=server)
        self.channel.makeConnection(self.wire)

    def send(self, data: bytes) -> bytes:
        """Send bytes; return what has been answered so far."""
        self.channel.dataReceived(data)
        answered: bytes = self.wire.value()
        return answered


@pytest.fixture
def connection():
    received.clear()
    return Connection()


def chunk(size: int) -> bytes:
    return b"%x\r\n%s\r\n" % (size, b"x" * size)


def test_a_body_that_is_too_long_is_refused_before_any_of_it_is_sent(connection):
    answer = connection.send(HEAD + b"Content-Length: 419430400\r\nExpect: 100-continue\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in answer
    assert b"expected at most 1048576 bytes" in answer
    assert connection.wire.is_half_closed


def test_a_body_of_unknown_length_is_refused_as_soon_as_it_is_too_long(connection):
    connection.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    for _ in range(4):
        connection.send(chunk(MOST_BODY_BYTES // 4))
    before = connection.wire.value()

    answer = connection.send(chunk(1))

    assert before == b""
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_what_is_sent_after_the_refusal_is_thrown_away(connection):
    answer = connection.send(HEAD + b"Content-Length: 2000000\r\n\r\n")

    again = connection.send(b"x" * 2_000_000 + HEAD + b"\r\n")
    connection.clock.advance(LINGER_S)

    assert again == answer
    assert received == []
    assert connection.wire.is_aborted


@pytest.mark.parametrize("size", [0, 1, MOST_BODY_BYTES])
@pytest.mark.parametrize("is_chunked", [True, False])
def test_a_body_up_to_the_limit_is_taken_whole(connection, size, is_chunked):
    if is_chunked:
        body = b"Transfer-Encoding: chunked\r\n\r\n" + (chunk(size) if size else b"") + b"0\r\n\r\n"
    else:
        body = b"Content-Length: %d\r\n\r\n" % size + b"x" * size

    connection.send(HEAD + body)

    assert received == [size]


def test_a_head_that_comes_byte_by_byte_is_not_waited_for(connection):
    for second in range(int(HEAD_WITHIN_S)):
        connection.send(HEAD[second : second + 1])
        connection.clock.advance(1)

    assert connection.wire.is_aborted


def test_a_body_that_comes_byte_by_byte_is_not_waited_for(connection):
    connection.send(HEAD + b"Content-Length: 1000\r\n\r\n")
    for _ in range(int(BODY_WITHIN_S)):
        connection.send(b"x")
        connection.clock.advance(1)

    assert connection.wire.is_aborted


def test_a_connection_that_sends_nothing_is_closed(connection):
    connection.clock.advance(HEAD_WITHIN_S)

    assert connection.wire.is_aborted


def test_while_a_request_is_served_its_connection_may_wait(connection):
    connection.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    connection.clock.advance(10 * HEAD_WITHIN_S)

    assert received == [0]
    assert not connection.wire.is_aborted
