"""Who has the token of a trader commands deployments with the client; each command is given once."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth.models import User

from marketdata import bus
from paddock_client import NotAllowed, NotFound, Paddock, Refused
from portfolios.models import Account, AuditEntry, Order, Position
from strategies.deployments.services import change_deployment, create_deployment
from strategies.models import Deployment
from strategies.versions import registry
from tests.flipping import write_flipper
from tests.rows import NOON, open_season
from tradingsite.access.roles import give_role
from tradingsite.access.tokens import make_token

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def deployment():
    bus.redis_client().flushall()
    open_season()
    return create_deployment(
        by="test", slug="a", name="A", strategy="ema_cross", symbols=["BTC/USD"], config={"slow": 30}
    )


def test_a_deployment_is_paused_has_its_entries_stopped_and_is_enabled(trader):
    paused = trader.pause("a", "lunch")
    stopped = trader.stop_entries("a", "news")
    enabled = trader.enable("a")

    assert (paused.status, paused.status_reason) == ("paused", "lunch")
    assert (stopped.status, stopped.status_reason) == ("entries_stopped", "news")
    assert (enabled.status, enabled.recent_events[0].kind) == ("enabled", "resumed")


def test_a_reset_opens_a_new_account(trader):
    before = Account.objects.get(closed_at=None)

    trader.reset("a")

    assert Account.objects.get(closed_at=None) != before


def test_how_far_a_flattening_has_come_can_be_followed(trader):
    paused = trader.flatten("a")
    (listed,) = trader.flattenings("a")

    assert (paused.status, paused.flattening.state, paused.flattening.by) == ("paused", "asked", "tess")
    assert listed == paused.flattening
    assert list(trader.flattenings("a", state="done")) == []


def test_a_position_is_closed_in_part_and_an_order_cancelled(trader, deployment):
    of_account = {"account": deployment.account, "symbol": "BTC/USD"}
    Position.objects.create(**of_account, qty=2, average_price=1, fees=0)
    Order.objects.create(
        **of_account, order_id="a:7:o0", side="buy", type="limit", purpose="entry", time_in_force="gtc", status="open",
        qty=1, sequence=7, created_at=NOON, updated_at=NOON,
    )  # fmt: skip

    closed = trader.close_position("a", "BTC/USD", qty=Decimal("0.5"))
    cancelled = trader.cancel_order("a", "a:7:o0")

    assert (closed.kind, closed.arguments, closed.state) == ("close", {"symbol": "BTC/USD", "qty": "0.5"}, "requested")
    assert (cancelled.kind, cancelled.arguments) == ("cancel", {"order_id": "a:7:o0"})
    assert list(trader.commands("a")) == [cancelled, closed]
    assert list(trader.commands("a", kind="close", state="requested")) == [closed]


def test_a_copy_differs_in_what_is_said(trader):
    clone = trader.clone("a", "Slower", cash=Decimal("250.50"), config={"slow": 60}, latency_ms=200)
    named = trader.clone("a", "B", slug="other")

    assert (clone.slug, clone.cash, clone.latency_ms) == ("slower", Decimal("250.5"), 200)
    assert clone.config == {"slow": 60}
    assert (named.slug, named.config) == ("other", {"slow": 30})


def test_what_a_copy_cannot_be_is_named_by_field(trader):
    with pytest.raises(Refused) as refused:
        trader.clone("a", "B", cash="a lot", colour="blue")
    unknown = refused.value.errors
    with pytest.raises(Refused) as refused:
        trader.clone("a", "B", slug="a")

    assert "cash" in unknown
    assert "slug" in refused.value.errors


def test_a_season_begins_only_when_the_request_names_the_one_that_ends(trader, live_server):
    tess = User.objects.get(username="tess")
    _, secret = make_token(user=tess, name="seasons", scopes=["read", "admin"], by="test")
    with Paddock(live_server.url, secret) as client:
        with pytest.raises(Refused, match="season 1 runs: expected 1"):
            client.begin_season(confirm=3)

        season = client.begin_season(confirm=1, name="Autumn", liquidity="shared")

    assert (season.number, season.name, season.liquidity, season.ended_at) == (2, "Autumn", "shared", None)
    assert trader.league().season == season


def test_a_command_needs_the_token_of_a_trader_with_the_scope_to_trade(site, live_server):
    viewer = User.objects.create_user("vic")
    trader = User.objects.create_user("tom")
    give_role(user=trader, role="trader", by="test")
    _, of_viewer = make_token(user=viewer, name="robot", scopes=["read", "trade"], by="test")
    _, reads_only = make_token(user=trader, name="robot", scopes=["read"], by="test")

    for client in (site, Paddock(live_server.url, of_viewer), Paddock(live_server.url, reads_only)):
        with client, pytest.raises(NotAllowed):
            client.pause("a")

    with Paddock(live_server.url, "pdk_nonsense") as client, pytest.raises(NotAllowed, match="unknown, expired or"):
        client.league()


def test_what_a_program_does_is_on_the_record_under_the_name_of_its_user(trader):
    trader.pause("a", "lunch")

    assert AuditEntry.objects.filter(by="tess", subject="a", action="paused").count() == 1


def test_what_was_changed_is_read_and_rolled_back(trader):
    trader.pause("a", "lunch")
    before = next(trader.revisions("a")).number
    trader.clone("a", "B")  # no change of the original

    change_deployment(deployment=Deployment.objects.get(slug="a"), by="ann", config={"slow": 60})
    newest = next(trader.revisions("a"))
    restored = trader.roll_back("a", before)

    (change,) = newest.changes
    assert (newest.by, newest.action, change.key, change.before, change.after) == (
        "ann",
        "changed",
        "config.slow",
        30,
        60,
    )
    assert restored.config == {"slow": 30}
    assert next(trader.revisions("a")).action == "rolled back"
    with pytest.raises(NotFound, match="99"):
        trader.roll_back("a", 99)


def test_the_version_that_lies_in_the_folder_is_entered_or_taken(trader, folder):
    write_flipper(folder)
    registry.rescan()
    create_deployment(by="test", slug="flip", name="Flip", strategy="flipper")
    with pytest.raises(Refused):
        trader.switch("flip")
    write_flipper(folder, "1.1.0")
    registry.rescan()

    challenger = trader.challenger("flip")
    switched = trader.switch("flip", config={})

    assert (challenger.slug != "flip", challenger.traded_version.version) == (True, "1.1.0")
    assert (switched.slug, switched.traded_version.version, switched.offered_version) == ("flip", "1.1.0", None)
