"""Clones: the same terms, another name, an account of its own."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from strategies.deployments.cloning import clone_deployment
from strategies.deployments.services import create_deployment
from strategies.models import Deployment
from tests.rows import open_season

pytestmark = pytest.mark.django_db


@pytest.fixture
def original() -> Deployment:
    open_season()
    return create_deployment(
        by="test", slug="cross", name="Cross", strategy="ema_cross", symbols=["BTC/USD"], config={"slow": 30}, cash=250
    )


def test_a_clone_takes_part_on_the_same_terms_with_its_own_account(original: Deployment) -> None:
    clone = clone_deployment(deployment=original, by="anna", name="Cross slower", config={"slow": 40})

    assert (clone.slug, clone.name, clone.config, clone.cash) == ("cross-slower", "Cross slower", {"slow": 40}, 250)
    assert (clone.strategy, clone.strategy_hash, clone.symbols) == (
        original.strategy,
        original.strategy_hash,
        ["BTC/USD"],
    )
    assert clone.account is not None and clone.account != original.account
    assert clone.account.cash == Decimal(250)


def test_both_records_say_where_it_comes_from(original: Deployment) -> None:
    clone = clone_deployment(deployment=original, by="anna", name="B")

    assert clone.revisions.get().note == "cloned from cross"
    assert original.events.first().summary == "b was cloned from it by anna"


def test_without_a_name_it_is_a_copy_and_never_takes_a_slug_twice(original: Deployment) -> None:
    names = [clone_deployment(deployment=original, by="anna") for _ in range(2)]

    assert [(c.name, c.slug) for c in names] == [("Cross (copy)", "cross-copy"), ("Cross (copy)", "cross-copy-2")]


def test_a_name_without_a_letter_of_the_alphabet_gets_the_originals_slug_and_a_number(original: Deployment) -> None:
    assert clone_deployment(deployment=original, by="anna", name="遅い").slug == "cross-2"


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"slug": "cross"}, "slug", "already exists"),
        ({"config": {"slowest": 1}}, "config", "slowest"),
        ({"status": "paused"}, "status", "status cannot be set"),
        ({"fill_model": "dreamy"}, "fill_model", "expected one of realistic"),
    ],
)
def test_what_is_not_valid_is_refused_by_field(original: Deployment, changes, field: str, words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        clone_deployment(deployment=original, by="anna", name="B", **changes)

    assert words in " ".join(refused.value.message_dict[field])
    assert Deployment.objects.count() == 1
