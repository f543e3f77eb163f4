from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError

from strategies.deployments.challengers import switch_over
from strategies.deployments.revisions import UnknownRevision, changes_between, changes_of
from strategies.deployments.services import (
    change_deployment,
    create_deployment,
    disable_deployment,
    enable_deployment,
    pause_deployment,
    reset_deployment,
    roll_back,
)
from strategies.models import Deployment
from strategies.versions import registry
from tests.flipping import write_flipper
from tests.rows import enter, open_season

pytestmark = pytest.mark.django_db


@pytest.fixture
def row() -> Deployment:
    return create_deployment(by="anna", slug="a", name="A", strategy="ema_cross", config={"fast": 5})


def reported(row: Deployment) -> list[tuple[int, str, str, list[str]]]:
    revisions = row.revisions.all()
    return [(r.number, r.action, r.by, [change.sentence for change in changes_of(r)]) for r in revisions]


def test_every_change_is_on_record_with_who_and_what(row: Deployment) -> None:
    change_deployment(deployment=row, by="ben", config={"slow": 30}, cash=Decimal(250))
    pause_deployment(deployment=row, by="anna", reason="too many fees")
    enable_deployment(deployment=row, by="anna")
    disable_deployment(deployment=row, by="anna")
    reset_deployment(deployment=row, by="ben")

    assert reported(row) == [
        (6, "reset", "ben", []),
        (5, "disabled", "anna", ["status: enabled → disabled"]),
        (4, "enabled", "anna", ["status: paused → enabled", "status_reason: too many fees → nothing"]),
        (3, "paused", "anna", ["status: enabled → paused", "status_reason: nothing → too many fees"]),
        (2, "changed", "ben", ["cash: 100 → 250", "config.fast: 5 → the default", "config.slow: the default → 30"]),
        (1, "created", "anna", []),
    ]
    assert row.revision == 6


def test_a_revision_holds_all_settings_and_the_version(row: Deployment) -> None:
    revision = row.revisions.get()

    assert revision.settings["config"] == {"fast": 5}
    assert {"name", "cash", "symbols", "risk", "fee_schedule", "latency_ms", "status"} <= set(revision.settings)
    assert (revision.strategy_version, revision.strategy_hash) == ("1.0.0", registry.strategy("ema_cross").hash)


def test_saving_what_is_so_already_is_no_change(row: Deployment) -> None:
    change_deployment(deployment=row, by="ben", config={"fast": 5}, cash=Decimal("100.00"))

    assert (row.revision, row.revisions.count()) == (1, 1)


def test_of_two_who_change_at_once_the_second_sees_the_first(row: Deployment) -> None:
    stale = Deployment.objects.get(pk=row.pk)
    change_deployment(deployment=row, by="anna", latency_ms=50)

    change_deployment(deployment=stale, by="ben", name="B")

    assert (stale.latency_ms, stale.name, stale.revision) == (50, "B", 3)
    assert reported(stale)[0] == (3, "changed", "ben", ["name: A → B"])


def test_keys_of_groups_are_reported_one_by_one() -> None:
    before = {"config": {"breaker": {"losses": 3, "pause_s": 60}, "size": 5}, "symbols": ["BTC/USD"]}
    after = {"config": {"breaker": {"losses": 5, "pause_s": 60}, "label": "new"}, "symbols": []}

    assert [change.sentence for change in changes_between(before, after)] == [
        "config.breaker.losses: 3 → 5",
        "config.size: 5 → the default",
        'symbols: ["BTC/USD"] → []',
        "config.label: the default → new",
    ]


def test_null_is_a_value_and_not_the_default() -> None:
    (change,) = changes_between({"risk": {"max_drawdown_pct": None}}, {"risk": {}})

    assert change.sentence == "risk.max_drawdown_pct: null → the default"


def test_the_first_change_of_an_old_deployment_keeps_what_it_was_before() -> None:
    old = enter(None, "old", strategy="ema_cross", config={"fast": 5})
    change_deployment(deployment=old, by="ben", config={"fast": 7})

    roll_back(deployment=old, number=1, by="ben")

    assert [revision.action for revision in old.revisions.all()] == ["rolled back", "changed", "found"]
    assert old.config == {"fast": 5}


def test_a_roll_back_is_itself_a_revision_and_leaves_the_status_alone(row: Deployment) -> None:
    change_deployment(deployment=row, by="ben", config={"slow": 30}, symbols=["ETH/USD"])
    pause_deployment(deployment=row, by="anna")

    roll_back(deployment=row, number=1, by="ben")

    assert (row.config, row.symbols, row.status) == ({"fast": 5}, [], "paused")
    newest = row.revisions.first()
    assert (newest.number, newest.action, newest.note) == (4, "rolled back", "to revision 1")
    assert row.events.filter(summary="rolled back to revision 1 by ben: config.slow, symbols, config.fast").exists()


def test_a_roll_back_to_what_is_so_already_or_to_nothing_is_refused(row: Deployment) -> None:
    with pytest.raises(ValidationError, match="a is as it was as of revision 1: there is nothing to roll back"):
        roll_back(deployment=row, number=1, by="ben")
    with pytest.raises(UnknownRevision, match="a has no revision 7; there are 1"):
        roll_back(deployment=row, number=7, by="ben")


def test_a_roll_back_brings_the_version_back_too(folder: Path) -> None:
    write_flipper(folder)
    row = create_deployment(by="anna", slug="flip", name="Flip", strategy="flipper", config={"every": 30})
    write_flipper(folder, "2.0.0", key="pause")
    registry.rescan()
    switch_over(deployment=row, by="anna", config={"pause": 5})

    roll_back(deployment=row, number=1, by="anna")

    assert registry.strategy_of(row).version == "1.0.0"
    assert row.config == {"every": 30}
    assert row.events.filter(kind="version").count() == 2


def test_a_roll_back_to_what_is_not_valid_any_more_is_refused(row: Deployment) -> None:
    change_deployment(deployment=row, by="ben", config={})
    revision = row.revisions.get(number=1)
    revision.settings["fee_schedule"] = "kraken-spot-1999"
    revision.save()

    with pytest.raises(ValidationError, match="kraken-spot-1999"):
        roll_back(deployment=row, number=1, by="ben")

    assert Deployment.objects.get().revision == 2


def test_a_season_that_opens_accounts_is_no_change_of_anybodys_settings() -> None:
    open_season()

    row = create_deployment(by="anna", slug="a", name="A", strategy="ema_cross")

    assert row.account is not None
    assert (Deployment.objects.get().revision, row.revisions.count()) == (1, 1)


def test_another_strategy_is_traded_in_its_present_version(row: Deployment) -> None:
    change_deployment(deployment=row, by="ben", strategy="buy_and_hold", config={})

    assert row.strategy_hash == registry.strategy("buy_and_hold").hash
