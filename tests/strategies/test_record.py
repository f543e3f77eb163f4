"""An account's curve and what it is set against."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from marketdata.models import Candle
from portfolios.models import EquityPoint
from portfolios.results.curves import equity_curve
from tests.rows import MARKET, NOON, enter, open_season, payment
from trading.performance.buy_and_hold import Deposit, Prices, held

pytestmark = pytest.mark.django_db


def curve_of(deployment, *worths):
    for minute, worth in enumerate(worths):
        time = NOON + timedelta(minutes=minute)
        EquityPoint.objects.create(account=deployment.account, time=time, equity=worth, mid_equity=worth)
    return [round(point.drawdown_pct, 20) for point in equity_curve(deployment.account)]


def pay(deployment, value, minutes):
    payment(deployment, value, state="done", began_sequence=minutes, began_at=NOON + timedelta(minutes=minutes))


def close(symbol, minute, price):
    """A minute of candles that ends ``minute`` minutes after noon."""
    Candle.objects.create(
        market=MARKET, symbol=symbol, start=NOON + timedelta(minutes=minute - 1), open=price, high=price, low=price,
        close=price, volume=1, trades=1,
    )  # fmt: skip


@pytest.mark.parametrize(("written", "asked", "shown"), [(0, 100, 0), (10, 100, 10), (2_500, 100, 100), (101, 100, 51)])
def test_a_curve_is_thinned_evenly_and_ends_with_the_newest_point(written, asked, shown):
    account = enter(open_season(), "a").account
    EquityPoint.objects.bulk_create(
        EquityPoint(account=account, time=NOON + timedelta(seconds=n), equity=n, mid_equity=n) for n in range(written)
    )

    curve = equity_curve(account, points=asked)

    assert len(curve) == shown
    assert [p.time for p in curve] == sorted(p.time for p in curve)
    assert not curve or curve[-1].equity == written - 1


def test_each_point_says_how_far_it_lies_below_the_highest_before_it():
    assert curve_of(enter(open_season(), "a"), 100, 110, 99, 121) == [0, 0, 10, 0]


def test_what_is_paid_in_or_taken_out_is_neither_a_gain_nor_a_drawdown():
    deployment = enter(open_season(), "a")
    pay(deployment, Decimal(90), minutes=2)
    pay(deployment, Decimal(-100), minutes=3)

    # 10 % below the peak of 100; twice the money leaves it there, and so does half of it.
    assert curve_of(deployment, 100, 90, 180, 80) == [0, 10, 10, 10]
    returns = [point.return_pct for point in equity_curve(deployment.account)]
    assert returns == [0, -10, -Decimal(1000) / 190, -Decimal(1000) / 190]  # of 100, then of 190 paid in


def test_holding_buys_equal_parts_at_the_first_prices_and_pays_the_fee_once():
    minute = timedelta(minutes=1)
    prices = [
        Prices(NOON, {"BTC": Decimal(50_000), "XRP": Decimal(2)}),
        Prices(NOON + minute, {"BTC": Decimal(55_000), "XRP": Decimal(1)}),
    ]

    at_once, later = held([Deposit(NOON, Decimal(100))], prices, fee_pct=Decimal(25))

    assert at_once.worth == 80  # 100 / 1.25
    assert later.worth == 44 + 20


def test_what_is_taken_out_is_sold_in_proportion_and_more_than_there_is_leaves_nothing():
    prices = [Prices(NOON + timedelta(minutes=n), {"BTC": Decimal(100)}) for n in range(3)]
    deposits = [
        Deposit(NOON, Decimal(100)),
        Deposit(NOON + timedelta(minutes=1), Decimal(-25)),
        Deposit(NOON + timedelta(minutes=2), Decimal(-500)),
    ]

    assert [point.worth for point in held(deposits, prices, Decimal(0))] == [100, 75, 0]


def test_the_benchmark_holds_what_the_deployment_trades_from_its_first_frame_on(client):
    deployment = enter(open_season(), "a", symbols=["BTC/USD", "XRP/BTC"])
    account = deployment.account
    account.first_sequence = int((NOON - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 10
    account.save()
    close("BTC/USD", 0, 40_000)  # before it began
    for minute, (btc, ratio) in enumerate([(50_000, "0.00004"), (60_000, "0.00005")], start=1):
        close("BTC/USD", minute, btc)
        close("XRP/BTC", minute, Decimal(ratio))

    body = client.get("/api/v1/deployments/a/benchmark/").json()

    assert (body["assets"], body["fee_pct"], body["reason"]) == (["BTC", "XRP"], "0.4", "")
    first, last = (Decimal(point["worth"]) for point in body["points"])
    assert round(first, 10) == round(100 / Decimal("1.004"), 10)
    assert round(last, 10) == round((60 + 75) / Decimal("1.004"), 10)  # BTC +20 %, XRP from 2.00 to 3.00
    assert body["points"][0]["time"] == "2026-07-07T12:01:00Z"


def test_without_candles_the_benchmark_says_what_is_missing(client):
    deployment = enter(open_season(), "a")
    assert client.get("/api/v1/deployments/a/benchmark/").json()["reason"] == "it has not been valued yet"

    EquityPoint.objects.create(account=deployment.account, time=NOON, equity=100, mid_equity=100)
    body = client.get("/api/v1/deployments/a/benchmark/").json()

    assert body["points"] == []
    assert body["reason"] == "no candle of BTC/USD has closed since it began that leads to USD"


def test_events_are_listed_newest_first_and_narrowed_by_kind(client):
    deployment = enter(open_season(), "a")
    for number, kind in enumerate(["error", "gap", "error"]):
        time = NOON + timedelta(minutes=number)
        deployment.events.create(event_id=str(number), kind=kind, summary=f"{kind} {number}", time=time, since=NOON)

    body = client.get("/api/v1/deployments/a/events/", {"kind": "error"}).json()["results"]

    assert [event["summary"] for event in body] == ["error 2", "error 0"]
    assert body[0]["since"] == "2026-07-07T12:00:00Z"
