from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from marketdata import bus
from portfolios.models import Account, Season
from strategies.deployments.services import change_deployment, create_deployment
from strategies.league.files import load_league
from strategies.models import Deployment, DeploymentEvent
from strategies.seasons import new_season, open_season
from strategies.worker import leases
from tests.leagues import restless_league

pytestmark = pytest.mark.django_db
KRAKEN, SIMULATED = "kraken", "simulated:1"


@pytest.fixture(autouse=True)
def _empty_bus():
    bus.redis_client().flushall()


def test_every_deployment_has_one_open_account_in_the_running_season() -> None:
    load_league(restless_league(), by="test")

    season = open_season(market=KRAKEN)

    assert open_season(market=KRAKEN) == season
    assert Account.objects.filter(season=season, closed_at=None).count() == Deployment.objects.count()
    assert {d.account.season_id for d in Deployment.objects.select_related("account")} == {season.pk}


def test_markets_never_mix_another_market_ends_the_season_and_begins_the_next() -> None:
    load_league(restless_league(), by="test")
    first = open_season(market=KRAKEN)

    second = open_season(market=SIMULATED)

    first.refresh_from_db()
    assert (first.number, second.number, first.ended_at is not None, second.ended_at) == (1, 2, True, None)
    assert not Account.objects.filter(season=first, closed_at=None).exists()
    assert {d.account.season_id for d in Deployment.objects.select_related("account")} == {second.pk}


def test_a_new_season_archives_and_deletes_nothing() -> None:
    load_league(restless_league(), by="test")
    open_season(market=KRAKEN)

    new_season(market=KRAKEN, by="test")

    assert Season.objects.count() == 2
    assert Account.objects.count() == 2 * Deployment.objects.count()


def test_a_deployment_created_while_a_season_runs_takes_part_at_once() -> None:
    open_season(market=KRAKEN)

    row = create_deployment(by="anna", slug="late", name="Late", strategy="buy_and_hold")

    assert row.account.closed_at is None
    assert DeploymentEvent.objects.get(deployment=row).summary == "created by anna"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"config": {"invest_pct": 200}}, "Expected `float` <= 99"),
        ({"config": {"invest": 20}}, "buy_and_hold has no invest; it has invest_pct"),
        ({"strategy": "nope"}, "no strategy is called 'nope'"),
        ({"risk": {"max_position": -1}}, "max_position is -1; expected a number above zero"),
        ({"fill_model": "hopeful"}, "expected one of realistic, optimistic, pessimistic"),
        ({"shadows": "always"}, "shadows is 'always'; expected one of auto, off, on"),
        ({"cash": 0}, "cash is 0; expected a decimal number at least 1"),
        ({"slug": "other"}, "slug cannot be changed"),
    ],
)
def test_a_change_that_is_not_valid_is_refused_and_leaves_the_row_as_it_was(changes: dict, words: str) -> None:
    row = create_deployment(by="test", slug="a", name="A", strategy="buy_and_hold")

    with pytest.raises(ValidationError) as refused:
        change_deployment(deployment=row, by="test", **changes)

    assert words in " ".join(refused.value.messages)
    assert Deployment.objects.get().revision == row.revision


def test_a_change_is_on_record_with_who_made_it_and_what_it_was() -> None:
    row = create_deployment(by="test", slug="a", name="A", strategy="buy_and_hold")

    change_deployment(deployment=row, by="anna", config={"invest_pct": 50})

    revision = row.revisions.first()
    assert (revision.by, revision.number) == ("anna", 2)
    assert revision.changes == [{"key": "config.invest_pct", "after": 50}]
    assert DeploymentEvent.objects.filter(deployment=row, summary="changed by anna: config.invest_pct").exists()


def test_a_lease_belongs_to_one_connection_and_shares_are_fair() -> None:
    assert leases.claim(41)
    assert 41 in leases.leased_deployments()

    leases.release(41)

    assert 41 not in leases.leased_deployments()
    assert [leases.fair_share(10, workers) for workers in (0, 1, 3, 4, 20)] == [10, 10, 4, 3, 1]
