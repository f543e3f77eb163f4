from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from strategies.deployments.services import create_deployment
from strategies.league.files import InvalidLeague, league_text, load_league, read_league
from strategies.models import Deployment, DeploymentEvent
from strategies.versions import registry
from tests.flipping import write_flipper

DEFAULT = settings.BASE_DIR / "leagues" / "default.toml"
pytestmark = pytest.mark.django_db


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "league.toml"
    path.write_text(text)
    return path


def test_the_default_league_has_at_least_eight_deployments_over_four_markets() -> None:
    league = read_league(DEFAULT)
    load_league(league, by="test")

    assert Deployment.objects.count() == len(league.deployments) >= 8
    assert {symbol for d in league.deployments for symbol in d.symbols} == set(league.instruments)
    assert DeploymentEvent.objects.filter(kind="config").count() == len(league.deployments)


def test_loading_a_file_again_changes_nothing() -> None:
    assert load_league(read_league(DEFAULT), by="test")[0] >= 8

    assert load_league(read_league(DEFAULT), by="test") == (0, 0)


def test_an_exported_league_loads_as_it_was(tmp_path: Path) -> None:
    load_league(read_league(DEFAULT), by="test")
    Deployment.objects.filter(strategy="buy_and_hold").update(shadows="on")

    again = read_league(written(tmp_path, league_text(["BTC/USD"])))

    assert load_league(again, by="test") == (0, 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("deployments = 3", "Expected `array`, got `int`"),
        ("[[deployments]]\nslug = 'A b'\nstrategy = 'ema_cross'", "slug"),
        ("[[deployments]]\nslug = 'a'\nstrategy = 'ema_cross'\nleverage = 2", "unknown field `leverage`"),
        ("[[deployments]]\nslug = 'a'\nstrategy = 'ema_cross'\ncash = -1", "cash"),
        ("[[deployments]]\nslug = 'a'\nstrategy = 'ema_cross'\nshadows = 'always'", "Invalid enum value 'always'"),
        ("= 3", "Invalid"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_place(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InvalidLeague, match=words):
        read_league(written(tmp_path, text))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("strategy = 'nope'", "no strategy is called 'nope'"),
        ("strategy = 'ema_cross'\nconfig = { fast = 0 }", r"Expected `int` >= 2 - at `\$.fast`"),
        ("strategy = 'ema_cross'\nconfig = { quick = 9 }", "has no quick; it has fast, slow"),
        ("strategy = 'ema_cross'\nrisk = { max_orders_per_minute = 0 }", "max_orders_per_minute"),
        ("strategy = 'ema_cross'\nfee_schedule = 'free'", "known are kraken-spot-2026-07"),
        ("strategy = 'ema_cross'\nsymbols = ['BTC']", "expected BASE/QUOTE"),
    ],
)
def test_a_deployment_that_is_not_valid_is_named_and_nothing_is_written(tmp_path: Path, line: str, words: str) -> None:
    good = "[[deployments]]\nslug = 'good'\nstrategy = 'ema_cross'\n"
    league = read_league(written(tmp_path, f"{good}[[deployments]]\nslug = 'bad'\n{line}\n"))

    with pytest.raises(InvalidLeague, match=rf"(?s)deployment 'bad': .*{words}"):
        load_league(league, by="test")
    assert not Deployment.objects.exists()


def test_a_missing_file_is_one_clear_line() -> None:
    with pytest.raises(CommandError, match=r"nowhere\.toml: No such file or directory"):
        call_command("league", "load", "nowhere.toml")


def test_a_league_names_the_versions_that_are_not_the_present_ones(tmp_path: Path, folder: Path) -> None:
    write_flipper(folder)
    old = create_deployment(by="test", slug="flip", name="Flip", strategy="flipper")
    write_flipper(folder, "2.0.0")
    registry.rescan()
    create_deployment(by="test", slug="flop", name="Flop", strategy="flipper")

    text = league_text(["BTC/USD"])
    league = read_league(written(tmp_path, text))

    assert text.count("strategy_hash") == 1
    assert f'slug = "flip"\nname = "Flip"\nstrategy = "flipper"\nstrategy_hash = "{old.strategy_hash}"' in text
    assert load_league(league, by="test") == (0, 0)
    Deployment.objects.all().delete()
    assert load_league(league, by="test") == (2, 0)
    assert Deployment.objects.get(slug="flip").strategy_hash == old.strategy_hash


def test_loading_a_file_after_an_edit_changes_no_version(tmp_path: Path, folder: Path) -> None:
    write_flipper(folder)
    league = read_league(written(tmp_path, '[[deployments]]\nslug = "flip"\nstrategy = "flipper"\n'))
    load_league(league, by="test")
    pinned = Deployment.objects.get().strategy_hash
    write_flipper(folder, "2.0.0")
    registry.rescan()

    assert load_league(league, by="test") == (0, 0)
    assert Deployment.objects.get().strategy_hash == pinned


def test_a_version_that_is_kept_nowhere_is_refused_by_name(tmp_path: Path) -> None:
    text = f'[[deployments]]\nslug = "a"\nstrategy = "ema_cross"\nstrategy_hash = "{"ab12cd34" * 8}"\n'

    with pytest.raises(InvalidLeague, match="version ab12cd34 of ema_cross is not in its folder, and it was not kept"):
        load_league(read_league(written(tmp_path, text)), by="test")


def test_a_league_may_spell_pairs_and_currencies_as_its_author_does(tmp_path: Path) -> None:
    text = (
        "[[deployments]]\nslug = 'a'\nstrategy = 'buy_and_hold'\nsymbols = ['XBT/USD', 'xdg-eur']\n"
        "currency = 'usd'\nfunding_currency = 'XBT'\nassets = {XDG = '5'}\n"
    )
    league = read_league(written(tmp_path, text))

    load_league(league, by="test")

    deployment = Deployment.objects.get(slug="a")
    assert deployment.symbols == ["BTC/USD", "DOGE/EUR"]
    assert (deployment.currency, deployment.funding_currency, deployment.assets) == ("USD", "BTC", {"DOGE": "5"})
    assert load_league(league, by="test") == (0, 0)  # the same file changes nothing
