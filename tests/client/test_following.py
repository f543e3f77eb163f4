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
    EventMessage,
    FillMessage,
    Gap,
    NotAllowed,
    OrderMessage,
    Paddock,
    RoundTripMessage,
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
            received = len(follower.received)
            wait_until(lambda received=received: len(follower.received) > received + 5, "some facts", site.log)
            site.end(how)
            unsent = Message.objects.count()
            wait_until(lambda unsent=unsent: Message.objects.count() > unsent or market_is_over(), "trade", site.log)
            site.start()
        wait_until(market_is_over, "the end of the recording", site.log)
        worked_through = bus.latest_sequence(bus.current_market())
        wait_until(lambda: _cursor() >= worked_through, "every deployment at the last frame", site.log)
        wait_until(lambda: len(follower.received) >= Message.objects.count() - len(begun), "all messages", site.log)

    received = follower.received
    assert follower.error is None
    assert len({message.cursor for message in received}) == len(received)
    fills = [m for m in received if isinstance(m, FillMessage)]
    written_fills = Fill.objects.values_list("account__slug", "fill_id")
    assert sorted((m.deployment, m.data.fill_id) for m in fills) == sorted(written_fills)
    trips = [(m.deployment, m.data.trip_id) for m in received if isinstance(m, RoundTripMessage)]
    assert sorted(trips) == sorted(RoundTrip.objects.values_list("account__slug", "trip_id"))
    events = [(m.data.event_id, m.deployment) for m in received if isinstance(m, EventMessage)]
    written = DeploymentEvent.objects.values_list("event_id", "deployment__slug")
    assert sorted(events) == sorted(set(written) - begun)
    orders = [m for m in received if isinstance(m, OrderMessage)]
    last = {(m.deployment, m.data.order_id): m.data.status for m in orders}
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
        wait_until(lambda: len(first.received) == 3, "three fills", site.log)
    trade(deployment, 4)

    with following(site.url, "fills", after=first.received[1].cursor) as second:
        trade(deployment, 5)
        wait_until(lambda: len(second.received) == 3, "three more", site.log)

    assert [message.data.sequence for message in second.received] == [3, 4, 5]


def test_a_program_that_was_away_too_long_receives_the_gap_and_goes_on(site: Site) -> None:
    deployment = enter(open_season(), "a")
    with following(site.url, "fills") as first:
        trade(deployment, 1)
        wait_until(lambda: first.received, "a fill", site.log)
    trade(deployment, 2, 3, 4)
    remove_old_messages(before=timezone.now() - timedelta(hours=1), most=1)
    site.end()
    site.start()

    with following(site.url, "fills", after=first.received[0].cursor) as second:
        wait_until(lambda: len(second.received) == 2, "the gap and what is kept", site.log)

    gap, kept = second.received
    assert isinstance(gap, Gap)
    assert gap.from_ == first.received[0].cursor
    assert kept.data.sequence == 4


def test_a_database_that_breaks_off_costs_no_message(site: Site) -> None:
    deployment = enter(open_season(), "a")
    with following(site.url, "fills") as follower:
        trade(deployment, 1)
        wait_until(lambda: follower.received, "a fill", site.log)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        trade(deployment, 2)
        wait_until(lambda: len(follower.received) == 2, "another", site.log)

    assert [message.data.sequence for message in follower.received] == [1, 2]


def test_a_cursor_of_another_server_is_refused_with_what_is_wrong(site: Site) -> None:
    with following(site.url, "fills", after=f"{2**61}-5") as follower:
        wait_until(lambda: follower.error, "a refusal", site.log)

    assert isinstance(follower.error, UnknownCursor)
    assert "ahead of this stream" in follower.error.errors["after"][0]


def test_where_pages_are_not_public_a_program_needs_a_token(site: Site) -> None:
    site.end()
    private = Site(site.log, PADDOCK_PUBLIC_PAGES="false")
    _, token = make_token(user=User.objects.create_user("ann"), name="robot", scopes=["read"], by="test")
    private.start()
    try:
        for secret, may_read in ((None, False), ("wrong", False), (token, True)):
            follower = Follower(lambda secret=secret: Paddock(private.url, secret).stream(["fills"]))
            follower.start()
            wait_until(
                lambda follower=follower: follower.error or (follower.stream and follower.stream.cursor), "an answer"
            )
            follower.stop()
            assert (follower.error is None) == may_read
            assert may_read or isinstance(follower.error, NotAllowed)
    finally:
        private.end()


def test_a_server_that_stays_away_is_waited_for_only_so_long(site: Site) -> None:
    site.end()
    follower = Follower(lambda: Paddock(site.url).stream(["fills"], patience_s=0.5))
    follower.start()
    follower.join(30)

    assert isinstance(follower.error, Unreachable)
    assert "was not reached for 0.5 s" in str(follower.error)
