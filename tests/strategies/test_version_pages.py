"""History and other versions of a deployment, in the admin and on its page."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from marketdata import bus
from strategies.deployments.services import change_deployment, create_deployment
from strategies.models import Deployment, StrategyVersion
from strategies.versions import registry
from tests.flipping import write_flipper
from tests.rows import enter, open_season

pytestmark = pytest.mark.django_db


@pytest.fixture
def row(folder: Path) -> Deployment:
    bus.redis_client().flushall()
    open_season()
    write_flipper(folder)
    return create_deployment(by="anna", slug="flip", name="Flip", strategy="flipper", config={"every": 30})


@pytest.fixture
def edited(folder: Path, row: Deployment) -> Deployment:
    """Return a deployment beside whose version another lies."""
    write_flipper(folder, "1.1.0")
    registry.rescan()
    return row


def version_page(row: Deployment, change: str) -> str:
    return reverse("admin:strategies_deployment_version", args=[row.pk, change])


def history(row: Deployment) -> str:
    return reverse("admin:strategies_deployment_history", args=[row.pk])


def roll_back_page(row: Deployment, number: int) -> str:
    return reverse("admin:strategies_deployment_roll_back", args=[row.pk, number])


def clerk(*permissions: str) -> Client:
    """Return a client logged in as staff with these permissions on deployments."""
    user = get_user_model().objects.create_user("clerk", is_staff=True)
    codes = [f"{permission}_deployment" for permission in permissions]
    user.user_permissions.set(Permission.objects.filter(codename__in=codes))
    client = Client()
    client.force_login(user)
    return client


def sentence(row: Deployment) -> str:
    new = registry.strategy("flipper").hash[:8]
    return f"New version 1.1.0 ({new}) found (running 1.0.0 ({row.strategy_hash[:8]}))"


def test_form_and_page_say_that_another_version_is_there(admin_client: Client, edited: Deployment) -> None:
    form = admin_client.get(reverse("admin:strategies_deployment_change", args=[edited.pk])).content.decode()
    page = admin_client.get("/deployments/flip").content.decode()

    assert sentence(edited) in form
    assert sentence(edited) in page
    for change in ("challenger", "switch"):
        assert version_page(edited, change) in form
        assert version_page(edited, change) in page


def test_form_and_page_say_nothing_while_the_present_version_is_traded(admin_client: Client, row: Deployment) -> None:
    form = admin_client.get(reverse("admin:strategies_deployment_change", args=[row.pk])).content.decode()

    assert "New version" not in form
    assert "New version" not in admin_client.get("/deployments/flip").content.decode()


def test_the_form_is_drawn_from_the_version_that_is_traded(admin_client: Client, folder: Path, row: Deployment) -> None:
    write_flipper(folder, "1.1.0", key="pause")
    registry.rescan()

    form = admin_client.get(reverse("admin:strategies_deployment_change", args=[row.pk])).content.decode()

    assert 'name="config__every" value="30"' in form
    assert "config__pause" not in form


def test_a_challenger_is_asked_about_once_more(admin_client: Client, edited: Deployment) -> None:
    asked = admin_client.get(version_page(edited, "challenger")).content.decode()
    untouched = Deployment.objects.count()
    answer = admin_client.post(version_page(edited, "challenger"), follow=True)

    assert "a new account with the full starting balance" in asked
    assert untouched == 1
    assert "Flip 1.1.0 (flip-2) was entered as challenger." in answer.content.decode()
    assert Deployment.objects.get(slug="flip-2").config == {"every": 30}


def test_a_switch_is_asked_about_once_more(admin_client: Client, edited: Deployment) -> None:
    asked = admin_client.get(version_page(edited, "switch")).content.decode()
    admin_client.post(version_page(edited, "switch"))

    account = edited.account_id
    edited.refresh_from_db()
    assert "state starts empty" in asked
    assert (registry.strategy_of(edited).version, edited.account_id) == ("1.1.0", account)


def test_keys_that_the_other_version_does_not_take_are_named_and_can_be_dropped(
    admin_client: Client, folder: Path, row: Deployment
) -> None:
    write_flipper(folder, "1.1.0", key="pause")
    registry.rescan()
    asked = admin_client.get(version_page(row, "switch")).content.decode()
    refused = admin_client.post(version_page(row, "switch"), follow=True).content.decode()
    row.refresh_from_db()
    assert row.revision == 1

    admin_client.post(version_page(row, "switch"), {"drop": "yes"})

    row.refresh_from_db()
    assert "it has no key every, its keys are pause" in asked
    assert "it has no key every, its keys are pause" in refused
    assert (row.config, registry.strategy_of(row).version) == ({}, "1.1.0")


def test_without_another_version_there_is_no_page_to_confirm(admin_client: Client, row: Deployment) -> None:
    answer = admin_client.get(version_page(row, "switch"), follow=True)

    assert "Flip trades the version that is there" in answer.content.decode()
    assert admin_client.get(version_page(row, "swap")).status_code == 404


@pytest.mark.parametrize("change", ["challenger", "switch"])
def test_who_may_only_look_changes_no_version(edited: Deployment, change: str) -> None:
    assert clerk("view").post(version_page(edited, change)).status_code == 403
    assert Client().post(version_page(edited, change)).status_code == 302  # to the login
    assert (Deployment.objects.count(), Deployment.objects.get().revision) == (1, 1)


def test_who_may_change_but_not_add_may_switch_and_enter_no_challenger(edited: Deployment) -> None:
    client = clerk("view", "change")

    assert client.post(version_page(edited, "challenger")).status_code == 403
    assert client.post(version_page(edited, "switch")).status_code == 302
    assert Deployment.objects.get().revision == 2


def test_the_history_tells_who_when_and_what(admin_client: Client, row: Deployment) -> None:
    change_deployment(deployment=row, by="ben", config={"every": 40}, latency_ms=50)

    page = admin_client.get(history(row)).content.decode()

    assert "2 · changed by ben" in page
    assert "1 · created by anna" in page
    assert f"flipper 1.0.0 ({row.strategy_hash[:8]})" in page
    for key, before, after in (("config.every", "30", "40"), ("latency_ms", "200", "50")):
        assert (
            f'<code>{key}</code></th><td data-label="Before">{before}</td><td data-label="After">{after}</td>' in page
        )


def test_any_two_revisions_are_compared(admin_client: Client, row: Deployment) -> None:
    change_deployment(deployment=row, by="ben", config={"every": 40})
    change_deployment(deployment=row, by="ben", config={"every": 50}, name="Flop")

    page = admin_client.get(history(row), {"from": 1, "to": 3}).content.decode()

    assert "From revision 1 to 3" in page
    assert '<code>config.every</code></th><td data-label="1">30</td><td data-label="3">50</td>' in page
    assert admin_client.get(history(row), {"from": 1, "to": 99}).status_code == 404
    assert "No differences" in admin_client.get(history(row), {"from": 2, "to": 2}).content.decode()


def test_a_roll_back_is_shown_first_and_done_when_confirmed(admin_client: Client, row: Deployment) -> None:
    change_deployment(deployment=row, by="ben", config={"every": 40})
    asked = admin_client.get(roll_back_page(row, 1)).content.decode()
    row.refresh_from_db()
    assert row.config == {"every": 40}

    answer = admin_client.post(roll_back_page(row, 1), follow=True)

    row.refresh_from_db()
    assert '<td data-label="Current">40</td><td data-label="After rollback">30</td>' in asked
    assert "Flip is what it was as of revision 1." in answer.content.decode()
    assert (row.config, row.revisions.first().by) == ({"every": 30}, "admin")


def test_who_may_only_look_sees_the_history_and_rolls_nothing_back(row: Deployment) -> None:
    change_deployment(deployment=row, by="ben", config={"every": 40})
    client = clerk("view")

    page = client.get(history(row)).content.decode()

    assert "2 · changed by ben" in page
    assert "Roll back to this" not in page
    assert client.post(roll_back_page(row, 1)).status_code == 403
    assert Deployment.objects.get().revision == 2


def test_what_nobody_may_or_can_see_is_refused(admin_client: Client, row: Deployment) -> None:
    assert clerk().get(history(row)).status_code == 403
    assert admin_client.get(roll_back_page(row, 9)).status_code == 404
    assert admin_client.get(reverse("admin:strategies_deployment_history", args=[row.pk + 1])).status_code == 404


def test_an_old_deployment_has_an_empty_history(admin_client: Client) -> None:
    old = enter(None, "old", strategy="ema_cross")

    assert "No changes recorded" in admin_client.get(history(old)).content.decode()
    assert "No changes recorded" in admin_client.get("/deployments/old").content.decode()


def test_the_deployments_page_tells_its_changes(client: Client, row: Deployment) -> None:
    change_deployment(deployment=row, by="ben", config={"every": 40})

    page = client.get("/deployments/flip").content.decode()

    assert "changed by ben" in page
    assert "<code>config.every</code> 30 → <b>40</b>" in page


def test_versions_are_listed_with_who_trades_them_and_what_they_held(admin_client: Client, edited: Deployment) -> None:
    page = admin_client.get(reverse("admin:strategies_strategyversion_changelist"), {"q": "flipper"})
    counts = {row.version: row.deployments for row in page.context["cl"].result_list}
    kept = StrategyVersion.objects.get(hash=edited.strategy_hash)
    about = admin_client.get(reverse("admin:strategies_strategyversion_change", args=[kept.pk])).content.decode()

    assert counts == {"1.1.0": 0, "1.0.0": 1}
    assert "<code>_rules/sizes.py</code>" in about
    assert "SIZE = 20" in about


def test_a_broken_edit_is_reported_beside_versions(admin_client: Client, folder: Path, row: Deployment) -> None:
    (folder / "flipper.py").write_text("def broken(:\n")
    registry.rescan()

    page = admin_client.get(reverse("admin:strategies_strategyversion_changelist")).content.decode()

    assert "SyntaxError: invalid syntax (flipper.py, line 1)" in page
