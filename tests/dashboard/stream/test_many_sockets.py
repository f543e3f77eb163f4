"""Many programs on one real web site: all see the same, and one that does not read holds nobody up."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from dashboard.stream.socket import TOO_SLOW
from portfolios.models import Message, MessageKind
from portfolios.outbox.writing import write_messages
from tests.following import write
from tests.serving import Site

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.usefixtures("closed_connections"),
]
SOCKETS = 50
WITHIN_S = 60


@pytest.fixture
def site(tmp_path: Path):
    site = Site(tmp_path / "log", PADDOCK_STREAM_WAITING="300")
    site.start()
    yield site
    site.end()


def address(site: Site) -> str:
    return f"ws://127.0.0.1:{site.port}/api/v1/stream"


async def begin(reader) -> None:
    """Subscribe to fills, and wait until they are followed."""
    await reader.recv()
    await reader.send(json.dumps({"type": "subscribe", "channels": ["fills"]}))
    while json.loads(await reader.recv())["type"] != "heartbeat":
        pass


async def fills(reader, count: int) -> list[str]:
    """Return the cursors of the next fills."""
    cursors = []
    async with asyncio.timeout(WITHIN_S):
        while len(cursors) < count:
            message = json.loads(await reader.recv())
            if message["type"] == "fill":
                cursors.append(message["cursor"])
    return cursors


async def test_fifty_sockets_see_the_same_in_the_same_order(site: Site) -> None:
    readers = [await connect(address(site)) for _ in range(SOCKETS)]
    await asyncio.gather(*map(begin, readers))

    for start in range(0, 200, 20):
        await sync_to_async(write)(*range(start, start + 20))
    seen = await asyncio.gather(*(fills(reader, 200) for reader in readers))

    written = [f"{xid}-{pk}" async for xid, pk in Message.objects.order_by("xid", "pk").values_list("xid", "pk")]
    assert seen == [written] * SOCKETS
    await asyncio.gather(*(reader.close() for reader in readers))


def write_long(count: int) -> None:
    write_messages([Message(kind=MessageKind.FILL, slug="a", data={"words": "x" * 20_000}) for _ in range(count)])


def narrow(port: int) -> socket.socket:
    """Return a connection that takes little before it must be read."""
    narrowed = socket.socket()
    narrowed.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    narrowed.connect(("127.0.0.1", port))
    narrowed.setblocking(False)
    return narrowed


async def test_a_reader_that_does_not_read_is_closed_with_the_reason_and_others_are_not_held_up(site: Site) -> None:
    quick = await connect(address(site))
    slow = await connect(address(site), sock=narrow(site.port), max_queue=1)
    await begin(quick)
    await begin(slow)

    for _ in range(12):
        await sync_to_async(write_long)(100)
        assert len(await fills(quick, 100)) == 100

    cursors = []
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            cursors += await fills(slow, 1)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == TOO_SLOW
    assert 0 < len(cursors) < 1_200

    resumed = await connect(address(site))
    await resumed.recv()
    await resumed.send(json.dumps({"type": "subscribe", "channels": ["fills"], "after": cursors[-1]}))
    rest = await fills(resumed, 1_200 - len(cursors))
    assert len({*cursors, *rest}) == 1_200
    await asyncio.gather(quick.close(), resumed.close())


async def test_a_message_beyond_all_measure_is_not_taken(site: Site) -> None:
    async with connect(address(site)) as reader:
        await begin(reader)
        await reader.send("x" * 1_000_000)

        with pytest.raises(ConnectionClosed) as closed:
            await fills(reader, 1)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


async def test_a_page_of_another_site_is_refused_and_one_of_ours_is_not(site: Site) -> None:
    async with connect(address(site), origin=f"http://127.0.0.1:{site.port}") as reader:
        assert json.loads(await reader.recv())["type"] == "hello"

    with pytest.raises(Exception, match="HTTP 403"):
        await connect(address(site), origin="http://evil.example")
