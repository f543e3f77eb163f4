from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from marketdata import bus
from strategies.deployments.challengers import enter_challenger, switch_over
from strategies.deployments.services import create_deployment, pause_deployment
from strategies.models import Deployment, DeploymentEvent
from strategies.seasons import open_season
from strategies.versions import registry
from tests.flipping import write_flipper

pytestmark = pytest.mark.django_db


@pytest.fixture
def champion(folder: Path) -> Deployment:
    bus.redis_client().flushall()
    open_season(market="kraken")
    write_flipper(folder)
    return create_deployment(
        by="anna", slug="flip", name="Flip 1.0.0", strategy="flipper", config={"every": 30}, cash=250, latency_ms=50,
        risk={"max_orders_per_minute": 9}, fill_model="pessimistic",
    )  # fmt: skip


def edit(folder: Path, *args: object, **changes: object) -> None:
    write_flipper(folder, *args, **changes)
    registry.rescan()


def test_a_challenger_has_the_terms_of_its_champion_and_an_account_of_its_own(
    folder: Path, champion: Deployment
) -> None:
    pause_deployment(deployment=champion, by="anna")
    edit(folder, "1.1.0")

    challenger = enter_challenger(deployment=champion, by="ben")

    assert (challenger.slug, challenger.name, challenger.status) == ("flip-2", "Flip 1.1.0", "enabled")
    assert (challenger.config, challenger.risk) == ({"every": 30}, {"max_orders_per_minute": 9})
    assert (challenger.cash, challenger.latency_ms, challenger.fill_model) == (250, 50, "pessimistic")
    assert challenger.account.season == champion.account.season
    assert challenger.account != champion.account
    reported = set(DeploymentEvent.objects.values_list("deployment__slug", "summary"))
    assert ("flip-2", "created by ben: challenges flip") in reported
    entered = f"flip-2 entered by ben with version 1.1.0 ({challenger.strategy_hash[:8]}): it challenges this one"
    assert ("flip", entered) in reported


def test_the_next_challenger_has_the_next_number_and_a_hash_where_the_version_is_the_same(
    folder: Path, champion: Deployment
) -> None:
    edit(folder, "1.1.0")
    enter_challenger(deployment=champion, by="ben")
    edit(folder, "1.0.0", size=30)

    third = enter_challenger(deployment=champion, by="ben")

    assert (third.slug, third.name) == ("flip-3", f"Flip 1.0.0 ({third.strategy_hash[:8]})")


def test_a_challenger_trades_the_symbols_of_its_champion_though_the_new_version_names_others(
    folder: Path, champion: Deployment
) -> None:
    edit(folder, "1.1.0", ending='SYMBOLS = ["ETH/USD"]\n')

    assert enter_challenger(deployment=champion, by="ben").symbols == ["BTC/USD"]


@pytest.mark.parametrize("change", [enter_challenger, switch_over])
def test_without_another_version_there_is_nothing_to_enter(champion: Deployment, change) -> None:
    with pytest.raises(ValidationError, match=r"flip trades flipper 1\.0\.0 \(\w{8}\) already; edit its files"):
        change(deployment=champion, by="ben")


@pytest.mark.parametrize("change", [enter_challenger, switch_over])
def test_a_config_that_the_new_version_does_not_take_is_refused_with_the_keys_and_what_would_be_right(
    folder: Path, champion: Deployment, change
) -> None:
    edit(folder, "1.1.0", key="pause")

    with pytest.raises(ValidationError) as refused:
        change(deployment=champion, by="ben")

    (sentence,) = refused.value.message_dict["config"]
    assert sentence.endswith(
        "does not take it: it has no key every, its keys are pause; without that the config is {}: the defaults"
    )
    champion.refresh_from_db()
    assert (champion.revision, Deployment.objects.count()) == (1, 1)


def test_a_value_out_of_the_new_bounds_is_named_and_the_rest_is_kept(folder: Path, champion: Deployment) -> None:
    (folder / "flipper.py").write_text(
        (folder / "flipper.py").read_text().replace("le=100", "le=10").replace("] = 20", "] = 5\n    speed: int = 1")
    )
    registry.rescan()

    with pytest.raises(ValidationError) as refused:
        switch_over(deployment=champion, by="ben", config={"every": 30, "speed": 2})

    assert "every is '30'; expected a whole number at least 1, at most 10" in refused.value.messages[0]
    assert refused.value.messages[0].endswith('without that the config is {"speed":2}')


def test_another_config_may_come_with_the_version(folder: Path, champion: Deployment) -> None:
    edit(folder, "1.1.0", key="pause")

    switch_over(deployment=champion, by="ben", config={"pause": 7})

    assert registry.strategy_of(champion).config(champion.config).pause == 7
    revision = champion.revisions.first()
    assert (revision.action, revision.strategy_version) == ("switched", "1.1.0")
    assert [change["key"] for change in revision.changes] == ["config.every", "strategy_hash", "config.pause"]


def test_the_command_enters_a_challenger_and_tells_it_as_json(folder: Path, champion: Deployment) -> None:
    edit(folder, "1.1.0")
    out = StringIO()

    call_command("challenger", "flip", "--json", stdout=out)

    reported = json.loads(out.getvalue())
    challenger = Deployment.objects.get(slug="flip-2")
    assert reported == {
        "challenger": "flip-2", "champion": "flip", "strategy": "flipper", "version": "1.1.0",
        "hash": challenger.strategy_hash, "has_account": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("slug", "words"),
    [("flop", "no deployment is called 'flop'; there are flip"), ("flip", "edit its files for another version")],
)
def test_the_command_says_what_it_cannot_do(champion: Deployment, slug: str, words: str) -> None:
    with pytest.raises(CommandError, match=words):
        call_command("challenger", slug)
