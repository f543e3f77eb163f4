from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from marketdata import bus
from strategies.deployments.services import change_deployment, create_deployment
from strategies.models import Deployment
from strategies.versions import registry
from tests.flipping import write_flipper
from tests.rows import open_season

pytestmark = pytest.mark.django_db
FLIP = "/api/v1/deployments/flip"


@pytest.fixture
def row(folder: Path) -> Deployment:
    bus.redis_client().flushall()
    open_season()
    write_flipper(folder)
    return create_deployment(by="anna", slug="flip", name="Flip", strategy="flipper", config={"every": 30})


def edit(folder: Path, version: str = "1.1.0", **changes: object) -> str:
    write_flipper(folder, version, **changes)
    registry.rescan()
    return registry.strategy("flipper").hash


def test_a_deployment_tells_which_version_it_trades_and_which_other_is_there(
    client: Client, folder: Path, row: Deployment
) -> None:
    before = client.get(f"{FLIP}/").json()
    new = edit(folder)
    after = client.get(f"{FLIP}/").json()

    assert before["offered_version"] is None
    assert (
        after["traded_version"]
        == before["traded_version"]
        == {
            "version": "1.0.0",
            "hash": row.strategy_hash,
            "assets": [],
        }
    )
    assert after["offered_version"] == {"version": "1.1.0", "hash": new, "assets": []}
    assert after["standing"]["version"] == "1.0.0"


def test_a_challenger_is_entered_and_reported(admin_client: Client, folder: Path, row: Deployment) -> None:
    new = edit(folder)

    answer = admin_client.post(f"{FLIP}/challenger/", {}, content_type="application/json")

    body = answer.json()
    assert (answer.status_code, body["slug"], body["config"]) == (201, "flip-2", {"every": 30})
    assert body["traded_version"] == {"version": "1.1.0", "hash": new, "assets": []}


def test_a_config_that_the_version_does_not_take_is_refused_until_another_comes_with_it(
    admin_client: Client, folder: Path, row: Deployment
) -> None:
    new = edit(folder, key="pause")

    refused = admin_client.post(f"{FLIP}/switch/", {}, content_type="application/json")
    switched = admin_client.post(f"{FLIP}/switch/", {"config": {"pause": 7}}, content_type="application/json")

    assert refused.status_code == 400
    assert "it has no key every, its keys are pause" in refused.json()["errors"]["config"][0]
    assert (switched.json()["config"], switched.json()["traded_version"]["hash"]) == ({"pause": 7}, new)


@pytest.mark.parametrize("change", ["switch", "challenger"])
def test_without_another_version_a_change_is_refused(admin_client: Client, row: Deployment, change: str) -> None:
    answer = admin_client.post(f"{FLIP}/{change}/", {}, content_type="application/json")

    assert answer.status_code == 400
    assert "already; edit its files for another version" in answer.json()["errors"]["strategy"][0]
    assert (
        admin_client.post(f"/api/v1/deployments/flop/{change}/", {}, content_type="application/json").status_code == 404
    )


def test_revisions_tell_who_when_and_what(client: Client, row: Deployment) -> None:
    change_deployment(deployment=row, by="ben", config={})

    newest, first = client.get(f"{FLIP}/revisions/").json()["results"]

    assert (newest["number"], newest["by"], newest["action"]) == (2, "ben", "changed")
    assert newest["changes"] == [{"key": "config.every", "before": 30}]
    assert (first["action"], first["settings"]["config"], first["strategy_version"]) == (
        "created",
        {"every": 30},
        "1.0.0",
    )
    assert client.get("/api/v1/deployments/flop/revisions/").status_code == 404


def test_a_roll_back_is_a_revision(admin_client: Client, row: Deployment) -> None:
    change_deployment(deployment=row, by="ben", config={})

    body = admin_client.post(f"{FLIP}/revisions/1/roll-back/").json()
    again = admin_client.post(f"{FLIP}/revisions/1/roll-back/")
    unknown = admin_client.post(f"{FLIP}/revisions/9/roll-back/")

    assert (body["config"], body["revision"]) == ({"every": 30}, 3)
    assert (again.status_code, unknown.status_code) == (400, 404)
    assert "there is nothing to roll back" in str(again.json())
    assert unknown.json()["detail"] == "flip has no revision 9; there are 3, 2, 1"


@pytest.mark.parametrize("is_staff", [None, False])
@pytest.mark.parametrize("change", ["challenger", "switch", "revisions/1/roll-back"])
def test_a_change_needs_a_staff_login(
    client: Client, folder: Path, row: Deployment, change: str, is_staff: bool | None
) -> None:
    edit(folder)
    if is_staff is not None:
        client.force_login(get_user_model().objects.create_user("ann", is_staff=is_staff))

    assert client.post(f"{FLIP}/{change}/").status_code in (401, 403)
    assert (Deployment.objects.count(), Deployment.objects.get().revision) == (1, 1)


def test_strategies_tell_the_versions_that_were_ever_found(client: Client, folder: Path, row: Deployment) -> None:
    new = edit(folder)

    body = client.get("/api/v1/strategies/").json()

    flipper = next(strategy for strategy in body["strategies"] if strategy["name"] == "flipper")
    seen = [(version["version"], version["hash"], version["deployments"]) for version in flipper["versions"]]
    assert seen == [("1.1.0", new, 0), ("1.0.0", row.strategy_hash, 1)]
    assert body["gone"] == []


def test_a_broken_strategy_is_reported_with_its_kept_versions(client: Client, folder: Path, row: Deployment) -> None:
    (folder / "flipper.py").write_text("def broken(:\n")
    registry.rescan()

    body = client.get("/api/v1/strategies/").json()

    (gone,) = body["gone"]
    assert (gone["name"], [version["hash"] for version in gone["versions"]]) == ("flipper", [row.strategy_hash])
    assert "SyntaxError" in body["failures"][0]["error"]
