"""What the market says of open positions and orders, and how round trips ended, in rows and over REST."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D

import pytest

from portfolios.models import OpenOrders, Order, Position, RoundTrip
from portfolios.results.exits import exit_figures
from tests.rows import NOON, enter, fill, open_season
from tests.working import Work, around
from trading.signals import OrderType

pytestmark = pytest.mark.django_db
BASE = "/api/v1/deployments/a/"


@pytest.fixture
def work() -> Work:
    work = Work()
    work.show(around(100))
    work.settle()
    return work


def listed(client, path: str, **query: str) -> list[dict]:
    return client.get(BASE + path, query).json()["results"]


def test_an_open_order_says_what_it_waits_for(client, work: Work) -> None:
    work.trade("buy", 1, type=OrderType.LIMIT, limit_ticks=99)
    work.settle()

    (order,) = listed(client, "orders/", status="open")

    waiting = order["waiting"]
    assert (waiting["waits_for"], waiting["queue_ahead"], waiting["distance_bps"]) == ("queue", "10000", "0")
    assert (waiting["printed"], waiting["printed_at"], waiting["status"]) == ("0", None, "online")


def test_what_was_traded_at_its_price_meanwhile_is_shown_within_a_second(client, work: Work) -> None:
    work.trade("buy", 1, type=OrderType.LIMIT, limit_ticks=99)
    work.show(trades="sell 99 x 250")
    work.settle()

    (order,) = listed(client, "orders/", status="open")

    assert (order["waiting"]["printed"], order["waiting"]["queue_ahead"]) == ("2.5", "9997.5")
    assert order["waiting"]["printed_at"].endswith("Z")


def test_valuations_are_written_at_most_once_a_second_and_not_while_nothing_is_open(work: Work) -> None:
    work.settle()
    before = OpenOrders.objects.get().as_of
    work.trade("buy", 1, type=OrderType.LIMIT, limit_ticks=90)

    times = set()
    for _ in range(20):
        work.show()
        times.add(OpenOrders.objects.get().as_of)

    assert before <= min(times)
    assert 2 <= len(times) <= 3


def test_a_filled_order_waits_for_nothing(client, work: Work) -> None:
    work.trade("buy", 1)
    work.settle()

    (order,) = listed(client, "orders/")

    assert order["waiting"] is None
    assert OpenOrders.objects.get().waiting == {}


def test_an_open_position_shows_its_mark_its_extremes_and_when_it_is_liquidated(client, work: Work) -> None:
    work.trade("buy", 12, leverage="1.5")  # at 101
    work.show(around(110))
    work.settle()
    work.show(around(95))
    work.settle()

    (position,) = listed(client, "positions/")

    assert (position["mark_price"], position["mfe"], position["mae"]) == ("95", str(12 * 9), str(-12 * 6))
    assert 0 < D(position["liquidation_price"]) < 95
    assert D(position["unrealised"]) < -72
    assert position["as_of"] is not None


def test_a_flat_position_shows_none_of_it(client, work: Work) -> None:
    work.trade("buy", 2)
    work.settle()
    work.trade("sell", 2)
    work.settle()

    (position,) = listed(client, "positions/")

    names = ("mark_price", "unrealised", "liquidation_price", "mae", "mfe")
    assert [position[name] for name in names] == [None] * 5


def test_a_round_trip_shows_how_far_it_went_and_how_long_it_lasted(client, work: Work) -> None:
    work.trade("buy", 2, code="dip")
    work.show(around(110))
    work.settle()
    work.trade("sell", 2, code="target")

    (trip,) = listed(client, "round_trips/", exit_code="target")

    assert (trip["mae"], trip["mfe"], trip["exit_code"]) == ("-2", "18", "target")
    assert D(trip["mfe_pct"]) == D(1800) / 202
    assert trip["held_s"] == pytest.approx(1.2, abs=0.2)
    assert Position.objects.get().mae is None


def test_orders_and_fills_carry_the_code_of_the_rule(client, work: Work) -> None:
    work.trade("buy", 2, code="dip", reason="below the band")
    work.trade("sell", 2, code="target")

    assert [order["signal_code"] for order in listed(client, "orders/", signal_code="dip")] == ["dip"]
    assert [(f["signal_code"], f["reason"]) for f in listed(client, "fills/", signal_code="dip")] == [
        ("dip", "below the band")
    ]
    assert Order.objects.count() == 2


def test_rows_from_before_know_nothing_of_it(client) -> None:
    account = enter(open_season(), "a").account
    fill(account.deployment)
    trip = {"account": account, "symbol": "BTC/USD", "qty": 1, "entry_price": 1, "exit_price": 2, "fees": 0}
    RoundTrip.objects.create(trip_id="t", result=1, opened_at=NOON, closed_at=NOON, sequence=1, **trip)

    (row,) = listed(client, "round_trips/")

    assert [row[name] for name in ("mae", "mfe", "mae_pct", "mfe_pct")] == [None] * 4
    assert listed(client, "fills/")[0]["signal_code"] == ""


def test_round_trips_are_summed_up_by_the_rule_that_ended_them(client) -> None:
    account = enter(open_season(), "a").account
    for number, (code, result) in enumerate([("stop_loss", -2), ("target", 3), ("target", -1), ("", 5)]):
        RoundTrip.objects.create(
            account=account, trip_id=str(number), symbol="BTC/USD", qty=1, entry_price=1, exit_price=2, fees=0,
            result=result, exit_code=code, opened_at=NOON, closed_at=NOON + timedelta(seconds=60), sequence=number,
        )  # fmt: skip

    figures = exit_figures(account)
    rows = client.get(BASE + "exits/").json()

    assert [(f.exit_code, f.count, f.wins, f.result, f.held_s) for f in figures] == [
        ("target", 2, 1, 2, 60),
        ("", 1, 1, 5, 60),
        ("stop_loss", 1, 0, -2, 60),
    ]
    assert (rows[0]["win_rate"], rows[0]["average"], rows[0]["result"]) == ("50", "1", "2")
