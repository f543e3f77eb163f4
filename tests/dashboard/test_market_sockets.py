"""Sockets of the markets' pages: what they bring, at most how often, and what is done when nobody looks."""

import time
from itertools import pairwise

import pytest
from channels.db import database_sync_to_async

from dashboard.live import market_broadcaster
from dashboard.markets import watch
from dashboard.page.broadcaster import QUICKEST_S
from tests.dashboard.sockets import changes_of, open_socket, panels_in
from tests.listening import ReceivedMarket, forget_all, list_pair
from tests.rows import MARKET, open_season, quote, run_feed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("closed_connections")]

BOOK = "640001 x 20\n---\n640000 x 10"


@pytest.fixture
def market():
    forget_all()
    run_feed(symbols={"BTC/USD": quote("64000.0", "64000.1"), "ETH/USD": quote("3000.0", "3000.1")})
    list_pair()
    list_pair("ETH/USD")
    open_season()
    market = ReceivedMarket()
    market.tell(BOOK)
    yield market
    forget_all()


async def test_a_socket_is_sent_the_book_at_once_and_then_what_changes(market):
    socket, _, _ = await open_socket("/ws/markets/BTC-USD/")
    first = await socket.receive_from(timeout=30)

    await database_sync_to_async(market.tell)("640009 x 20\n---\n640008 x 10")

    changed = await changes_of(socket, "market_ladder")
    assert "64,000.1" in first
    assert "64,000.9" in changed
    assert "market_fees" not in panels_in(changed)
    await socket.disconnect()


async def test_the_book_moves_twice_a_second_at_most(market):
    socket, _, _ = await open_socket("/ws/markets/BTC-USD/")
    await socket.receive_from(timeout=30)

    came = []
    for tick in range(4):
        await database_sync_to_async(market.tell)(f"{640009 + tick} x 20\n---\n640000 x 10")
        await changes_of(socket, "market_ladder")
        came.append(time.monotonic())

    assert min(later - earlier for earlier, later in pairwise(came[1:])) >= QUICKEST_S * 0.8
    await socket.disconnect()


async def test_two_pages_of_one_market_fold_each_frame_once(market):
    sockets = [(await open_socket(f"/ws/markets/{slug}/"))[0] for slug in ("BTC-USD", "ETH-USD", "BTC-USD")]
    for socket in sockets:
        await socket.receive_from(timeout=30)

    await database_sync_to_async(market.tell)("640009 x 20\n---\n640008 x 10")

    for socket in (sockets[0], sockets[2]):
        assert "64,000.9" in await changes_of(socket, "market_ladder")
    assert watch.watch_of(MARKET).folded == 2
    for socket in sockets:
        await socket.disconnect()


async def test_when_the_last_reader_has_gone_nothing_is_left_that_would_look(market):
    socket, _, _ = await open_socket("/ws/markets/BTC-USD/")
    await socket.receive_from(timeout=30)
    broadcaster = market_broadcaster("BTC-USD")
    while_read = len(broadcaster._tasks)

    await socket.disconnect()
    folded = watch.watch_of(MARKET).folded
    await database_sync_to_async(market.wait)(5)

    assert (while_read, broadcaster._tasks, broadcaster._sockets) == (2, [], set())
    assert watch.watch_of(MARKET).folded == folded


async def test_an_unknown_market_is_refused(market):
    _, connected, code = await open_socket("/ws/markets/DOGE-EUR/")

    assert (connected, code) == (False, 4404)


async def test_the_list_of_markets_is_live(market):
    socket, _, _ = await open_socket("/ws/markets/")
    await socket.receive_from(timeout=30)

    await database_sync_to_async(run_feed)(symbols={"BTC/USD": quote("65432.1", "65432.2")})

    assert "65,432.1" in await changes_of(socket, "markets", within_s=4)
    await socket.disconnect()
