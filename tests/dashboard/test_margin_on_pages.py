"""What a person reads of margin, instruments, payments and orders on the pages."""

from datetime import timedelta
from decimal import Decimal as D

import pytest

from dashboard.deployment.margin import margin_words
from dashboard.page.banner import Tone
from portfolios.models import InstrumentFigures, Order, RoundTrip
from tests.rows import NOON, enter, open_season, payment, stand

pytestmark = pytest.mark.django_db
OWING = {"owed": D(150), "used_margin": D(75), "call_level_pct": D(80), "closing_level_pct": D(50), "exposure": D(150)}


@pytest.fixture
def row():
    return enter(open_season(), "a")


def page(client, path="/deployments/a"):
    return " ".join(client.get(path).content.decode().split())


@pytest.mark.parametrize(
    ("figures", "tone", "state"),
    [
        ({}, Tone.GOOD, "no loans"),
        ({**OWING, "margin_level_pct": D(130)}, Tone.GOOD, "OK"),
        ({**OWING, "margin_level_pct": D(70), "is_called": True}, Tone.WARNING, "margin call"),
        ({**OWING, "margin_level_pct": D(49), "is_called": True}, Tone.BAD, "liquidating"),
        ({"owed": D(3)}, Tone.WARNING, "loan outstanding"),
        ({"owed": D(3), "bankrupt_at": NOON}, Tone.BAD, "bankrupt"),
    ],
)
def test_the_state_is_shown_in_words_and_tone(row, figures, tone, state):
    words = margin_words(stand(row, "100", **figures))

    assert (words.tone, words.state) == (tone, state)


def test_who_never_borrowed_sees_a_dash_with_its_reason(client, row):
    stand(row, "100")

    html = page(client)

    assert 'title="No loans, no margin requirement."><span class="unknown">–</span>' in html
    assert "no loans" in html


def test_a_deployment_without_a_standing_has_a_page(client, row):
    assert "no loans" in page(client)


def test_the_league_tells_how_far_an_exposure_is_borrowed_and_which_way(client, row):
    stand(row, "100", **OWING, short_exposure=D(150), margin_level_pct=D(70), is_called=True)

    html = page(client, "/")

    assert "1.5× short" in html
    assert "margin call</small>" in html
    assert "short 150.00" in html


def test_the_stake_with_its_payments_is_what_the_result_is_taken_from(client, row):
    stand(row, "640", stake=D(600), paid_in=D(800))

    html, api = page(client), client.get("/api/v1/league/").json()

    assert "deposits in total 800.00" in html
    assert (api["rows"][0]["stake"], api["rows"][0]["return_pct"], api["totals"][0]["result"]) == ("600", "5", "40")
    assert client.get("/api/v1/deployments/a/equity/").json()["stake"] == "600"


def test_payments_say_what_became_of_them(client, row):
    payment(row, 5)
    payment(row, -7, state="rejected", message="7 USD were to be taken out; 0 are free")
    payment(row, 9, state="done", note="gift", began_sequence=4, began_at=NOON)

    html, api = page(client), client.get("/api/v1/deployments/a/payments/", {"state": "refused"}).json()

    assert "requested</b>, applied between two frames" in html
    assert "7 USD were to be taken out; 0 are free" in html
    assert "gift" in html
    assert [p["amount"] for p in api["results"]] == ["-7"]


def test_the_instruments_are_listed_and_empty_states_say_what_is_missing(client, row):
    empty = page(client)
    InstrumentFigures.objects.create(
        account=row.account, symbol="BTC/USD", fills=4, volume=D(1000), fees=D(4), interest=D("0.5"), realised=D(-3),
        realised_quote=D(-3), first_in_realised_quote=D(-3), round_trips=2, wins=1, won=D(1), lost=D(4),
    )  # fmt: skip

    html, api = page(client), client.get("/api/v1/deployments/a/instruments/").json()

    assert "No trades yet." in empty
    assert "No deposits or withdrawals." in empty
    assert 'data-label="Interest">0.5000' in html
    assert (api["results"][0]["realised"], api["results"][0]["wins"]) == ("-3", 1)


def test_orders_and_trips_say_their_kind(client, row):
    order = {"account": row.account, "symbol": "BTC/USD", "side": "sell", "time_in_force": "gtd", "qty": 1,
             "created_at": NOON, "updated_at": NOON, "sequence": 1, "status": "open"}  # fmt: skip
    Order.objects.create(
        order_id="t", type="trailing_stop", purpose="stop_loss", parent_id="e", sibling_id="p", is_reduce_only=True,
        trigger_price=D(60_000), trail=D(500), **order,
    )  # fmt: skip
    Order.objects.create(
        order_id="l", type="stop_limit", purpose="entry", leverage=D(2), trigger_price=D(59_000), limit_price=D(58_900),
        expires_at=NOON + timedelta(hours=2), is_after_gap=True, **order,
    )  # fmt: skip
    RoundTrip.objects.create(
        account=row.account, trip_id="t", symbol="BTC/USD", side="sell", qty=1, entry_price=2, exit_price=1, fees=0,
        result=1, opened_at=NOON, closed_at=NOON, sequence=1,
    )  # fmt: skip

    html = page(client)

    assert "trailing stop <small>stop loss · OCO" in html
    assert "trail</small> 500" in html
    assert "stop limit <small>entry · 2× on margin · not matched since a data gap" in html
    assert "2026-07-07 14:00:00" in html
    assert "<b>BTC/USD</b> <small>short</small>" in html


def test_the_openapi_document_names_the_new_lists(client, admin_user):
    client.force_login(admin_user)

    schema = client.get("/api/schema/", {"format": "json"}).json()

    for name in ("instruments", "payments", "balances"):
        assert f"/api/v1/deployments/{{slug}}/{name}/" in schema["paths"]
    assert {"owed", "margin_level_pct", "margin_state"} <= set(
        schema["components"]["schemas"]["Contestant"]["properties"]
    )
