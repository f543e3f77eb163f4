"""Each fact that a worker writes is announced once, in the API's own fields."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest

from portfolios.models import Fill, Message, MessageKind, Order, RoundTrip
from strategies.deployments.cloning import clone_deployment
from strategies.deployments.commands import flatten_deployment
from strategies.deployments.services import enable_deployment, pause_deployment
from strategies.models import DeploymentEvent
from tests.working import Work, around
from trading.frames import Gap
from trading.signals import OrderType

pytestmark = pytest.mark.django_db


@pytest.fixture
def work() -> Work:
    work = Work()
    work.show(around(100))
    work.show(around(100))
    return work


def body(kind: MessageKind) -> list[dict]:
    return [message.data for message in Message.objects.filter(kind=kind).order_by("pk")]


def results(client, path: str) -> list[dict]:
    return client.get(f"/api/v1/deployments/a/{path}/").json()["results"][::-1]


def test_a_round_trip_is_reported_as_the_api_tells_it(work, client):
    work.trade("buy", 1)
    work.trade("sell", 1)

    assert body(MessageKind.FILL) == results(client, "fills")
    assert body(MessageKind.ROUND_TRIP) == results(client, "round_trips")
    assert [order["status"] for order in body(MessageKind.ORDER)] == ["filled", "filled"]
    assert [{**order, "waiting": None} for order in body(MessageKind.ORDER)] == results(client, "orders")
    assert set(Message.objects.values_list("slug", flat=True)) == {"a"}


def test_an_order_is_reported_when_it_changes_and_not_while_it_rests(work):
    order = work.send("buy", 1, limit_ticks=50, type=OrderType.LIMIT)
    for _ in range(5):
        work.settle()
    resting = [each["status"] for each in body(MessageKind.ORDER)]
    work.show(around(40))
    work.show(around(40))

    assert Order.objects.get().order_id == order.order_id
    assert resting == ["open"]
    assert [each["status"] for each in body(MessageKind.ORDER)] == ["open", "filled"]


def test_facts_written_again_after_a_crash_are_not_announced_again(work, monkeypatch):
    written = []
    from strategies.worker import records

    record = records.record_rows
    monkeypatch.setattr(records, "record_rows", lambda *given: (written.append(given), record(*given)))
    work.trade("buy", 1)
    work.trade("sell", 1)
    before = Counter(Message.objects.values_list("kind", flat=True))

    for given in written:
        record(*given)

    assert before == {"fill": 2, "order": 2, "round_trip": 1, "event": before["event"]}
    assert Counter(Message.objects.values_list("kind", flat=True))["fill"] == 2
    assert Counter(Message.objects.values_list("kind", flat=True))["round_trip"] == 1
    assert (Fill.objects.count(), RoundTrip.objects.count()) == (2, 1)


def test_a_worker_that_dies_before_it_commits_tells_nothing_and_its_successor_tells_it_once(work):
    work.send("buy", 1)
    work.runner.process(work.scene.frame())
    work.dies()
    nothing = body(MessageKind.FILL)

    work.trade("buy", 2)

    assert nothing == []
    assert [Decimal(fill["qty"]) for fill in body(MessageKind.FILL)] == [2]


def test_what_a_person_does_to_a_deployment_is_an_event_that_is_reported(work, client):
    enable_deployment(deployment=work.deployment, by="ann")
    pause_deployment(deployment=work.deployment, by="ann", reason="lunch")

    events = body(MessageKind.EVENT)

    assert [event["summary"] for event in events][-2:] == ["enabled by ann", "paused by ann: lunch"]
    assert len(events) == DeploymentEvent.objects.count()
    assert events[::-1] == client.get("/api/v1/deployments/a/events/").json()["results"]


def test_a_copy_a_flattening_and_a_gap_are_reported_as_well(work, client):
    work.trade("buy", 1)
    before = len(body(MessageKind.EVENT))
    clone_deployment(deployment=work.deployment, by="ann", name="B")
    flatten_deployment(deployment=work.deployment, by="ann")
    work.apply()
    work.settle()
    seen_ns = work.scene.now_ns
    work.show(gap=Gap(seen_ns, seen_ns + 10**8, "the feed stood still"))

    _of_the_copy, *events = body(MessageKind.EVENT)[before:]

    assert [event["summary"].partition(",")[0] for event in events] == [
        "b was cloned from it by ann",
        "flatten by ann: paused",
        "flattened",
        "0.1 s of the market were not seen: the feed stood still",
    ]
    assert events[-1]["since"] is not None
    listed = {event["event_id"]: event for event in client.get("/api/v1/deployments/a/events/").json()["results"]}
    assert events == [listed[event["event_id"]] for event in events]
