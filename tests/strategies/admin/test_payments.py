import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from portfolios.models import Command
from tests.rows import enter, open_season

pytestmark = pytest.mark.django_db


@pytest.fixture
def address():
    return reverse("admin:strategies_deployment_pay", args=[enter(open_season(), "a").pk])


def filled(**changes):
    return {"direction": "in", "amount": "50", "currency": "usd", "note": "", **changes}


@pytest.mark.parametrize(("direction", "amount"), [("in", 50), ("out", -50)])
def test_a_payment_is_requested_with_who_requested_it(admin_client, address, direction, amount):
    answer = admin_client.post(address, filled(direction=direction, note="rent"), follow=True)

    payment = Command.objects.get()
    assert payment.arguments == {"amount": str(amount), "currency": "USD", "note": "rent"}
    assert (payment.requested_by, payment.state) == ("admin", "requested")
    assert "its worker applies or rejects it" in answer.content.decode()


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"amount": "-5"}, "amount", "amount is -5; expected a number above zero"),
        ({"amount": "much"}, "amount", "amount is 'much'"),
        ({"amount": "Infinity"}, "amount", "amount is Infinity"),
        ({"currency": "$"}, "currency", "currency is '$'; expected one like USD or BTC"),
        ({"direction": "sideways"}, "direction", "sideways"),
    ],
)
def test_what_is_no_payment_is_rejected_beside_its_field(admin_client, address, changes, field, words):
    answer = admin_client.post(address, filled(**changes))

    assert words in " ".join(answer.context["form"].errors[field])
    assert not Command.objects.exists()


def test_looking_requests_nothing(admin_client, address):
    page = admin_client.get(address, filled()).content.decode()

    assert "A withdrawal above the free balance is rejected" in page
    assert not Command.objects.exists()


def test_only_who_may_change_the_deployment_may_pay(client, address):
    clerk = User.objects.create_user("clerk", password="x", is_staff=True)
    client.force_login(clerk)
    forbidden = client.post(address, filled()).status_code
    clerk.user_permissions.add(Permission.objects.get(codename="change_deployment"))
    client.force_login(User.objects.get(pk=clerk.pk))

    allowed = client.post(address, filled()).status_code

    assert (forbidden, allowed) == (403, 302)
    assert Command.objects.count() == 1


def test_the_address_is_closed_to_strangers_and_to_forged_requests(client, admin_user, address):
    stranger = client.post(address, filled())
    forger = Client(enforce_csrf_checks=True)
    forger.force_login(admin_user)

    assert stranger.status_code == 302
    assert "/login/" in stranger["Location"]
    assert forger.post(address, filled()).status_code == 403
    assert not Command.objects.exists()


def test_a_deployment_without_an_account_says_so(admin_client):
    row = enter(None, "b")

    page = admin_client.post(reverse("admin:strategies_deployment_pay", args=[row.pk]), filled()).content.decode()

    assert "b has no open account" in page
