import asyncio
import time

import pytest
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer

from dashboard import live
from dashboard.page import broadcaster
from dashboard.panels import FEED_PANELS
from marketdata import bus
from portfolios.outbox.announcements import LEAGUE_GROUP
from tests.dashboard.sockets import changes_of, open_socket, panels_in
from tests.rows import enter, fill, open_season, quote, run_feed, stand

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("closed_connections")]


@pytest.fixture(autouse=True)
def announced(monkeypatch):
    """Let nothing reach a page but by its announcement, so that waiting long proves as much as waiting briefly."""
    monkeypatch.setattr(broadcaster, "READ_ALL_AFTER_S", 600.0)


@pytest.fixture
def deployment():
    run_feed()
    row = enter(open_season(), "a")
    stand(row, "100")
    yield row
    bus.clear_feed_state()


async def announce(*slugs):
    await get_channel_layer().group_send(LEAGUE_GROUP, {"type": "league.changed", "accounts": list(slugs)})


async def test_a_socket_is_sent_every_panel_at_once(deployment):
    socket, _, _ = await open_socket("/ws/league/")

    first = await socket.receive_from(timeout=30)

    assert panels_in(first) == ["market", "totals", "prices", "leaderboard", "trade_feed"]
    assert 'id="row-a"' in first
    await socket.disconnect()


async def test_a_changed_row_arrives_without_being_asked_for(deployment):
    socket, _, _ = await open_socket("/ws/league/")
    await socket.receive_from(timeout=30)

    await database_sync_to_async(stand)(deployment, "123.45")
    await announce("a")

    message = await changes_of(socket, "row-a")
    assert "123.45" in message
    assert panels_in(message) == ["row-a"]
    await socket.disconnect()


async def test_a_fill_is_shown_at_once_and_alone(deployment):
    socket, _, _ = await open_socket("/ws/league/")
    await socket.receive_from(timeout=30)
    await announce("a")
    await socket.receive_nothing(timeout=0.7)

    await database_sync_to_async(fill)(deployment, reason="below the lower band")
    await announce("a")

    message = await changes_of(socket, "trade_feed")
    assert "below the lower band" in message
    assert panels_in(message) == ["trade_feed"]
    await socket.disconnect()


async def test_another_deployment_brings_the_whole_table(deployment):
    socket, _, _ = await open_socket("/ws/league/")
    await socket.receive_from(timeout=30)

    await database_sync_to_async(enter)(deployment.account.season, "b")
    await announce("b")

    message = await changes_of(socket, "leaderboard")
    assert "row-a" in message
    assert "row-b" in message
    await socket.disconnect()


async def test_each_window_has_a_socket_of_its_own(deployment):
    socket, _, _ = await open_socket("/ws/league/?window=24h")
    first = await socket.receive_from(timeout=30)
    _, connected, code = await open_socket("/ws/league/?window=2h")

    assert 'id="window-24h" href="?window=24h" aria-current="true"' in first
    assert (connected, code) == (False, 4404)
    await socket.disconnect()


async def test_prices_tick_without_any_fill(deployment):
    socket, _, _ = await open_socket("/ws/league/")
    await socket.receive_from(timeout=30)

    await database_sync_to_async(run_feed)(symbols={"BTC/USD": quote("65000.5", "65000.6")})

    message = await changes_of(socket, "prices")
    assert "65,000.5" in message
    assert "leaderboard" not in panels_in(message)
    await socket.disconnect()


async def test_a_lost_announcement_delays_news_and_loses_none(deployment, monkeypatch):
    monkeypatch.setattr(broadcaster, "READ_ALL_AFTER_S", 1.0)
    socket, _, _ = await open_socket("/ws/league/")
    await socket.receive_from(timeout=30)

    await database_sync_to_async(stand)(deployment, "77")

    assert "77.00" in await changes_of(socket, "row-a")
    await socket.disconnect()


async def test_many_sockets_share_one_rendering(deployment, monkeypatch):
    counted = []
    gather = live.league_scene
    monkeypatch.setattr(live, "league_scene", lambda view: counted.append(1) or gather(view))
    sockets = [(await open_socket("/ws/league/"))[0] for _ in range(5)]
    first = [await socket.receive_from(timeout=30) for socket in sockets]

    await database_sync_to_async(stand)(deployment, "77")
    await announce("a")
    for socket in sockets:
        await changes_of(socket, "row-a")

    assert all("leaderboard" in panels_in(message) for message in first)
    assert len(counted) <= 3
    for socket in sockets:
        await socket.disconnect()


async def test_at_most_two_messages_a_second_are_sent(deployment):
    socket, _, _ = await open_socket("/ws/league/")
    await socket.receive_from(timeout=30)
    began_s, received, message = time.monotonic(), 0, ""

    for n in range(1, 21):
        await database_sync_to_async(stand)(deployment, str(100 + n))
        await announce("a")
    while "120.00" not in message:
        message = await changes_of(socket, "row-a")
        received += 1

    assert received <= 1 + (time.monotonic() - began_s) / broadcaster.QUICKEST_S
    await socket.disconnect()


def renderings():
    """Return the tasks that render pages for sockets."""
    return [task for task in asyncio.all_tasks() if task.get_coro().__qualname__.startswith("Broadcaster.")]


async def test_the_last_reader_to_leave_stops_the_rendering(deployment):
    socket, _, _ = await open_socket("/ws/league/")
    await socket.receive_from(timeout=30)
    assert renderings()

    await socket.disconnect()

    async with asyncio.timeout(5):
        while renderings():  # noqa: ASYNC110 - a task that ends announces it to nobody
            await asyncio.sleep(0)


async def test_a_deployments_socket_sends_its_own_panels(deployment):
    socket, _, _ = await open_socket("/ws/deployments/a/")

    first = await socket.receive_from(timeout=30)

    assert "figures" in panels_in(first)
    assert "leaderboard" not in panels_in(first)
    await socket.disconnect()


async def test_an_unknown_deployment_has_no_socket(deployment):
    _, connected, code = await open_socket("/ws/deployments/nobody/")

    assert (connected, code) == (False, 4404)


async def test_the_feeds_socket_sends_its_own_panels_and_then_what_changes(deployment):
    socket, _, _ = await open_socket("/ws/feed/?kind=gap&timeframe=1h")
    first = await socket.receive_from(timeout=30)

    await database_sync_to_async(run_feed)(connected=False)

    message = await changes_of(socket, "trust")
    assert panels_in(first) == [panel.name for panel in FEED_PANELS]
    assert "Market data down" in message
    assert not {"coverage", "feed_events"} & set(panels_in(message))
    await socket.disconnect()


async def test_trades_of_the_league_are_no_news_for_the_feeds_page(deployment, monkeypatch):
    counted = []
    gather = live.feed_scene
    monkeypatch.setattr(live, "feed_scene", lambda choice: counted.append(1) or gather(choice))
    socket, _, _ = await open_socket("/ws/feed/?timeframe=4h")
    await socket.receive_from(timeout=30)

    for _ in range(15):
        await announce("a")
    await database_sync_to_async(run_feed)(connected=False)
    await changes_of(socket, "trust")

    assert len(counted) <= 3
    await socket.disconnect()


@pytest.mark.parametrize("query", ["kind=nothing", "timeframe=2h"])
async def test_a_feed_page_that_cannot_be_chosen_has_no_socket(deployment, query):
    _, connected, code = await open_socket(f"/ws/feed/?{query}")

    assert (connected, code) == (False, 4404)


async def test_where_pages_need_a_login_sockets_do_too(deployment, settings):
    settings.PADDOCK_PUBLIC_PAGES = False

    _, connected, code = await open_socket("/ws/league/")

    assert (connected, code) == (False, 4403)
