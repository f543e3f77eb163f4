"""The client follows the stream of real processes, and loses and repeats nothing, whatever dies on the way."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from marketdata import bus
from paddock_client import (
    EventTold,
    FillTold,
    Gap,
    NotAllowed,
    OrderTold,
    Paddock,
    RoundTripTold,
    UnknownCursor,
    Unreachable,
)
from portfolios.models import Fill, Message, Order, RoundTrip, Standing
from portfolios.outbox.reading import remove_old_messages
from strategies.league.files import load_league
from strategies.models import DeploymentEvent
from tests.following import trade
from tests.leagues import CAPTURE, restless_league
from tests.processes import running, wait_until
from tests.rows import enter, open_season
from tests.serving import Follower, Site, following
from tradingsite.access.tokens import make_token

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
FACTS = ("fills", "orders", "round_trips", "events")


@pytest.fixture
def site(tmp_path: Path):
    bus.redis_client().flushall()
    site = Site(tmp_path / "log")
    site.start()
    yield site
    site.end()
    bus.redis_client().flushall()


def market_is_over() -> bool:
    state = bus.feed_state()
    return bool(state and state["finished"])


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=lambda how: how.name)
def test_a_server_that_dies_while_a_worker_trades_costs_no_message_and_repeats_none(site: Site, how) -> None:
    load_league(restless_league(), by="test")
    with ExitStack() as stack:
        follower = stack.enter_context(following(site.url, *FACTS))
        begun = set(DeploymentEvent.objects.values_list("event_id", "deployment__slug"))
        stack.enter_context(running("manage.py", "run_worker", log=site.log))
        stack.enter_context(
            running("manage.py", "run_feed", "--source", f"recording:{CAPTURE}", "--speed", "2", log=site.log)
        )
        for _ in range(2):
            heard = len(follower.heard)
            wait_until(lambda heard=heard: len(follower.heard) > heard + 5, "some facts", site.log)
            site.end(how)
            untold = Message.objects.count()
            wait_until(lambda untold=untold: Message.objects.count() > untold or market_is_over(), "trade", site.log)
            site.start()
        wait_until(market_is_over, "the end of the recording", site.log)
        worked_through = bus.latest_sequence(bus.current_market())
        wait_until(lambda: _cursor() >= worked_through, "every deployment at the last frame", site.log)
        wait_until(lambda: len(follower.heard) >= Message.objects.count() - len(begun), "all messages", site.log)

    heard = follower.heard
    assert follower.mishap is None
    assert len({message.cursor for message in heard}) == len(heard)
    fills = [(told.deployment, told.data.fill_id) for told in heard if isinstance(told, FillTold)]
    assert sorted(fills) == sorted(Fill.objects.values_list("account__slug", "fill_id"))
    trips = [(told.deployment, told.data.trip_id) for told in heard if isinstance(told, RoundTripTold)]
    assert sorted(trips) == sorted(RoundTrip.objects.values_list("account__slug", "trip_id"))
    events = [(told.data.event_id, told.deployment) for told in heard if isinstance(told, EventTold)]
    written = DeploymentEvent.objects.values_list("event_id", "deployment__slug")
    assert sorted(events) == sorted(set(written) - begun)
    last = {(told.deployment, told.data.order_id): told.data.status for told in heard if isinstance(told, OrderTold)}
    assert last == {(slug, name): status for slug, name, status in _orders()}
    assert len(fills) > 40


def _orders():
    return Order.objects.values_list("account__slug", "order_id", "status")


def _cursor() -> int:
    return min(Standing.objects.values_list("sequence", flat=True), default=0)


def test_a_program_goes_on_another_day_where_it_stood(site: Site) -> None:
    deployment = enter(open_season(), "a")
    with following(site.url, "fills") as first:
        trade(deployment, 1, 2, 3)
        wait_until(lambda: len(first.heard) == 3, "three fills", site.log)
    trade(deployment, 4)

    with following(site.url, "fills", after=first.heard[1].cursor) as second:
        trade(deployment, 5)
        wait_until(lambda: len(second.heard) == 3, "three more", site.log)

    assert [told.data.sequence for told in second.heard] == [3, 4, 5]


def test_a_program_that_was_away_too_long_is_told_of_the_gap_and_goes_on(site: Site) -> None:
    deployment = enter(open_season(), "a")
    with following(site.url, "fills") as first:
        trade(deployment, 1)
        wait_until(lambda: first.heard, "a fill", site.log)
    trade(deployment, 2, 3, 4)
    remove_old_messages(before=timezone.now() - timedelta(hours=1), most=1)
    site.end()
    site.start()

    with following(site.url, "fills", after=first.heard[0].cursor) as second:
        wait_until(lambda: len(second.heard) == 2, "the gap and what is kept", site.log)

    gap, kept = second.heard
    assert isinstance(gap, Gap)
    assert gap.from_ == first.heard[0].cursor
    assert kept.data.sequence == 4


def test_a_database_that_breaks_off_costs_no_message(site: Site) -> None:
    deployment = enter(open_season(), "a")
    with following(site.url, "fills") as follower:
        trade(deployment, 1)
        wait_until(lambda: follower.heard, "a fill", site.log)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        trade(deployment, 2)
        wait_until(lambda: len(follower.heard) == 2, "another", site.log)

    assert [told.data.sequence for told in follower.heard] == [1, 2]


def test_a_cursor_of_another_server_is_refused_with_what_is_wrong(site: Site) -> None:
    with following(site.url, "fills", after=f"{2**61}-5") as follower:
        wait_until(lambda: follower.mishap, "a refusal", site.log)

    assert isinstance(follower.mishap, UnknownCursor)
    assert "ahead of this stream" in follower.mishap.errors["after"][0]


def test_where_pages_are_not_public_a_program_needs_a_token(site: Site) -> None:
    site.end()
    private = Site(site.log, PADDOCK_PUBLIC_PAGES="false")
    _, token = make_token(user=User.objects.create_user("ann"), name="robot", scopes=["read"], by="test")
    private.start()
    try:
        for secret, is_told in ((None, False), ("wrong", False), (token, True)):
            follower = Follower(lambda secret=secret: Paddock(private.url, secret).stream(["fills"]))
            follower.start()
            wait_until(
                lambda follower=follower: follower.mishap or (follower.stream and follower.stream.cursor), "an answer"
            )
            follower.stop()
            assert (follower.mishap is None) == is_told
            assert is_told or isinstance(follower.mishap, NotAllowed)
    finally:
        private.end()


def test_a_server_that_stays_away_is_waited_for_only_so_long(site: Site) -> None:
    site.end()
    follower = Follower(lambda: Paddock(site.url).stream(["fills"], patience_s=0.5))
    follower.start()
    follower.join(30)

    assert isinstance(follower.mishap, Unreachable)
    assert "was not reached for 0.5 s" in str(follower.mishap)
