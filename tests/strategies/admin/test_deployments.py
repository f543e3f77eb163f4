from decimal import Decimal

import pytest
from django.contrib import admin
from django.urls import reverse

from portfolios.models import FeeSchedule
from strategies.models import Deployment, DeploymentEvent, Worker
from tests.rows import enter, open_season
from tests.strategies.admin.acting import act

pytestmark = pytest.mark.django_db
ADD = "/admin/strategies/deployment/add/"
PLAIN = {
    "name": "My cross", "slug": "my-cross", "symbols": "btc/usd, ETH/USD", "cash": "250", "currency": "USD",
    "funding_currency": "USD", "fee_schedule": "kraken-spot-2026-07", "fill_model": "realistic", "latency_ms": "200",
    "shadows": "auto",
}  # fmt: skip


def errors_of(answer):
    form = answer.context["adminform"].form
    return {name: list(messages) for name, messages in form.errors.items()}


def test_adding_begins_with_the_choice_of_a_strategy(admin_client):
    page = admin_client.get(ADD).content.decode()

    assert "?strategy=ema_cross" in page
    assert "?strategy=buy_and_hold" in page


def test_the_form_is_drawn_from_the_strategys_schema(admin_client):
    page = admin_client.get(ADD + "?strategy=ema_cross").content.decode()

    assert 'name="config__fast"' in page
    assert 'placeholder="9"' in page
    assert "fast EMA, candles · at least 2, at most 500 · default 9" in page
    assert 'name="risk__max_drawdown_pct"' in page


def test_only_what_differs_from_the_default_is_stored(admin_client):
    filled = {**PLAIN, "config__fast": "5", "config__slow": "21", "risk__max_orders_per_minute": "30"}

    answer = admin_client.post(ADD + "?strategy=ema_cross", filled)

    assert answer.status_code == 302, errors_of(answer)
    row = Deployment.objects.get()
    assert (row.slug, row.strategy, row.symbols) == ("my-cross", "ema_cross", ["BTC/USD", "ETH/USD"])
    assert (row.config, row.risk, row.cash) == ({"fast": 5}, {"max_orders_per_minute": 30}, Decimal(250))
    assert DeploymentEvent.objects.get().summary == "created by admin"


def test_a_deployment_added_while_a_season_runs_gets_its_account(admin_client):
    season = open_season()

    admin_client.post(ADD + "?strategy=ema_cross", PLAIN)

    assert Deployment.objects.get().account.season == season


def test_a_value_out_of_bounds_is_refused_by_name(admin_client):
    answer = admin_client.post(ADD + "?strategy=ema_cross", {**PLAIN, "config__fast": "1"})

    assert errors_of(answer) == {"config__fast": ["fast is '1'; expected a whole number at least 2, at most 500"]}
    assert not Deployment.objects.exists()


def test_values_that_contradict_each_other_are_refused(admin_client):
    answer = admin_client.post(ADD + "?strategy=ema_cross", {**PLAIN, "config__fast": "30"})

    assert "slow is 21; expected more than fast" in str(errors_of(answer))


def test_a_symbol_that_is_no_pair_is_refused(admin_client):
    answer = admin_client.post(ADD + "?strategy=ema_cross", {**PLAIN, "symbols": "BTC/"})

    assert "BTC/" in errors_of(answer)["symbols"][0]


def test_a_change_goes_through_the_services(admin_client):
    row = enter(open_season(), "a", strategy="ema_cross", config={"fast": 5, "slow": 13})
    address = reverse("admin:strategies_deployment_change", args=[row.pk])
    shown = admin_client.get(address).content.decode()

    filled = {key: value for key, value in PLAIN.items() if key != "slug"}
    answer = admin_client.post(address, {**filled, "config__fast": "", "config__slow": "40", "shadows": "on"})

    row.refresh_from_db()
    assert 'value="13"' in shown
    assert answer.status_code == 302, errors_of(answer)
    assert (row.config, row.slug, row.name, row.shadows) == ({"slow": 40}, "a", "My cross", "on")
    assert row.revision == 2
    assert DeploymentEvent.objects.filter(kind="config").count() == 1


def test_a_deployment_whose_strategy_is_gone_says_so(admin_client):
    row = enter(None, "a", strategy="vanished")

    page = admin_client.get(reverse("admin:strategies_deployment_change", args=[row.pk])).content.decode()

    assert "no strategy called" in page


def test_several_are_paused_and_enabled_at_once(admin_client):
    rows = [enter(None, slug) for slug in ("a", "b")]

    act(admin_client, "pause", rows)
    paused = set(Deployment.objects.values_list("status", flat=True))
    act(admin_client, "enable", rows)

    assert paused == {"paused"}
    assert set(Deployment.objects.values_list("status", flat=True)) == {"enabled"}


def test_a_reset_is_asked_about_once_more(admin_client):
    row = enter(open_season(), "a")
    account = row.account_id

    asked = act(admin_client, "reset", [row]).content.decode()
    row.refresh_from_db()
    untouched = row.account_id
    act(admin_client, "reset", [row], confirmed="yes")

    row.refresh_from_db()
    assert "new accounts open with the full starting balance" in asked
    assert untouched == account
    assert row.account_id != account


RECORDS = [
    model
    for model in admin.site._registry
    if (model._meta.app_label == "portfolios" and model is not FeeSchedule) or model in (Worker, DeploymentEvent)
]


@pytest.mark.parametrize("model", RECORDS)
def test_records_are_shown_and_cannot_be_touched(admin_client, model):
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"

    assert admin_client.get(reverse(f"{name}_changelist")).status_code == 200
    assert admin_client.get(reverse(f"{name}_add")).status_code == 403


def test_a_deployment_cannot_be_deleted(admin_client):
    row = enter(None, "a")

    assert admin_client.post(reverse("admin:strategies_deployment_delete", args=[row.pk])).status_code == 403


def test_the_admin_names_the_market(admin_client):
    open_season("recording:july:abc")

    assert "RECORDING" in admin_client.get("/admin/").content.decode()
