"""A league of a thousand: its page stays live for a hundred readers, whatever a client takes in one message."""

from __future__ import annotations

import asyncio
import re
from decimal import Decimal
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from websockets.asyncio.client import ClientConnection, connect

from dashboard.page.panel import MOST_CHARACTERS, Drawn, Panel, messages_since
from portfolios.models import Account
from portfolios.outbox.announcements import Announcer
from strategies.models import Deployment
from tests.rows import open_season, run_feed, stand
from tests.serving import Site

ROWS, READERS = 1_000, 100
WITHIN_S = 120
BOARD = Panel("leaderboard", "Leaderboard", has_rows=True)


def drawn(rows: int, *, words: str = "", frame: str = "<tbody><!--rows--></tbody>") -> Drawn:
    """Return a board whose rows have two thousand characters each."""
    return Drawn(BOARD, frame, {f"row-{n}": f"<td>{n} {words:x<2000}</td>" for n in range(rows)})


def rows_in(messages: list[str]) -> set[str]:
    """Return the rows whose cells were sent."""
    return set(re.findall(r'<tr id="(row-[\w-]+)"(?! data-later)', "".join(messages)))


def test_a_page_is_sent_in_messages_that_every_client_takes():
    board = drawn(ROWS)

    messages = messages_since({}, [board])

    assert max(map(len, messages)) < MOST_CHARACTERS + 100 * ROWS
    assert rows_in(messages) == board.rows.keys()
    # Every row has its place from the first message on, and is sent once.
    assert all(f'<tr id="{row}"' in messages[0] for row in board.rows)
    assert sum(map(len, messages)) < len(board.html) * 1.1


def test_a_page_that_has_its_rows_keeps_those_that_are_the_same():
    before, now = drawn(ROWS), drawn(ROWS, frame="<caption>another</caption><tbody><!--rows--></tbody>")

    messages = messages_since({BOARD: before}, [now])

    assert len(messages) == 1
    assert all(f'<tr id="{row}"' in messages[0] for row in now.rows)


def test_rows_that_change_all_at_once_come_in_several_messages():
    before, now = drawn(ROWS), drawn(ROWS, words="changed")

    messages = messages_since({BOARD: before}, [now])

    assert max(map(len, messages)) <= MOST_CHARACTERS
    assert rows_in(messages) == now.rows.keys()


@pytest.fixture
def site(tmp_path: Path):
    site = Site(tmp_path / "log", PADDOCK_DATABASE_POOL="4")
    yield site
    site.end()


def make_league() -> Deployment:
    """Enter a thousand deployments; return one of them."""
    run_feed()
    season = open_season()
    accounts = Account.objects.bulk_create(
        Account(season=season, slug=f"d{n:04}", cash=Decimal(100), fee_schedule="kraken-spot-2026-07")
        for n in range(ROWS)
    )
    rows = Deployment.objects.bulk_create(
        Deployment(slug=row.slug, strategy="buy_and_hold", account=row, name=row.slug, symbols=["BTC/USD"])
        for row in accounts
    )
    return rows[ROWS // 2]


async def read_all(reader: ClientConnection) -> None:
    """Read until every row has come."""
    wanted, received = ROWS, 0
    while received < wanted:
        message = str(await reader.recv())
        received += message.count('<tr id="row-') - message.count("data-later")


async def read_until(reader: ClientConnection, words: str) -> None:
    while words not in str(await reader.recv()):
        pass


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("closed_connections")
async def test_a_hundred_readers_of_a_thousand_rows_stay_connected_and_see_what_changes(site):
    one = await sync_to_async(make_league)()
    await sync_to_async(site.start)()
    address = f"ws://127.0.0.1:{site.port}/ws/league/"

    async with asyncio.timeout(WITHIN_S):
        readers = [await connect(address, origin=site.url, open_timeout=WITHIN_S) for _ in range(READERS)]
        await asyncio.gather(*(read_all(reader) for reader in readers))
        await sync_to_async(stand)(one, "123.45")
        Announcer().announce([one.slug])
        await asyncio.gather(*(read_until(reader, "123.45") for reader in readers))

    for reader in readers:
        await reader.close()
