"""A real site, and clients that mean it no good: each is refused, and the pages are as they were."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.tradingsite.web.conftest import ROOM

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
MEGABYTE = 1_048_576


def too_much():
    """A body whose length is not said."""
    for _ in range(1_000):
        yield b"x" * 65_536


@pytest.mark.parametrize("path", ["/admin/login/", "/api/v1/seasons/begin/", "/nowhere/", "/"])
def test_nobody_sends_more_than_a_megabyte(site, path):
    by_length = httpx.post(site.url + path, content=b"x" * (MEGABYTE + 1))
    counted = httpx.post(site.url + path, content=too_much(), timeout=30)
    within = httpx.post(site.url + path, content=b"x" * MEGABYTE)

    assert (by_length.status_code, counted.status_code) == (413, 413)
    assert within.status_code in {400, 401, 403, 404, 405}


def test_connections_that_send_nothing_make_room_for_those_that_do(site):
    with ExitStack() as stack:
        for _ in range(2 * ROOM):
            stack.enter_context(socket.create_connection(("127.0.0.1", site.port)))
        answer = httpx.get(f"{site.url}/")

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "path", ["/ws/", "/ws/nothing/", "/ws/deployments/nobody/", "/ws/markets/%00/", "/%F0%9F", "/api/v1/x"]
)
async def test_a_socket_that_leads_nowhere_is_refused_with_a_404(site, path):
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://127.0.0.1:{site.port}{path}", origin=site.url):
            pass

    assert refused.value.response.status_code == 404


@pytest.mark.parametrize("path", ["/ws/league/", "/api/v1/stream"])
async def test_a_message_that_is_too_large_closes_the_socket(site, path):
    async with connect(f"ws://127.0.0.1:{site.port}{path}", origin=site.url) as reader:
        await reader.send("x" * 300_000)
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await asyncio.wait_for(reader.recv(), 60)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


async def test_who_keeps_sending_to_a_page_is_closed(site):
    async with connect(f"ws://127.0.0.1:{site.port}/ws/league/", origin=site.url) as reader:
        for _ in range(61):
            await reader.send("x")
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await asyncio.wait_for(reader.recv(), 60)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4429


@pytest.mark.parametrize("path", ["/ws/league/", "/api/v1/stream"])
async def test_who_sends_faster_than_anybody_reads_is_cut_off(site, path):
    async with connect(f"ws://127.0.0.1:{site.port}{path}", origin=site.url) as reader:
        with pytest.raises(ConnectionClosed):
            async with asyncio.timeout(60):
                while True:
                    await reader.send("x")
