"""Commands in the admin's list: stop entries, flatten, clone."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from portfolios.models import Command
from strategies.deployments.services import create_deployment
from strategies.models import Deployment
from tests.rows import open_season
from tests.strategies.admin.acting import act

pytestmark = pytest.mark.django_db
ADD = "/admin/strategies/deployment/add/"


@pytest.fixture
def rows() -> list[Deployment]:
    open_season()
    common = {"by": "test", "strategy": "ema_cross", "symbols": ["BTC/USD"]}
    return [
        create_deployment(slug="a", name="A", config={"slow": 30}, risk={"max_orders_per_minute": 7}, **common),
        create_deployment(slug="b", name="B", cash=250, latency_ms=70, **common),
    ]


def test_several_stop_their_entries_at_once(admin_client, rows):
    page = act(admin_client, "stop_entries", rows).content.decode()

    assert set(Deployment.objects.values_list("status", flat=True)) == {"entries_stopped"}
    assert "2 deployments may only close what is open." in page


def test_flattening_is_asked_about_once_more_with_its_consequences(admin_client, rows):
    shown = act(admin_client, "flatten", rows).content.decode()
    untouched = Command.objects.count()
    act(admin_client, "flatten", rows, confirmed="yes")

    assert "longs sold, shorts bought back" in shown
    assert untouched == 0
    assert {(c.account.slug, c.kind) for c in Command.objects.all()} == {("a", "flatten"), ("b", "flatten")}
    assert set(Deployment.objects.values_list("status", flat=True)) == {"paused"}


def test_several_are_cloned_at_once(admin_client, rows):
    act(admin_client, "clone", rows)

    copies = Deployment.objects.filter(slug__endswith="-copy").order_by("slug")
    assert [(c.name, c.config, c.cash) for c in copies] == [("A (copy)", {"slow": 30}, 100), ("B (copy)", {}, 250)]


def test_the_form_of_a_clone_is_filled_in_with_the_originals_settings(admin_client, rows):
    form = admin_client.get(ADD, {"strategy": "ema_cross", "clone": "a"}).context["adminform"].form

    shown = {name: form[name].value() for name in ("name", "slug", "symbols", "config__slow", "cash")}
    assert shown == {"name": "A (copy)", "slug": "a-2", "symbols": "BTC/USD", "config__slow": "30", "cash": "100"}
    assert form["risk__max_orders_per_minute"].value() == "7"


def test_a_clone_is_entered_with_what_was_changed_in_its_form(admin_client, rows):
    address = f"{ADD}?strategy=ema_cross&clone=a"
    form = admin_client.get(address).context["adminform"].form
    filled = {name: form[name].value() or "" for name in form.fields}

    admin_client.post(address, {**filled, "name": "Slower", "config__slow": "60"})

    clone = Deployment.objects.get(slug="a-2")
    assert (clone.name, clone.config, clone.risk) == ("Slower", {"slow": 60}, {"max_orders_per_minute": 7})
    assert clone.strategy_hash == rows[0].strategy_hash
    assert clone.revisions.get().note == "cloned from a"


def test_the_form_of_a_deployment_leads_to_its_clone(admin_client, rows):
    page = admin_client.get(reverse("admin:strategies_deployment_change", args=[rows[0].pk])).content.decode()

    assert "?strategy=ema_cross&amp;clone=a" in page


def test_a_clone_of_nobody_is_an_empty_form(admin_client, rows):
    form = admin_client.get(ADD, {"strategy": "ema_cross", "clone": "nobody"}).context["adminform"].form

    assert form["name"].value() is None


def test_who_may_only_look_commands_nothing(client, rows):
    clerk = User.objects.create_user("clerk", password="x", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_deployment"))
    client.force_login(clerk)

    for action in ("stop_entries", "flatten", "clone"):
        act(client, action, rows, confirmed="yes")

    assert Deployment.objects.count() == 2
    assert set(Deployment.objects.values_list("status", flat=True)) == {"enabled"}


@pytest.mark.parametrize("old", ["payment", "flattening"])
def test_the_addresses_of_the_older_lists_lead_to_the_commands(admin_client, old):
    answer = admin_client.get(f"/admin/portfolios/{old}/", follow=True)

    assert answer.status_code == 200
    assert answer.request["PATH_INFO"] == "/admin/portfolios/command/"
