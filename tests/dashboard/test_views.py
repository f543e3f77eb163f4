from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.utils.html import escape

from dashboard.panels import DEPLOYMENT_PANELS, LEAGUE_PANELS
from marketdata import bus
from portfolios.models import Order, Position, RoundTrip
from portfolios.selectors import trading_fill
from strategies.models import Deployment, DeploymentCost, DeploymentEvent
from tests.rows import NOON, enter, fill, open_season, run_feed, stand
from trading.exchange.examples import EXAMPLES
from trading.fills import sealed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_feed():
    bus.clear_feed_state()
    yield
    bus.clear_feed_state()


def test_the_empty_league_says_what_is_missing_and_how_to_get_it(client):
    page = client.get("/").content.decode()

    assert "No season running" in page
    assert "python3 start.py" in page
    assert "No feed running" in page


def test_a_season_without_deployments_says_how_to_enter_one(client):
    open_season()

    assert "manage.py league load" in client.get("/").content.decode()


def test_the_league_page_shows_every_panel_and_every_row(client):
    run_feed()
    season = open_season()
    stand(enter(season, "first"), "101.5", fills=1, last_fill_at=NOON)
    fill(enter(season, "second"), reason="<b>bold</b>")

    page = client.get("/").content.decode()

    assert [panel.name for panel in LEAGUE_PANELS if f'id="{panel.element_id}"' not in page] == []
    assert page.index('id="row-first"') < page.index('id="row-second"')
    assert "SIMULATED MARKET" in page
    assert "&lt;b&gt;bold" in page
    assert "no round trip was closed" in page


@pytest.mark.parametrize(
    ("query", "right"),
    [
        ("window=2h", "expected one of 1h, 24h, 7d, 30d, season"),
        ("at=yesterday", "expected a time with its zone"),
        ("at=2020-01-01T00:00:00Z", "nothing has been valued"),
    ],
)
def test_a_league_that_cannot_be_shown_says_what_can(client, query, right):
    open_season()

    page = client.get(f"/?{query}")

    assert page.status_code == 404
    assert right in page.content.decode()


def test_the_league_page_takes_few_queries_however_many_compete(client, django_assert_max_num_queries):
    season = open_season()
    for number in range(30):
        deployment = enter(season, f"d{number}")
        stand(deployment, "100")
        fill(deployment)

    with django_assert_max_num_queries(9):
        client.get("/")


def test_a_deployments_page_shows_everything_about_it(client):
    run_feed()
    row = enter(open_season(), "a", strategy="ema_cross", config={"slow": 30})
    stand(row, "101", refusals=1, why={"no_cross": 12}, round_trips=1, wins=1)
    fill(row, evidence={"rule": "depth_walk", "level": [1, 2]})
    account = row.account
    Position.objects.create(account=account, symbol="BTC/USD", qty=Decimal("0.001"), average_price=63000, fees=0)
    order = {"account": account, "symbol": "BTC/USD", "side": "buy", "type": "limit", "time_in_force": "gtc",
             "qty": 1, "purpose": "entry", "created_at": NOON, "updated_at": NOON, "sequence": 1}  # fmt: skip
    Order.objects.create(order_id="open", status="open", limit_price=60000, **order)
    Order.objects.create(order_id="no", status="refused", code="cost_minimum", sentence="too small by far", **order)
    RoundTrip.objects.create(
        account=account, trip_id="t", symbol="BTC/USD", qty=1, entry_price=1, exit_price=2, fees=0, result=1,
        opened_at=NOON, closed_at=NOON + timedelta(minutes=3), sequence=1,
    )  # fmt: skip
    DeploymentEvent.objects.create(
        deployment=row, event_id="e", kind="error", summary="ZeroDivisionError", detail="Traceback: line 41", time=NOON
    )

    page = client.get("/deployments/a").content.decode()

    assert [panel.name for panel in DEPLOYMENT_PANELS if f'id="{panel.element_id}"' not in page] == []
    for words in ("depth_walk", "60,000", "too small by far", "no_cross", "Traceback: line 41", "slow EMA", "+1.0000"):
        assert words in page


def test_an_unknown_deployment_is_not_found_and_the_page_says_so(client):
    answer = client.get("/deployments/nobody")

    assert answer.status_code == 404
    assert "nobody" in answer.content.decode()


def test_controls_are_for_staff_alone(client, admin_client):
    enter(open_season(), "a")

    assert "confirm-reset" not in client.get("/deployments/a").content.decode()
    assert "confirm-reset" in admin_client.get("/deployments/a").content.decode()


def test_each_verb_says_its_consequences_before_it_is_given(admin_client):
    enter(open_season(), "a")

    page = admin_client.get("/deployments/a").content.decode()

    assert "open entry orders are cancelled" in page
    assert "longs sold, shorts bought back, after 200 ms latency" in page
    assert "?strategy=buy_and_hold&amp;clone=a" in page


def test_a_quarantined_deployment_shows_its_last_update_and_its_cost(client):
    row = enter(open_season(), "a", status="quarantined", status_reason="hung at frame 7")
    stand(row, "100")
    DeploymentCost.objects.create(deployment=row, mean_us=41, worst_us=9_876, state_bytes=2_048, as_of=NOON)

    page = client.get("/deployments/a").content.decode()

    assert "quarantined: it hung at frame 7" in page
    assert "Not being processed: last update <time" in page
    assert "9,876" in page
    assert "2.0\xa0KB" in page


@pytest.mark.parametrize(
    ("change", "status"),
    [("pause", "paused"), ("enable", "enabled"), ("stop_entries", "entries_stopped"), ("flatten", "paused")],
)
def test_staff_change_a_deployment_from_its_page(admin_client, change, status):
    enter(open_season(), "a")

    answer = admin_client.post(f"/deployments/a/{change}/", follow=True)

    assert Deployment.objects.get().status == status
    assert status in answer.content.decode()


def test_others_are_sent_to_the_login_or_refused(client):
    enter(open_season(), "a")

    anonymous = client.post("/deployments/a/pause/")
    client.force_login(get_user_model().objects.create_user("ann"))
    reader = client.post("/deployments/a/pause/")

    assert (anonymous.status_code, reader.status_code) == (302, 403)
    assert client.get("/deployments/a/pause/").status_code == 405
    assert Deployment.objects.get().status == "enabled"


def test_an_unknown_change_is_not_found(admin_client):
    enter(open_season(), "a")

    assert admin_client.post("/deployments/a/explode/").status_code == 404


def test_no_page_loads_anything_from_elsewhere(client):
    enter(open_season(), "a")

    for address in ("/", "/deployments/a"):
        page = client.get(address).content.decode()
        assert 'src="http' not in page
        assert 'href="//' not in page
        assert "<style" not in page
        assert " style=" not in page


def test_ages_are_in_market_time(client):
    run_feed(market_time="2023-10-05T12:00:00+00:00")
    stand(enter(open_season(), "a"), "100", last_fill_at=NOON)

    assert 'id="market-clock" value="2023-10-05T12:00:00+00:00"' in client.get("/").content.decode()


EVIDENCE = {
    "model": "realistic-2",
    "rule": "depth_walk",
    "level": [640_000, 90_000],
    "open": 50_000,
    "decimals": [1, 8],
    "latency_ms": 200,
    "fee_bps": "40",
    "fee_schedule": "kraken-spot-2026-07",
    "volume": "0",
}


def test_a_fill_is_recomputed_from_its_evidence_and_a_tampered_one_is_not_verified(client):
    row = fill(enter(open_season(), "first"), evidence=EVIDENCE)
    row.evidence = sealed(trading_fill(row)).evidence
    row.save()

    verified = client.get(f"/fills/{row.pk}/").content.decode()
    over_rest = client.get(f"/api/v1/fills/{row.pk}/").json()
    row.price += 1
    row.save()
    tampered = client.get(f"/fills/{row.pk}/").content.decode()

    assert "Verified" in verified
    assert "the level at 64000 was taken" in verified
    assert (over_rest["deployment"], over_rest["derivation"]["is_verified"]) == ("first", True)
    assert (over_rest["derivation"]["price"], over_rest["derivation"]["fee"]) == ("64000", "0.128")
    assert "Not verified" in tampered
    assert "Recomputed price differs from the record." in tampered


def test_a_fill_that_nobody_knows_is_said_to_be_none(client):
    assert client.get("/fills/7/").status_code == 404
    assert client.get("/api/v1/fills/7/").json()["detail"].startswith("no fill has the id 7")


def test_the_guide_to_fills_shows_every_example_that_is_tested(client):
    page = client.get("/docs/fills/").content.decode()

    for example in EXAMPLES:
        assert escape(example.title) in page
        assert escape(example.rule) in page
    assert "How paper orders fill" in page
