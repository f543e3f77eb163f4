"""The audit log names who changed what, whichever way they came."""

from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command

from portfolios.audit import note_change
from portfolios.models import AuditEntry
from strategies.deployments.commands import request_payment
from strategies.deployments.services import change_deployment, create_deployment, pause_deployment
from strategies.seasons import new_season
from tests.rows import enter, open_season

pytestmark = pytest.mark.django_db


def logged():
    return [(e.by, e.kind, e.subject, e.action, e.sentence) for e in AuditEntry.objects.order_by("id")]


def test_every_change_of_a_deployment_is_written_with_what_is_different():
    row = create_deployment(by="ada", name="A", slug="a", strategy="ema_cross", symbols=["BTC/USD"])
    change_deployment(deployment=row, by="bob", config={"fast": 12})
    pause_deployment(deployment=row, by="cy", reason="holiday")

    assert [line[:4] for line in logged()] == [
        ("ada", "deployment", "a", "created"),
        ("bob", "deployment", "a", "changed"),
        ("cy", "deployment", "a", "paused"),
    ]
    assert logged()[1][4] == "config.fast: the default → 12"
    assert "holiday" in logged()[2][4]


def test_payments_and_seasons_are_written():
    row = enter(open_season(), "a")
    request_payment(deployment=row, amount=Decimal(-50), currency="USD", by="ada", note="rent")
    new_season(market="kraken", by="ada")

    assert logged()[0] == ("ada", "payment", "a", "taken out", "withdrawal of 50 USD requested. rent")
    assert [line[1:4] for line in logged()[1:]] == [("season", "1", "ended"), ("season", "2", "begun")]


def test_a_command_signs_with_its_name():
    enter(open_season(), "a")
    call_command("pay", "a", "50", "USD", stdout=StringIO())

    assert logged()[0][0] == "manage.py pay"


def test_only_those_who_may_see_the_log(client, admin_client):
    note_change(by="ada", kind="season", subject="2", action="begun", sentence="x" * 600)

    assert client.get("/audit/").status_code == 302
    assert client.get("/api/v1/audit/").status_code in {401, 403}
    page = admin_client.get("/audit/?kind=season&by=ada")
    assert "1 change by ada" in page.content.decode()
    (entry,) = admin_client.get("/api/v1/audit/", {"kind": "season"}).json()["results"]
    assert (entry["by"], entry["action"], len(entry["sentence"])) == ("ada", "begun", 500)


def test_a_kind_that_was_never_changed_is_named(admin_client):
    answer = admin_client.get("/audit/?kind=moon")

    assert answer.status_code == 404
    assert "moon" in answer.content.decode()
