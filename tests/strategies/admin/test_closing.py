"""The admin's page on which positions are closed and orders cancelled."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from portfolios.models import Command, Order, Position
from strategies.models import Deployment
from tests.rows import NOON, enter, open_season

pytestmark = pytest.mark.django_db


@pytest.fixture
def row() -> Deployment:
    row = enter(open_season(), "a")
    Position.objects.create(account=row.account, symbol="BTC/USD", qty=D(2), average_price=1, fees=0)
    Order.objects.create(
        account=row.account, order_id="a:7:o0", symbol="BTC/USD", side="buy", type="limit", purpose="entry",
        time_in_force="gtc", status="open", qty=1, sequence=7, created_at=NOON, updated_at=NOON,
    )  # fmt: skip
    return row


@pytest.fixture
def address(row: Deployment) -> str:
    return reverse("admin:strategies_deployment_close", args=[row.pk])


def test_open_positions_and_orders_each_have_a_button(admin_client, address):
    page = admin_client.get(address).content.decode()

    assert 'value="Close BTC/USD"' in page
    assert 'name="order_id" value="a:7:o0"' in page


@pytest.mark.parametrize(("qty", "words"), [("", "close BTC/USD"), ("0.5", "close 0.5 of BTC/USD")])
def test_a_position_is_closed_whole_or_in_part(admin_client, address, qty, words):
    page = admin_client.post(address, {"symbol": "BTC/USD", "qty": qty}, follow=True).content.decode()

    assert f"C{words[1:]} requested for a; its worker carries it out." in page
    assert Command.objects.get().requested_by == "admin"
    assert f"<td>{words}</td><td>requested</td>" in page


def test_an_order_is_cancelled(admin_client, address):
    page = admin_client.post(address, {"order_id": "a:7:o0"}, follow=True).content.decode()

    assert "Cancel order a:7:o0 requested for a" in page
    assert Command.objects.get().kind == "cancel"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"symbol": "BTC/USD", "qty": "much"}, "Qty is &#x27;much&#x27;; expected a number like 0.5"),
        ({"symbol": "XRP/USD"}, "A has no open position in XRP/USD"),
        ({"order_id": "a:9:o0"}, "A has no order a:9:o0"),
        ({}, "A has no open position in"),
    ],
)
def test_what_cannot_be_requested_is_said_and_left(admin_client, address, fields, words):
    page = admin_client.post(address, fields, follow=True).content.decode()

    assert words in page
    assert not Command.objects.exists()


def test_only_who_may_change_the_deployment_may_close(client, address):
    clerk = User.objects.create_user("clerk", password="x", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_deployment"))
    client.force_login(clerk)

    assert client.post(address, {"symbol": "BTC/USD"}).status_code == 403
    assert not Command.objects.exists()


def test_the_form_of_a_deployment_leads_there(admin_client, row, address):
    page = admin_client.get(reverse("admin:strategies_deployment_change", args=[row.pk])).content.decode()

    assert f'href="{address}"' in page
