"""Whatever stands in a form, a request or a league file: a deployment that can be worked, or a refusal in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portfolios.commands.payments import payment_amount
from portfolios.fees import schedule_from
from strategies.deployments.services import create_deployment
from strategies.deployments.terms import terms_of
from strategies.league.files import InvalidLeague, load_league, read_league
from strategies.models import Deployment
from strategies.versions.registry import strategy_of
from tests.anything import words
from trading.engine import Engine
from trading.engine.state import decode_state
from trading.strategy import Strategy

pytestmark = pytest.mark.django_db

few = settings(
    max_examples=80,
    deadline=None,
    print_blob=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
numbers = st.one_of(
    st.integers(),
    st.floats(),
    st.decimals(),
    st.booleans(),
    st.none(),
    words,
    st.sampled_from([2**31, 2**63, 2**64, 2**70, 10**18, 1e300, "1e300", "NaN", "Infinity", "-0", "1e-300", "9" * 400]),
)
values = st.recursive(
    numbers, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=6
)
RISKS = ["max_position", "max_exposure", "max_daily_loss", "max_drawdown_pct", "max_orders_per_minute"]
fields = st.fixed_dictionaries(
    {},
    optional={
        "name": words,
        "symbols": st.lists(words | st.just("BTC/USD"), max_size=3) | values,
        "config": st.dictionaries(st.sampled_from(["trades_per_minute", "size_usd", "stop_loss_pct"]) | words, values),
        "risk": st.dictionaries(st.sampled_from(RISKS), numbers, max_size=2) | values,
        "margin": st.dictionaries(st.sampled_from(["limits", "maintenance_pct", "call_level_pct"]), values) | values,
        "cash": numbers,
        "assets": st.dictionaries(st.sampled_from(["BTC", "XRP"]) | words, numbers, max_size=2) | values,
        "currency": words | numbers,
        "funding_currency": words | numbers,
        "latency_ms": numbers,
        "latency_sigma": numbers,
        "latency_spread_ms": numbers,
        "fill_model": words,
        "fee_schedule": words | st.just("kraken-spot"),
        "shadows": words,
    },
)


class Undone(Exception):
    pass


def test_whatever_terms_are_given_they_are_refused_in_words_or_can_be_worked() -> None:
    @few
    @given(fields)
    def create(given_fields: dict[str, Any]) -> None:
        whole = {"slug": "any", "name": "Any", "strategy": "random_trader", **given_fields}
        try:
            with transaction.atomic():
                create_deployment(by="test", **whole)
                row = Deployment.objects.get(slug="any")
                terms, found = terms_of(row, 0), strategy_of(row)
                assert isinstance(found, Strategy)
                engine = Engine(found, found.config(row.config), terms)
                decode_state(engine.checkpoint())
                raise Undone
        except ValidationError as refused:
            assert refused.messages
        except Undone:
            pass

    create()


@pytest.mark.parametrize(
    ("term", "value"),
    [
        ("cash", "1e300"),
        ("cash", 10**17),
        ("cash", float("nan")),
        ("latency_ms", 2**70),
        ("latency_sigma", float("inf")),
        ("assets", {"BTC": "1e300"}),
        ("risk", {"max_orders_per_minute": 2**70}),
        ("name", "a\x00b"),
        ("name", "half \ud83d"),
        ("config", {"size_usd": 10**400}),
        ("config", {"size_usd": "half \ud83d"}),
        ("symbols", ["BTC/\x00USD"]),
        ("symbols", ["BTC/\ud83d"]),
        ("symbols", [f"C{n}/USD" for n in range(5_000)]),
    ],
)
def test_a_term_that_nothing_could_hold_is_refused_by_its_name(term: str, value: Any) -> None:
    whole = {"slug": "any", "name": "Any", "strategy": "random_trader", term: value}

    with pytest.raises(ValidationError) as refused:
        create_deployment(by="test", **whole)

    assert term in refused.value.message_dict


TEMPLATE = """
[[deployments]]
slug = "any"
strategy = "random_trader"
{line}
"""


@pytest.mark.parametrize(
    "line",
    [
        "cash = 1e300",
        "cash = nan",
        f"cash = {'9' * 5_000}",
        f"latency_ms = {2**70}",
        "latency_sigma = inf",
        "latency_ms = 2026-01-01",
        'config = { size_usd = "\\u0000" }',
        f"config = {{ size_usd = {'9' * 400} }}",
        "config = " + "[" * 3_000 + "]" * 3_000,
        'name = "a\\u0000b"',
        "config = { size_usd = nan }",
        "config = { size_usd = 2026-01-01 }",
        "assets = { BTC = 1e300 }",
        "assets = { BTC = inf }",
        "risk = { max_position = nan }",
        "symbols = ['BTC/USD\x7f']",
    ],
)
def test_a_league_file_with_what_nothing_could_hold_is_refused_with_the_place(line: str, tmp_path: Path) -> None:
    path = tmp_path / "league.toml"
    path.write_text(TEMPLATE.format(line=line))

    with pytest.raises(InvalidLeague):
        load_league(read_league(path), by="test")
    assert not Deployment.objects.exists()


@pytest.mark.parametrize("text", ["1e300", "nan", "inf", "9" * 5_000, "1e-300", "\ud83d", "a\x00"])
def test_an_amount_that_nothing_could_hold_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        payment_amount(text)


@pytest.mark.parametrize("cell", ["1e300", "nan", "inf", "-1", "9" * 5_000, "x\x00", None, True])
def test_a_fee_that_nothing_could_hold_is_refused(cell: Any) -> None:
    from datetime import date

    with pytest.raises(ValidationError):
        schedule_from("own-2026-07", date(2026, 7, 1), [["0", cell, "0.1"]])
