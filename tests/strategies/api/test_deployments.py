from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model

from strategies.models import Deployment, DeploymentEvent
from tests.rows import NOON, enter, open_season, run_feed, stand

pytestmark = pytest.mark.django_db


def test_the_league_lists_rows_best_first_with_totals(client):
    run_feed()
    season = open_season()
    stand(enter(season, "second"), "99.5", fills=2, round_trips=1, wins=1, last_fill_at=NOON)
    stand(enter(season, "first"), "100.25", realised=Decimal("0.25"), why={"coin": 3})

    league = client.get("/api/v1/league/").json()

    first, second = league["rows"]
    assert (league["market"], league["season"]["number"]) == ("simulated:7", 1)
    assert [first["slug"], first["rank"], first["equity"], first["return_pct"]] == ["first", 1, "100.25", "0.25"]
    assert (first["win_rate"], first["win_rate_reason"]) == (None, "no closed round trip yet")
    assert (second["win_rate"], second["win_rate_reason"], second["fills"]) == ("100", None, 2)
    assert (second["last_fill_at"], first["why"]) == ("2026-07-07T12:00:00Z", {"coin": 3})
    assert league["totals"][0]["equity"] == "199.75"


def test_a_deployment_that_was_never_valued_stands_at_its_stake(client):
    enter(open_season(), "new")

    row = client.get("/api/v1/league/").json()["rows"][0]

    assert (row["equity"], row["realised"], row["fills"], row["last_fill_at"]) == ("100", "0", 0, None)


def test_without_a_season_the_league_is_empty_and_not_an_error(client):
    league = client.get("/api/v1/league/").json()

    window = {"name": "season", "at": None, "since": None, "until": None, "ticks": []}
    assert league == {"season": None, "market": None, "window": window, "rows": [], "totals": []}


def test_deployments_can_be_narrowed(client):
    enter(None, "a")
    enter(None, "b", strategy="ema_cross", symbols=["XRP/USD"])

    by_strategy = client.get("/api/v1/deployments/", {"strategy": "ema_cross"}).json()
    by_symbol = client.get("/api/v1/deployments/", {"symbol": "BTC/USD"}).json()

    assert [d["slug"] for d in by_strategy["results"]] == ["b"]
    assert [d["slug"] for d in by_symbol["results"]] == ["a"]


def test_a_deployment_tells_its_settings_place_and_events(client):
    row = enter(open_season(), "a", strategy="ema_cross", config={"slow": 30})
    DeploymentEvent.objects.create(deployment=row, event_id="e", kind="gap", summary="frames 1 to 4", time=NOON)

    body = client.get("/api/v1/deployments/a/").json()

    slow = next(setting for setting in body["settings"] if setting["key"] == "slow")
    assert (slow["value"], slow["default"], slow["is_changed"]) == (30, 21, True)
    assert body["standing"]["rank"] == 1
    assert body["recent_events"][0]["summary"] == "frames 1 to 4"
    assert client.get("/api/v1/deployments/b/").status_code == 404


def test_strategies_come_with_their_schemas(client):
    body = client.get("/api/v1/strategies/").json()

    by_name = {strategy["name"]: strategy for strategy in body["strategies"]}
    assert by_name["ema_cross"]["schema"]["properties"]["fast"]["minimum"] == 2
    assert body["failures"] == []


@pytest.mark.parametrize("is_staff", [None, False])
@pytest.mark.parametrize("change", ["pause", "enable", "reset"])
def test_a_change_needs_a_staff_login(client, change, is_staff):
    enter(open_season(), "a")
    if is_staff is not None:
        client.force_login(get_user_model().objects.create_user("ann", is_staff=is_staff))

    assert client.post(f"/api/v1/deployments/a/{change}/").status_code in (401, 403)
    assert Deployment.objects.get().revision == 1


def test_staff_pause_with_a_reason_and_enable_again(client, admin_user):
    enter(open_season(), "a")
    client.force_login(admin_user)

    paused = client.post(
        "/api/v1/deployments/a/pause/", {"reason": "too many fees"}, content_type="application/json"
    ).json()
    enabled = client.post("/api/v1/deployments/a/enable/").json()

    assert (paused["status"], paused["status_reason"]) == ("paused", "too many fees")
    assert enabled["status"] == "enabled"
    assert "admin" in enabled["recent_events"][0]["summary"]


def test_a_reset_closes_the_account_and_opens_another(client, admin_user):
    old = enter(open_season(), "a").account
    client.force_login(admin_user)

    answer = client.post("/api/v1/deployments/a/reset/")

    old.refresh_from_db()
    assert answer.status_code == 200
    assert old.closed_at is not None
    assert Deployment.objects.get().account_id != old.pk


def test_a_session_without_a_csrf_token_changes_nothing(admin_user):
    from django.test import Client

    enter(open_season(), "a")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin_user)

    assert strict.post("/api/v1/deployments/a/pause/").status_code == 403


def test_the_schema_has_no_warnings():
    from io import StringIO

    from django.core.management import call_command

    out = StringIO()

    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)

    assert "/api/v1/league/" in out.getvalue()
