"""Every term that `DeploymentTerms` declares can be set, is shown, exported, recorded and compared: a new one, too."""

from __future__ import annotations

import csv
from collections.abc import Callable
from decimal import Decimal
from html import unescape
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from drf_spectacular.generators import SchemaGenerator

from dashboard.deployment.scene import deployment_scene
from dashboard.league.comparison import comparison
from paddock_client import Deployment as ReceivedDeployment
from paddock_client.parsing import MORE, parsed
from strategies.admin.forms import fields_by_group
from strategies.deployments.config_fields import Kind
from strategies.deployments.revisions import changes_of
from strategies.deployments.services import change_deployment, create_deployment, roll_back
from strategies.deployments.terms import TERMS, Term, terms_of
from strategies.league.files import league_text, load_league, read_league
from strategies.models import Deployment
from strategies.terms import column
from tests.rows import open_season
from trading.fills import plain

pytestmark = pytest.mark.django_db
ADD = "/admin/strategies/deployment/add/?strategy=ema_cross"
# Of terms whose other values cannot be made of their bounds and choices.
OTHERS: dict[str, Any] = {
    "symbols": ["ETH/USD"],
    "config": {"slow": 34},
    "risk": {"max_orders_per_minute": 31},
    "margin": {"limits": {"long": "1.25"}},
    "assets": {"BTC": "0.01"},
    "currency": "EUR",
    "funding_currency": "EUR",
    "fee_schedule": "kraken-spot",
}
TYPED = {  # in the form, where that is not one box with the value
    "symbols": {"symbols": "eth/usd"},
    "config": {"config__slow": "34"},
    "risk": {"risk__max_orders_per_minute": "31"},
    "margin": {"margin__limits.long": "1.25"},
    "assets": {"assets": "0.01 btc"},
}
NOT_THE_ENGINES = {"config": "the strategy's", "shadows": "the worker's: it runs them"}

each_term = pytest.mark.parametrize("term", TERMS.values(), ids=TERMS.keys())


def another(term: Term) -> Any:
    """Return a valid value that is not the default, as the row holds it."""
    about = term.about
    if term.key in OTHERS:
        return OTHERS[term.key]
    match about.kind:
        case Kind.CHOICE:
            return next(choice for choice in about.choices if choice != about.default)
        case Kind.FLAG:
            return not about.default
        case Kind.TEXT:
            return "something"
        case Kind.DECIMAL:
            return Decimal(about.default) + 1
    return about.default + 1 if about.most is None or about.default + 1 <= about.most else about.default - 1


ALL = {key: another(term) for key, term in TERMS.items()}


def entered(slug: str = "a", **terms: Any) -> Deployment:
    return create_deployment(by="anna", slug=slug, name=slug.upper(), strategy="ema_cross", **terms)


def in_json(value: Any) -> Any:
    return plain(value) if isinstance(value, Decimal) else value


@each_term
def test_it_is_set_in_the_form_and_shown_there_again(admin_client: Any, term: Term) -> None:
    typed = TYPED.get(term.key) or {term.key: str(in_json(another(term)))}

    answer = admin_client.post(ADD, {"name": "A", "slug": "a", **typed})

    assert answer.status_code == 302, answer.context["adminform"].form.errors
    row = Deployment.objects.get()
    assert getattr(row, term.key) == another(term)
    form = admin_client.get(reverse("admin:strategies_deployment_change", args=[row.pk])).context["adminform"].form
    (name, text), *_ = typed.items()
    assert form.initial[name].upper() == text.upper()
    assert name in fields_by_group(type(form))[term.group]
    assert term.has_keys or form.fields[name].label.startswith(term.label)


def test_a_form_that_leaves_terms_empty_takes_their_defaults(admin_client: Any) -> None:
    empty = {key: "" for key, term in TERMS.items() if not term.has_keys}

    admin_client.post(ADD, {"name": "A", "slug": "a", **empty})

    row = Deployment.objects.get()
    assert {key: in_json(getattr(row, key)) for key in TERMS} == {key: t.about.default for key, t in TERMS.items()}


@each_term
def test_it_is_set_over_rest_and_answered(admin_client: Any, term: Term) -> None:
    entered()
    wanted = in_json(another(term))

    answer = admin_client.post(
        "/api/v1/deployments/a/clone/", {"name": "B", term.api: wanted}, content_type="application/json"
    )

    assert answer.status_code == 201, answer.content
    assert answer.json()[term.api] == wanted
    assert getattr(Deployment.objects.get(slug="b"), term.key) == another(term)


def test_values_of_another_kind_are_refused_over_rest_by_name(admin_client: Any) -> None:
    entered()
    wrong = {term.api: [[1]] for term in TERMS.values()}

    answer = admin_client.post("/api/v1/deployments/a/clone/", {"name": "B", **wrong}, content_type="application/json")

    assert answer.status_code == 400
    assert [name for name in wrong if f'"{name}' not in answer.content.decode()] == []


@pytest.mark.parametrize("component", ["Deployment", "DeploymentDetail", "Clone"])
def test_the_api_describes_each(component: str) -> None:
    described = SchemaGenerator().get_schema(request=None, public=True)["components"]["schemas"][component]

    properties = described["properties"]
    assert [k for k, t in TERMS.items() if t.about.help not in properties[t.api]["description"]] == []


@each_term
def test_a_league_file_carries_it_there_and_back(tmp_path: Path, term: Term) -> None:
    entered(**{term.key: another(term)})
    path = tmp_path / "league.toml"
    path.write_text(league_text(["BTC/USD"]))

    again = load_league(read_league(path), by="test")
    Deployment.objects.all().delete()
    anew = load_league(read_league(path), by="test")

    assert f"\n{term.key} = " in path.read_text()
    assert (again, anew) == ((0, 0), (1, 0))
    assert getattr(Deployment.objects.get(), term.key) == another(term)


def test_all_stand_on_the_deployments_page(client: Any) -> None:
    entered(**ALL)

    scene = deployment_scene("a")
    page = unescape(client.get("/deployments/a/").content.decode())

    single = [term for term in TERMS.values() if not term.has_keys]
    assert [term.label for term in single if f"{term.label}: {term.about.help}" not in page] == []
    assert [setting.key for setting in scene.terms if setting.text not in page] == []
    assert all(setting.is_changed for setting in scene.terms)
    assert [text for text in ("34", "31", "1.25", f"{ALL['latency_ms']} ms") if text not in page] == []


def test_all_are_columns_of_the_table_for_a_spreadsheet(client: Any) -> None:
    entered(**ALL)

    header, row = csv.reader(StringIO(client.get("/api/v1/deployments/?format=csv").content.decode()))

    cells = dict(zip((name.split(".")[0] for name in header), row, strict=True))
    written = {"symbols": '["ETH/USD"]', "config": "34", "risk": "31", "margin": "1.25", "assets": "0.01"}
    expected = {term.api: written.get(key) or str(in_json(ALL[key])) for key, term in TERMS.items()}
    assert {name: cells[name] for name in expected} == expected


def test_the_client_receives_all(client: Any) -> None:
    entered(**ALL)
    (answer,) = client.get("/api/v1/deployments/").json()["results"]

    received = parsed(ReceivedDeployment, answer)

    values = {
        key: getattr(received, term.api, None) or getattr(received, MORE)[term.api] for key, term in TERMS.items()
    }
    assert values == ALL


@each_term
def test_a_change_of_it_is_a_revision_that_can_be_rolled_back(term: Term) -> None:
    row = entered()
    change_deployment(deployment=row, by="ben", **{term.key: another(term)})

    (changed,) = changes_of(row.revisions.get(number=2))
    roll_back(deployment=row, number=1, by="ben")

    assert changed.key.partition(".")[0] == term.key
    assert row.revisions.get(number=2).settings[term.key] == in_json(another(term))
    assert in_json(getattr(Deployment.objects.get(), term.key)) == term.about.default


@each_term
def test_deployments_that_differ_in_it_are_compared_by_it(term: Term) -> None:
    open_season()
    entered("a")
    entered("b", **{term.key: another(term)})

    differing = comparison(["a", "b"]).different

    (line,) = differing
    assert line.key.partition(".")[0] == term.key
    assert line.help


@each_term
def test_the_engine_is_given_it(term: Term) -> None:
    usual, unusual = terms_of(entered("a"), 0), terms_of(entered("b", **{term.key: another(term)}), 0)

    differing = [name for name in usual.__struct_fields__ if getattr(usual, name) != getattr(unusual, name)]

    assert (differing == ["slug"]) == (term.key in NOT_THE_ENGINES)


@each_term
def test_its_column_takes_default_and_meaning_from_the_declaration(term: Term) -> None:
    field = Deployment._meta.get_field(term.key)

    assert (field.default, field.help_text) == (column(term.key)["default"], column(term.key)["help_text"])
    assert term.about.help in field.help_text


BEYOND: list[tuple[str, Callable[[], Any]]] = [
    (term.key, value)
    for term in TERMS.values()
    for value in (
        *([lambda t=term: t.about.least - 1] if term.about.least is not None else []),
        *([lambda t=term: t.about.most + 1] if term.about.most is not None else []),
        *([lambda: "x"] if term.about.kind is Kind.CHOICE else []),
        *([lambda t=term: "X" * (t.about.longest + 1)] if term.about.longest and not term.about.choices else []),
        *([lambda: float("nan")] if term.about.kind is Kind.NUMBER else []),
    )
]


@pytest.mark.parametrize(("key", "value"), BEYOND, ids=[f"{key}-{at}" for at, (key, _) in enumerate(BEYOND)])
def test_what_is_out_of_bounds_is_refused_by_name(key: str, value: Callable[[], Any]) -> None:
    row = entered()

    with pytest.raises(ValidationError) as refused:
        change_deployment(deployment=row, by="test", **{key: value()})

    assert set(refused.value.message_dict) == {key}
    assert Deployment.objects.get().revision == row.revision
