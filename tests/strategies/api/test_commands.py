"""Commands over REST: who may give them, what they answer, and what is rejected by name."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from django.contrib.auth import get_user_model

from marketdata import bus
from portfolios.models import AuditEntry, Command, Order, Position, Season
from strategies.deployments.services import create_deployment, disable_deployment, quarantine_deployment
from strategies.models import Deployment
from tests.rows import NOON, enter, open_season

pytestmark = pytest.mark.django_db
COMMANDS = (
    *("deployments/a/stop_entries/", "deployments/a/flatten/", "deployments/a/close/", "deployments/a/cancel/"),
    *("deployments/a/clone/", "seasons/begin/"),
)


@pytest.fixture(autouse=True)
def _empty_bus():
    bus.redis_client().flushall()


@pytest.fixture
def entered() -> Deployment:
    open_season()
    return create_deployment(
        by="test", slug="a", name="A", strategy="ema_cross", symbols=["BTC/USD"], config={"slow": 30}
    )


def post(client, path: str, body: object = None):
    return client.post(f"/api/v1/{path}", body or {}, content_type="application/json")


@pytest.mark.parametrize("is_staff", [None, False])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_needs_a_staff_login(client, command, is_staff):
    enter(open_season(), "a")
    if is_staff is not None:
        client.force_login(get_user_model().objects.create_user("ann", is_staff=is_staff))

    assert post(client, command, {"name": "B", "confirm": 1}).status_code in (401, 403)
    assert Deployment.objects.get().status == "enabled"
    assert Season.objects.count() == 1


@pytest.mark.parametrize("command", ["stop_entries", "flatten", "close", "cancel", "clone"])
def test_an_unknown_deployment_is_not_found(admin_client, command):
    answer = post(admin_client, f"deployments/nobody/{command}/", {"name": "B", "symbol": "BTC/USD", "order_id": "x"})

    assert answer.status_code == 404


def test_entries_are_stopped_with_a_reason_and_allowed_again(admin_client, entered):
    stopped = post(admin_client, "deployments/a/stop_entries/", {"reason": "news"}).json()
    enabled = post(admin_client, "deployments/a/enable/").json()

    assert (stopped["status"], stopped["status_reason"]) == ("entries_stopped", "news")
    assert (enabled["status"], enabled["status_reason"]) == ("enabled", "")


def test_flattening_is_accepted_paused_and_listed(admin_client, entered):
    answer = post(admin_client, "deployments/a/flatten/")
    (listed,) = admin_client.get("/api/v1/deployments/a/flattenings/").json()["results"]

    assert answer.status_code == 202
    assert (answer.json()["status"], answer.json()["status_reason"]) == ("paused", "flatten by admin")
    assert (listed["state"], listed["by"], listed["sequence"]) == ("asked", "admin", None)
    assert Command.objects.get().kind == "flatten"


def hold(entered: Deployment, qty: str = "2") -> None:
    Position.objects.create(account=entered.account, symbol="BTC/USD", qty=D(qty), average_price=1, fees=0)


def rest(entered: Deployment, order_id: str = "a:7:o0", status: str = "open") -> None:
    Order.objects.create(
        account=entered.account, order_id=order_id, symbol="BTC/USD", side="buy", type="limit", purpose="entry",
        time_in_force="gtc", status=status, qty=1, sequence=7, created_at=NOON, updated_at=NOON,
    )  # fmt: skip


@pytest.mark.parametrize(("body", "arguments"), [({}, {}), ({"qty": "0.50"}, {"qty": "0.5"}), ({"qty": None}, {})])
def test_closing_a_position_is_accepted_and_listed(admin_client, entered, body, arguments):
    hold(entered)

    answer = post(admin_client, "deployments/a/close/", {"symbol": "BTC/USD", **body})
    (listed,) = admin_client.get("/api/v1/deployments/a/commands/").json()["results"]

    assert answer.status_code == 202
    assert answer.json() == listed
    assert (listed["kind"], listed["state"], listed["requested_by"]) == ("close", "requested", "admin")
    assert listed["arguments"] == {"symbol": "BTC/USD", **arguments}
    assert (listed["message"], listed["result"], listed["began_sequence"]) == ("", {}, None)
    entry = AuditEntry.objects.get(kind="command")
    assert (entry.by, entry.subject, entry.action) == ("admin", "a", "close")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "symbol"),
        ({"symbol": "XRP/USD"}, "a has no open position in XRP/USD; it has BTC/USD"),
        ({"symbol": "BTC/USD", "qty": "0"}, "qty is 0; expected a number above 0, at most 2"),
        ({"symbol": "BTC/USD", "qty": "2.1"}, "qty is 2.1; expected a number above 0, at most 2"),
        ({"symbol": "BTC/USD", "qty": "NaN"}, "qty"),
    ],
)
def test_what_is_not_held_is_not_closed(admin_client, entered, body, words):
    hold(entered)

    answer = post(admin_client, "deployments/a/close/", body)

    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert not Command.objects.exists()


def test_cancelling_an_order_requested_twice_is_one_command(admin_client, entered):
    rest(entered)

    first, second = (post(admin_client, "deployments/a/cancel/", {"order_id": "a:7:o0"}) for _ in range(2))

    assert first.status_code == 202
    assert first.json() == second.json()
    assert first.json()["arguments"] == {"order_id": "a:7:o0"}
    assert Command.objects.count() == 1


@pytest.mark.parametrize(
    ("order_id", "words"),
    [("a:8:o0", "a has no order a:8:o0"), ("a:7:o1", "order a:7:o1 is filled: nothing is left to cancel")],
)
def test_what_is_not_open_is_not_cancelled(admin_client, entered, order_id, words):
    rest(entered, "a:7:o1", "filled")

    answer = post(admin_client, "deployments/a/cancel/", {"order_id": order_id})

    assert answer.status_code == 400
    assert words in answer.content.decode()


@pytest.mark.parametrize("command", ["close", "cancel"])
def test_what_no_worker_takes_is_left_alone(admin_client, entered, command):
    hold(entered)
    rest(entered)
    disable_deployment(deployment=entered, by="test")

    answer = post(admin_client, f"deployments/a/{command}/", {"symbol": "BTC/USD", "order_id": "a:7:o0"})

    assert answer.status_code == 400
    assert "a is disabled: no worker takes it" in answer.content.decode()


def test_all_commands_are_listed_newest_first_and_narrowed_by_kind_and_state(admin_client, entered):
    post(admin_client, "deployments/a/stop_entries/", {"reason": "news"})
    post(admin_client, "deployments/a/enable/")
    post(admin_client, "deployments/a/flatten/")

    def listed(**which):
        results = admin_client.get("/api/v1/deployments/a/commands/", which).json()["results"]
        return [(each["kind"], each["state"], each["message"]) for each in results]

    assert listed() == [
        ("flatten", "requested", ""),
        ("allow_entries", "withdrawn", "flatten by admin: paused, all is closed"),
        ("stop_entries", "withdrawn", "enabled by admin"),
    ]
    assert listed(kind="flatten") == listed(state="requested") == listed()[:1]
    assert admin_client.get("/api/v1/deployments/a/commands/", {"state": "asked"}).status_code == 400


def test_what_is_quarantined_is_not_flattened(admin_client, entered):
    quarantine_deployment(deployment_id=entered.pk, reason="hung")

    answer = post(admin_client, "deployments/a/flatten/")

    assert answer.status_code == 400
    assert "is quarantined" in answer.content.decode()


def test_a_clone_differs_in_what_is_given(admin_client, entered):
    answer = post(
        admin_client,
        "deployments/a/clone/",
        {"name": "B", "config": {"slow": 50}, "latency_ms": 50, "cash": "500", "shadow_choice": "off"},
    )

    clone = Deployment.objects.get(slug="b")
    assert answer.status_code == 201
    assert answer.json()["slug"] == "b"
    assert (clone.config, clone.latency_ms, clone.cash, clone.shadows) == ({"slow": 50}, 50, 500, "off")
    assert clone.symbols == ["BTC/USD"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "B", "slug": "B!"}, "slug"),
        ({"name": "B", "slug": "a"}, "slug"),
        ({"name": "B", "config": [1]}, "config"),
        ({"name": "B", "config": {"slow": "much"}}, "config"),
        ({"name": "B", "symbols": ["BTC"]}, "symbols"),
        ({"name": "B", "cash": "NaN"}, "cash"),
        ({"name": "B", "cash": "0.5"}, "cash"),
        ({"name": "B", "latency_ms": -1}, "latency_ms"),
        ({"name": "B", "currency": "x" * 11}, "currency"),
        ({"name": "B", "colour": "red"}, "colour"),
        ({"name": "B\x00"}, "the body has the text"),
    ],
)
def test_a_clone_that_is_not_valid_is_rejected_by_field(admin_client, entered, body, field):
    answer = post(admin_client, "deployments/a/clone/", body)

    assert answer.status_code == 400
    assert field in answer.content.decode()
    assert Deployment.objects.count() == 1


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("body", ['["a"]', "7", "{", '"text"'])
def test_what_is_no_object_is_rejected(admin_client, entered, command, body):
    answer = admin_client.post(f"/api/v1/{command}", body, content_type="application/json")

    assert answer.status_code == 202 if "flatten" in command and body != "{" else 400


def test_a_season_is_begun_for_all_by_who_names_the_one_that_ends(admin_client, entered):
    answer = post(admin_client, "seasons/begin/", {"confirm": 1, "name": "Winter", "liquidity": "shared"})

    begun = answer.json()
    assert answer.status_code == 201
    assert (begun["number"], begun["name"], begun["liquidity"], begun["ended_at"]) == (2, "Winter", "shared", None)
    assert Deployment.objects.get().account.season.number == 2


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "confirm"),
        ({"confirm": 7}, "confirm is 7; season 1 runs: expected 1"),
        ({"confirm": "yes"}, "confirm"),
        ({"confirm": 1, "liquidity": "common"}, "liquidity"),
        ({"confirm": 1, "name": "x" * 101}, "name"),
    ],
)
def test_a_season_is_not_begun_by_accident(admin_client, entered, body, words):
    answer = post(admin_client, "seasons/begin/", body)

    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert Season.objects.get().ended_at is None


def test_without_a_market_no_season_begins(admin_client):
    answer = post(admin_client, "seasons/begin/", {"confirm": 0})

    assert answer.status_code == 400
    assert "no market is known yet" in answer.content.decode()
