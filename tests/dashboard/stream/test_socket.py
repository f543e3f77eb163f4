"""What is said to a program that follows the stream, and what it may say."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from django.utils import timezone

from dashboard.stream import hub as hubs
from dashboard.stream import socket as sockets
from marketdata import bus
from portfolios.models import Message
from portfolios.outbox.reading import remove_old_messages
from tests.following import announce, elsewhere, numbers, program, write
from tests.rows import enter, open_season, quote, run_feed, stand

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("closed_connections")]


@pytest.fixture
def league():
    season = open_season()
    rows = {slug: enter(season, slug) for slug in ("a", "b")}
    for row in rows.values():
        stand(row, "100")
    run_feed()
    yield rows
    bus.clear_feed_state()


async def later(*facts, **fields):
    """Have facts happen, and announce them."""
    await database_sync_to_async(write)(*facts, **fields)
    await announce("a")


async def test_a_program_is_greeted_with_the_season_and_the_place_that_the_stream_has_reached(league):
    async with program() as reader:
        hello = await reader.hears("hello")

    assert (hello["version"], hello["season"], hello["market"]) == ("v1", 1, "simulated:7")
    assert hello["cursor"]


async def test_a_fact_is_sent_once_as_it_happens(league):
    async with program() as reader:
        await reader.subscribes("fills")
        await later(1)

        fill = await reader.hears("fill")
        await later(2)
        rest = await reader.hears_until("fill")

    assert (fill["deployment"], fill["data"]["number"]) == ("a", 1)
    assert numbers(rest) == [2]


async def test_only_what_was_requested_is_sent(league):
    async with program() as reader:
        await reader.subscribes("fills", deployments=["a"], symbols=["BTC/USD"])
        await later(1, slug="b")
        await later(2, symbol="ETH/USD")
        await later(3, kind="order")
        await later(4)

        received = await reader.hears_until("fill")

    assert numbers(received) == [4]


async def test_a_program_resumes_after_a_cursor_without_loss_or_repetition(league):
    async with program() as reader:
        await reader.subscribes("fills")
        await later(1, 2, 3)
        second = [await reader.hears("fill") for _ in range(2)][-1]
    await later(4)

    async with program() as reader:
        received = await reader.subscribes("fills", after=second["cursor"])
        await later(5)
        received += await reader.hears_until("fill")

    assert numbers(received) == [3, 4, 5]


async def test_a_long_past_is_read_in_pieces(league, monkeypatch):
    monkeypatch.setattr(hubs, "BATCH", 3)
    monkeypatch.setattr(hubs, "REMEMBERED", 4)
    async with program() as reader:
        start = (await reader.hears("hello"))["cursor"]
    for number in range(20):
        await database_sync_to_async(write)(number)

    async with program() as reader:
        received = await reader.subscribes("fills", after=start)

    assert numbers(received) == list(range(20))


@pytest.mark.parametrize("remembered", [2_000, 2])
async def test_a_reader_away_longer_than_messages_are_stored_gets_a_gap_and_goes_on(league, monkeypatch, remembered):
    monkeypatch.setattr(hubs, "REMEMBERED", remembered)
    async with program() as reader:
        start = (await reader.hears("hello"))["cursor"]
    await database_sync_to_async(write)(*range(10))
    await database_sync_to_async(remove_old_messages)(before=timezone.now() - timedelta(hours=1), most=4)

    async with program() as reader:
        received = await reader.subscribes("fills", after=start)
        gap = next(message for message in received if message["type"] == "gap")
        again = await reader.subscribes("fills", after=gap["to"])

    assert [message["type"] for message in received] == ["hello", "subscribed", "gap", *["fill"] * 4, "heartbeat"]
    assert gap["from"] == start
    assert numbers(received) == numbers(again) == [6, 7, 8, 9]
    assert "gap" not in [message["type"] for message in again]


async def test_facts_come_without_any_announcement(league):
    async with program() as reader:
        await reader.subscribes("fills")
        await database_sync_to_async(write)(1)

        assert (await reader.hears("fill"))["data"]["number"] == 1


async def test_what_is_held_up_by_an_open_transaction_comes_soon_after_it_has_ended(league):
    async with program() as reader:
        await reader.subscribes("fills")
        with elsewhere(lambda: write(1)):
            await later(2)
            await reader.say(type="ping")
            before = await reader.hears_until("pong")
        received = [await reader.hears("fill") for _ in range(2)]

    assert numbers(before) == []
    assert sorted(numbers(received)) == [1, 2]


async def test_a_quiet_follower_learns_how_far_it_is_up_to_date(league, monkeypatch):
    monkeypatch.setattr(hubs, "HEARTBEAT_S", 0.2)
    async with program() as reader:
        await reader.subscribes("fills", deployments=["b"])
        await later(1, slug="a")
        place = await database_sync_to_async(lambda: Message.objects.values_list("xid", flat=True).get())()
        async with asyncio.timeout(5):
            while int((await reader.hears("heartbeat"))["cursor"].partition("-")[0]) <= place:
                pass


async def test_who_unsubscribes_hears_no_more(league):
    async with program() as reader:
        await reader.subscribes("fills", "orders")
        await reader.say(type="unsubscribe", channels=["fills"])
        await reader.hears("unsubscribed")
        await later(1)
        await later(2, kind="order")

        received = await reader.hears_until("order")

    assert numbers(received) == [2]


async def test_unsubscribing_ends_the_sending_of_history(league, monkeypatch):
    monkeypatch.setattr(hubs, "BATCH", 2)
    monkeypatch.setattr(hubs, "REMEMBERED", 2)
    async with program() as reader:
        start = (await reader.hears("hello"))["cursor"]
    await database_sync_to_async(write)(*range(40))

    async with program() as reader:
        await reader.say(type="subscribe", channels=["fills"], after=start)
        await reader.say(type="subscribe", channels=["orders"], after=start)
        await reader.say(type="unsubscribe", channels=["fills", "orders"])
        past = await reader.hears_until("unsubscribed")
        await later(40)
        await reader.say(type="ping")
        rest = await reader.hears_until("pong")

    assert [message["type"] for message in past if message["type"] == "subscribed"] == ["subscribed"] * 2
    assert len(numbers(past)) < 40
    assert numbers(rest) == []


async def test_who_asks_for_nothing_is_given_no_place_to_resume_from(league, monkeypatch):
    monkeypatch.setattr(hubs, "HEARTBEAT_S", 0.05)
    async with program() as reader:
        before = await reader.hears("heartbeat")
        caught_up = (await reader.subscribes("fills"))[-1]

    assert before["cursor"] is None
    assert caught_up["cursor"] is not None


async def test_subscriptions_do_not_pile_up_behind_a_long_past(league, monkeypatch):
    monkeypatch.setattr(hubs, "BATCH", 1)
    monkeypatch.setattr(hubs, "REMEMBERED", 1)
    async with program() as reader:
        start = (await reader.hears("hello"))["cursor"]
    await database_sync_to_async(write)(*range(300))

    async with program() as reader:
        await reader.say(type="subscribe", channels=["fills"], after=start)
        for _ in range(sockets.MOST_CHANGES):
            await reader.say(type="subscribe", channels=["fills"])
        problem = (await reader.hears("error"))["problem"]

    assert "expected no more until it has been sent" in problem["errors"]["message"][0]


async def test_the_league_comes_whole_and_then_row_by_row(league):
    async with program() as reader:
        await reader.say(type="subscribe", channels=["league"])
        whole = await reader.hears("league")
        await database_sync_to_async(stand)(league["b"], "123.45")
        await announce("b")
        changed = await reader.hears("league")

    assert whole["is_whole"]
    assert [row["slug"] for row in whole["rows"]] == ["a", "b"]
    assert not changed["is_whole"]
    assert {row["slug"]: row["equity"] for row in changed["rows"]}["b"] == "123.45"


async def test_prices_are_sent_when_they_change_and_only_those_that_did(league):
    await database_sync_to_async(run_feed)(symbols={"BTC/USD": quote("1", "2"), "ETH/USD": quote("3", "4")})
    async with program() as reader:
        await reader.say(type="subscribe", channels=["prices"])
        whole = await reader.hears("prices")
        await database_sync_to_async(run_feed)(symbols={"BTC/USD": quote("1", "2"), "ETH/USD": quote("3", "5")})
        changed = await reader.hears("prices")
        await database_sync_to_async(run_feed)(symbols={"BTC/USD": quote("1", "2")})
        gone = await reader.hears("prices")

    assert [price["symbol"] for price in whole["prices"]] == ["BTC/USD", "ETH/USD"]
    assert [(price["symbol"], price["ask"]) for price in changed["prices"]] == [("ETH/USD", "5")]
    assert (gone["prices"], gone["gone"]) == ([], ["ETH/USD"])


async def test_the_feed_is_sent_as_in_the_api(league, client):
    async with program() as reader:
        await reader.say(type="subscribe", channels=["feed"])
        sent = (await reader.hears("feed"))["data"]
    answer = (await sync_to_async(client.get)("/api/v1/feed/")).json()

    assert sent == {name: answer[name] for name in sent}
    assert sent["connected"]
    assert {*answer} - {*sent} == {"symbols", "events", "last_frame_age_s"}


@pytest.mark.parametrize(
    ("message", "field", "words"),
    [
        ({"type": "subscribe", "channels": ["fils"]}, "channels", "expected some of league, fills"),
        ({"type": "subscribe", "channels": []}, "channels", "expected some of"),
        ({"type": "subscribe", "channels": ["fills"], "after": "yesterday"}, "after", "'yesterday' is no cursor"),
        ({"type": "subscribe", "channels": ["fills"], "after": f"{2**62}-1"}, "after", "ahead of this stream"),
        ({"type": "subscribe", "channels": ["fills"], "after": f"{2**63}-1"}, "after", "ahead of this stream"),
        ({"type": "subscribe", "channels": ["league"], "after": "1-1"}, "after", "states have no history"),
        ({"type": "subscribe", "channels": ["fills"], "symbols": "BTC/USD"}, "symbols", "Expected"),
        ({"type": "subscribe", "channels": ["fills"], "since": 4}, "since", "unknown field"),
        ({"type": "sing"}, "type", "expected one of subscribe, unsubscribe, ping"),
        ({"channels": ["fills"]}, "type", "expected one of subscribe, unsubscribe, ping"),
        (["subscribe"], "message", "object"),
    ],
)
async def test_nonsense_is_answered_with_what_would_have_been_right_and_the_socket_stays_open(message, field, words):
    async with program() as reader:
        await reader.socket.send_json_to(message)
        problem = (await reader.hears("error"))["problem"]
        await reader.say(type="ping", id="still there")
        pong = await reader.hears("pong")

    assert problem["status"] == 400
    assert words in problem["errors"][field][0]
    assert pong["id"] == "still there"


@pytest.mark.parametrize("text", [" ", "{", "[" * 70_000, "\x00", '"' + "x" * 70_000 + '"', "\ud800"])
async def test_what_is_no_message_is_refused(text):
    async with program() as reader:
        await reader.socket.send_to(text_data=text)

        assert (await reader.hears("error"))["problem"]["errors"]["message"]


async def test_bytes_are_refused():
    async with program() as reader:
        await reader.socket.send_to(bytes_data=b'{"type":"ping"}')

        assert "binary" in (await reader.hears("error"))["problem"]["detail"]


async def test_a_program_that_talks_too_much_is_sent_away():
    async with program() as reader:
        await reader.hears("hello")
        for _ in range(sockets.MOST_MESSAGES + 1):
            await reader.say(type="ping")
        answers = [await reader.socket.receive_output(timeout=5) for _ in range(sockets.MOST_MESSAGES + 1)]

    assert {"type": "websocket.close", "code": sockets.TOO_MANY_MESSAGES} in [
        {name: answer.get(name) for name in ("type", "code")} for answer in answers
    ]
