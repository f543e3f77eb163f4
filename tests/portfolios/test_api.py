from datetime import timedelta
from decimal import Decimal

import pytest

from portfolios.models import Balance, EquityPoint, LedgerEntry, Order, Position
from tests.rows import NOON, enter, fill, open_season

pytestmark = pytest.mark.django_db
BASE = "/api/v1/deployments/a/"


@pytest.fixture
def deployment():
    return enter(open_season(), "a")


def test_fills_are_listed_newest_first_with_exact_decimals_and_evidence(client, deployment):
    fill(deployment, 1)
    fill(deployment, 2, side="sell", result=Decimal("-0.000000000000000001"), time=NOON + timedelta(seconds=5))

    page = client.get(BASE + "fills/").json()

    newest, first = page["results"]
    assert newest["result"] == "-0.000000000000000001"
    assert (first["qty"], first["price"], first["result"]) == ("0.0005", "64000", None)
    assert first["evidence"] == {"rule": "depth_walk"}
    assert first["time"] == "2026-07-07T12:00:00Z"


def test_fills_can_be_narrowed_and_paged(client, deployment):
    for number in range(5):
        fill(deployment, number, side="buy" if number % 2 else "sell", time=NOON + timedelta(minutes=number))

    sold = client.get(BASE + "fills/", {"side": "sell", "since": "2026-07-07T12:01:00Z"}).json()
    first = client.get(BASE + "fills/", {"limit": 2}).json()
    second = client.get(first["next"]).json()

    assert [f["sequence"] for f in sold["results"]] == [4, 2]
    assert [[f["sequence"] for f in page["results"]] for page in (first, second)] == [[4, 3], [2, 1]]
    assert client.get(second["previous"]).json()["results"] == first["results"]


def test_an_unknown_parameter_is_refused_with_those_there_are(client, deployment):
    answer = client.get(BASE + "fills/", {"symbl": "BTC/USD"})

    assert answer.status_code == 400
    assert "expected one of" in answer.json()["errors"]["symbl"][0]
    assert "symbol" in answer.json()["errors"]["symbl"][0]


def test_an_unknown_deployment_is_named_in_the_answer(client, deployment):
    answer = client.get("/api/v1/deployments/nobody/orders/")

    assert answer.status_code == 404
    assert "'nobody'" in answer.json()["detail"]


def test_without_a_season_the_answer_says_how_to_get_one(client):
    answer = client.get(BASE + "fills/")

    assert answer.status_code == 404
    assert "no season" in answer.json()["detail"]


def test_refused_orders_say_why(client, deployment):
    Order.objects.create(
        account=deployment.account, order_id="o1", symbol="BTC/USD", side="buy", type="market", time_in_force="gtc",
        status="refused", qty=Decimal("0.00001"), purpose="entry", code="cost_minimum",
        sentence="the order is worth 0.31; the smallest is 0.5", sequence=1, created_at=NOON, updated_at=NOON,
    )  # fmt: skip

    page = client.get(BASE + "orders/", {"status": "refused"}).json()

    assert page["results"][0]["sentence"] == "the order is worth 0.31; the smallest is 0.5"
    assert page["results"][0]["limit_price"] is None


def test_positions_are_listed_by_symbol(client, deployment):
    for symbol in ("XRP/USD", "BTC/USD"):
        Position.objects.create(account=deployment.account, symbol=symbol, qty=1, average_price=2, fees=0)

    page = client.get(BASE + "positions/").json()

    assert [p["symbol"] for p in page["results"]] == ["BTC/USD", "XRP/USD"]


def test_the_curve_comes_with_stake_and_currency(client, deployment):
    EquityPoint.objects.create(account=deployment.account, time=NOON, equity=Decimal("99.5"), mid_equity=Decimal(100))

    curve = client.get(BASE + "equity/").json()

    assert curve == {
        "slug": "a",
        "currency": "USD",
        "stake": "100",
        "points": [
            {
                "time": "2026-07-07T12:00:00Z",
                "equity": "99.5",
                "mid_equity": "100",
                "return_pct": "-0.5",
                "drawdown_pct": "0.5",
            }
        ],
    }


@pytest.mark.parametrize("points", ["0", "-1", "2001", "many", "1e3", "9" * 5_000])
def test_a_number_of_points_that_cannot_be_is_refused(client, deployment, points):
    answer = client.get(BASE + "equity/", {"points": points})

    assert answer.status_code == 400
    assert "2 to 2000" in answer.json()["errors"]["points"][0]


def test_ledger_sums_stand_beside_the_balances(client, deployment):
    LedgerEntry.objects.create(
        account=deployment.account, entry_id="e", party="account", currency="USD", amount=Decimal(100),
        kind="deposit", sequence=0, time=NOON,
    )  # fmt: skip
    Balance.objects.create(account=deployment.account, currency="USD", amount=Decimal(100))

    assert client.get(BASE + "ledger/sums/").json() == [{"currency": "USD", "ledger": "100", "balance": "100"}]
    assert len(client.get(BASE + "ledger/").json()["results"]) == 1


def test_where_pages_are_not_public_the_api_needs_a_login(client, settings, deployment):
    settings.PADDOCK_PUBLIC_PAGES = False

    assert client.get(BASE + "fills/").status_code in (401, 403)


def test_nothing_can_be_written(client, admin_user, deployment):
    client.force_login(admin_user)

    assert client.post(BASE + "fills/", {}).status_code == 405
