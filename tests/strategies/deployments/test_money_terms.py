"""Starting assets, margin terms, latency and fee families: in rows, forms, files and terms alike."""

from __future__ import annotations

from decimal import Decimal as D
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from strategies.deployments.services import change_deployment, create_deployment
from strategies.deployments.terms import terms_of
from strategies.league.files import league_text, load_league, read_league
from strategies.models import Deployment
from tests.rows import enter, open_season
from tests.working import Work, around
from trading.book import Side
from trading.frames import NS_PER_MS

pytestmark = pytest.mark.django_db
ADD = "/admin/strategies/deployment/add/?strategy=ema_cross"
PLAIN = {
    "name": "My cross", "slug": "my-cross", "symbols": "", "cash": "250", "currency": "USD", "latency_ms": "200",
    "funding_currency": "USD", "fee_schedule": "kraken-spot", "fill_model": "realistic", "shadows": "auto",
}  # fmt: skip
ALL = {
    "assets": {"BTC": "0.01", "ETH": "5"},
    "latency_sigma": 0.5,
    "fee_schedule": "kraken-spot",
    "margin": {"limits": {"long": "3"}, "maintenance_pct": "20", "lending_bps": {"USD": "1.5"}},
}


def created(**fields: object) -> Deployment:
    return create_deployment(by="test", slug="a", name="A", strategy="buy_and_hold", **fields)


def test_what_a_row_says_is_what_the_engine_trades_on() -> None:
    terms = terms_of(created(**ALL), 0)

    assert terms.assets == {"BTC": D("0.01"), "ETH": D(5)}
    assert (terms.latency_sigma, terms.fee_schedule) == (0.5, "kraken-spot")
    assert terms.margin.limit("XRP/USD", Side.BUY) == 3
    assert terms.margin.limit("XRP/USD", Side.SELL) == 2
    assert (terms.margin.maintenance_pct, terms.margin.rate_bps("USD")) == (20, D("1.5"))


def test_the_spread_of_the_latency_is_added_evenly_to_each_order() -> None:
    latency = terms_of(created(latency_ms=100, latency_spread_ms=50), 0).latency

    assert latency is not None
    delays_ms = {latency.of(f"a:{number}:o1") // NS_PER_MS for number in range(2_000)}
    assert set(range(100, 150)) <= delays_ms <= set(range(100, 151))


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"assets": {"BTC": "-1"}}, "assets", "assets hold '-1' of BTC; expected amounts with currencies, like 0.01"),
        ({"assets": {"BTC": "many"}}, "assets", "assets hold 'many' of BTC"),
        ({"assets": {"BTC": "NaN"}}, "assets", "assets hold 'NaN' of BTC"),
        ({"assets": {"b": "1"}}, "assets", "assets hold the currency 'B'"),
        ({"assets": ["BTC"]}, "assets", "assets is ['BTC']; expected an object"),
        ({"latency_sigma": 2.5}, "latency_sigma", "latency_sigma is 2.5; expected a number at least 0, at most 2"),
        ({"latency_sigma": float("nan")}, "latency_sigma", "latency_sigma is nan; expected"),
        ({"margin": {"leverage": 3}}, "margin", "unknown field `leverage`"),
        ({"margin": {"limits": {"long": "-1"}}}, "margin", "long is -1; expected a number from 0 to 100"),
        ({"margin": {"limits": {"long": "NaN"}}}, "margin", "long is NaN; expected a number from 0 to 100"),
        ({"margin": {"limits": {"long": 5}}}, "margin", "at a leverage of 5 the equity is 20.0 % of the position"),
        ({"margin": {"lending_bps": {"USD": "-1"}}}, "margin", "lending_bps of USD is -1"),
        ({"margin": {"rollover_every_s": 1}}, "margin", "Expected `int` >= 60"),
        ({"margin": {"stop_level_pct": 90}}, "margin", "stop_level_pct is 90; expected at most call_level_pct, 80"),
        ({"margin": []}, "margin", "margin is []; expected an object"),
        ({"fee_schedule": "kraken"}, "fee_schedule", "and, whichever is in force, kraken-spot"),
    ],
)
def test_what_is_not_right_is_refused_with_field_value_and_what_would_be(changes: dict, field: str, words: str) -> None:
    row = created()

    with pytest.raises(ValidationError) as refused:
        change_deployment(deployment=row, by="test", **changes)

    assert words in " ".join(refused.value.message_dict[field])
    assert Deployment.objects.get().revision == row.revision


def test_several_mistakes_are_reported_at_once() -> None:
    with pytest.raises(ValidationError) as refused:
        created(assets={"BTC": 0}, margin={"limits": 3}, latency_sigma=9.0, risk={"max_position": -1})

    assert set(refused.value.message_dict) == {"assets", "margin", "latency_sigma", "risk"}


def test_a_league_file_carries_all_of_it_there_and_back(tmp_path: Path) -> None:
    created(**ALL)
    path = tmp_path / "league.toml"
    path.write_text(league_text(["BTC/USD"]))

    again = load_league(read_league(path), by="test")
    Deployment.objects.all().delete()
    anew = load_league(read_league(path), by="test")

    row = Deployment.objects.get()
    assert (again, anew) == ((0, 0), (1, 0))
    assert {name: getattr(row, name) for name in ALL} == ALL


def test_a_league_file_may_say_amounts_as_numbers(tmp_path: Path) -> None:
    path = tmp_path / "league.toml"
    path.write_text(
        "[[deployments]]\nslug = 'a'\nstrategy = 'buy_and_hold'\nassets = { BTC = 0.01 }\n"
        "margin = { limits = { long = 2.5 }, limits_by_symbol = { 'BTC/USD' = { long = 3 } } }"
    )

    load_league(read_league(path), by="test")

    terms = terms_of(Deployment.objects.get(), 0)
    assert terms.assets == {"BTC": D("0.01")}
    assert (terms.margin.limit("XRP/USD", Side.BUY), terms.margin.limit("BTC/USD", Side.BUY)) == (D("2.5"), 3)


def test_the_form_offers_families_first_and_draws_the_margin_terms(admin_client) -> None:
    page = admin_client.get(ADD).content.decode()

    assert page.index("kraken-spot (whichever is in force)") < page.index('value="kraken-spot-2026-07"')
    assert "each fill is charged by the schedule in force at its date" in page
    assert 'name="margin__limits.long"' in page
    assert "most value bought per unit of equity; 0: no margin · at least 0, at most 100 · default 1.5" in page
    assert 'default {"USD": "2.5", "BTC": "1"}' in page


def test_what_the_form_takes_is_stored_and_shown_again(admin_client) -> None:
    filled = {
        **PLAIN, "assets": "0.01 btc, 5 ETH", "latency_sigma": "0.5", "margin__limits.long": "3",
        "margin__limits.short": "2", "margin__maintenance_pct": "20", "margin__lending_bps": '{"USD": "1.5"}',
    }  # fmt: skip

    answer = admin_client.post(ADD, filled)

    assert answer.status_code == 302, answer.context["adminform"].form.errors
    row = Deployment.objects.get()
    assert {name: getattr(row, name) for name in ALL} == ALL
    shown = admin_client.get(reverse("admin:strategies_deployment_change", args=[row.pk])).content.decode()
    assert 'value="0.01 BTC, 5 ETH"' in shown
    assert 'name="margin__limits.long" value="3"' in shown


@pytest.mark.parametrize(
    ("filled", "field", "words"),
    [
        ({"assets": "BTC"}, "assets", "assets hold 'BTC'; expected amounts with currencies"),
        ({"assets": "1 BTC, 2 btc"}, "assets", "assets hold BTC twice"),
        ({"latency_sigma": "3"}, "latency_sigma", "latency_sigma is '3'; expected"),
        ({"margin__limits.long": "-1"}, "margin__limits.long", "limits.long is '-1'; expected a decimal number"),
        ({"margin__limits.long": "50"}, "__all__", "at a leverage of 50 the equity is 2.0 % of the position"),
    ],
)
def test_the_form_refuses_beside_the_field(admin_client, filled: dict, field: str, words: str) -> None:
    answer = admin_client.post(ADD, {**PLAIN, **filled})

    assert words in " ".join(answer.context["adminform"].form.errors[field])


def test_assets_are_part_of_the_stake() -> None:
    work = Work(assets={"XRP": "3"})

    work.show(around(100))
    work.settle()

    standing = work.account.standing
    assert (standing.stake, standing.paid_in, standing.mid_equity) == (1300, 1300, 1300)


def test_the_api_tells_the_terms(client) -> None:
    enter(open_season(), "a", margin={"limits": {"long": "3"}}, assets={"BTC": "1"})

    body = client.get("/api/v1/deployments/a/").json()

    assert (body["assets"], body["margin"], body["latency_sigma"]) == ({"BTC": "1"}, {"limits": {"long": "3"}}, 0)
    long, short = body["margin_terms"][:2]
    assert (long["key"], long["value"], long["is_changed"]) == ("limits.long", "3", True)
    assert (short["key"], short["value"], short["is_changed"]) == ("limits.short", "2", False)
