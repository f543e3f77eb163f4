"""A message carries a row as the API shows it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from rest_framework.renderers import JSONRenderer
from rest_framework.serializers import BaseSerializer

from portfolios.models import Fill, Message, MessageKind, Order, RoundTrip
from portfolios.outbox.writing import announce, body_of
from portfolios.serializers import FillSerializer, OrderSerializer, RoundTripSerializer
from strategies.models import Deployment, DeploymentEvent
from strategies.serializers.deployments import DeploymentEventSerializer
from tests.rows import enter, fill, open_season

pytestmark = pytest.mark.django_db

WHOLE = datetime(2026, 7, 8, 12, tzinfo=UTC)
FINE = WHOLE + timedelta(microseconds=120)
ELSEWHERE = datetime(2026, 7, 8, 14, 0, 0, 5, tzinfo=timezone(timedelta(hours=2)))


@pytest.fixture
def deployment() -> Deployment:
    return enter(open_season(), "a")


def order(deployment: Deployment, **changes) -> Order:
    facts = {
        "account": deployment.account, "order_id": "a:1:o0", "symbol": "BTC/USD", "side": "buy", "type": "limit",
        "time_in_force": "gtc", "status": "filled", "qty": Decimal("1.500000000000000000"), "purpose": "entry",
        "filled_qty": Decimal("0E-18"), "sequence": 2**40, "created_at": WHOLE, "updated_at": FINE,
    }  # fmt: skip
    return Order.objects.create(**{**facts, **changes})


def trip(deployment: Deployment, **changes) -> RoundTrip:
    facts = {
        "account": deployment.account, "trip_id": "a:1:t0", "symbol": "BTC/USD", "qty": Decimal(3),
        "entry_price": Decimal(7), "exit_price": Decimal("1E+2"), "fees": Decimal("1E-18"),
        "result": Decimal("-0.10"), "opened_at": WHOLE, "closed_at": FINE, "sequence": 5,
    }  # fmt: skip
    return RoundTrip.objects.create(**{**facts, **changes})


def shown(serializer: BaseSerializer) -> dict:
    """Return the API's answer as a program reads it, without what only the API knows."""
    answer = json.loads(JSONRenderer().render(serializer.data))
    return {name: value for name, value in answer.items() if name != "waiting"}


def announced(kind: MessageKind) -> dict:
    return Message.objects.get(kind=kind).data


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"limit_price": Decimal("0.000000000000000001"), "expires_at": FINE, "reason": "€ and \x01"},
        {"leverage": Decimal("-0.0"), "status": "refused", "code": "no_funds", "updated_at": ELSEWHERE},
    ],
)
def test_an_order_is_announced_as_the_api_shows_it(deployment, changes):
    row = order(deployment, **changes)

    announce(orders=[row], fills=[], trips=[])

    assert announced(MessageKind.ORDER) == shown(OrderSerializer(row))
    assert announced(MessageKind.ORDER) == shown(OrderSerializer(Order.objects.get()))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"result": Decimal("-12.500"), "leverage": Decimal(2)},
        {"evidence": {"rule": "queue", "levels": [[1, "2"]], "x": None}},
    ],
)
def test_a_fill_is_announced_as_the_api_shows_it(deployment, changes):
    row = fill(deployment, 7, **changes)

    announce(orders=[], fills=[row], trips=[])

    assert announced(MessageKind.FILL) == shown(FillSerializer(row))
    assert announced(MessageKind.FILL) == shown(FillSerializer(Fill.objects.get()))


@pytest.mark.parametrize("changes", [{}, {"mae": Decimal(1), "mfe": Decimal(0)}])
def test_a_round_trip_is_announced_as_the_api_shows_it(deployment, changes):
    row = trip(deployment, **changes)

    announce(orders=[], fills=[], trips=[row])

    assert announced(MessageKind.ROUND_TRIP) == shown(RoundTripSerializer(row))


@pytest.mark.parametrize("since", [None, ELSEWHERE])
def test_an_event_is_announced_as_the_api_shows_it(deployment, since):
    row = DeploymentEvent.objects.create(
        deployment=deployment, event_id="e1", kind="gap", summary="3 s", sequence=3, since=since, time=FINE
    )

    assert body_of(row, hidden=("id",)) == shown(DeploymentEventSerializer(row))


def test_facts_are_announced_in_order_orders_first(deployment):
    announce(orders=[order(deployment)], fills=[fill(deployment, 1), fill(deployment, 2)], trips=[trip(deployment)])

    kinds = list(Message.objects.order_by("pk").values_list("kind", flat=True))
    assert kinds == ["order", "fill", "fill", "round_trip"]
