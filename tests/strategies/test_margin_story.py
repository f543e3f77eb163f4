"""A short that goes wrong, from the order to the liquidation: what rows, page and API say of it."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from django.test import Client

from portfolios.models import Balance, Fill, InstrumentFigures, LedgerEntry, Order, Position, RoundTrip
from strategies.models import DeploymentEvent
from tests.drawing import Scene, instrument
from tests.working import Work, around
from trading.accounting.ledger import ZERO
from trading.fills import plain
from trading.frames import Gap
from trading.orders import Bracket, Trail
from trading.signals import OrderType, TimeInForce

pytestmark = pytest.mark.django_db


@pytest.fixture
def short() -> Work:
    """Fifteen sold short at 99 with a leverage of two, on a stake of a thousand."""
    work = Work()
    work.show(around(100))
    work.trade("sell", 15, leverage=2)
    work.settle()
    return work


def body(client: Client) -> dict[str, object]:
    return client.get("/api/v1/league/").json()["rows"][0]


def page(client: Client) -> str:
    return " ".join(client.get("/deployments/a").content.decode().split())


def test_a_short_stands_in_its_rows(short: Work) -> None:
    standing, position, fill = short.account.standing, Position.objects.get(), Fill.objects.get()

    opening = D(1485) * 2 / 10_000
    assert (position.qty, position.leverage, position.margin, position.borrowed) == (-15, 2, D("742.5"), 15)
    assert (fill.leverage, fill.margin_fee) == (2, opening)
    assert {b.currency: (b.amount, b.owed) for b in Balance.objects.all()} == {
        "USD": (1000 + 1485 - fill.fee - opening, 0),
        "XRP": (0, 15),
    }
    assert (standing.owed, standing.used_margin, standing.interest) == (1500, D("742.5"), opening)
    assert (standing.exposure, standing.short_exposure) == (1500, 1500)
    assert standing.margin_level_pct == (standing.mid_equity / D("742.5") * 100).quantize(D("1e-18"))
    # A quarter of the 1,500 that are short is 375: more than forty per cent of the margin.
    assert standing.closing_level_pct == (D(375) / D("742.5") * 100).quantize(D("1e-18"))
    assert (standing.call_level_pct, standing.is_called) == (80, False)


def test_page_and_api_say_that_a_short_is_secured(short: Work, client: Client) -> None:
    row, html = body(client), page(client)

    assert (row["margin_state"], row["owed"], row["used_margin"], row["short_exposure"]) == (
        "good", "1500", "742.5", "1500",
    )  # fmt: skip
    assert row["margin_level_pct"].startswith("131.")
    assert "short · 2.0× on margin" in html
    assert "OK · call at 80.0 · liquidation below 50.5" in html
    assert client.get("/api/v1/deployments/a/balances/").json()["results"][1]["owed"] == "15"


def test_a_margin_call_is_on_record_and_on_the_page(short: Work, client: Client) -> None:
    short.show(around(128))  # equity about 565, margin 742.5: 76 %
    short.settle()

    row, html = body(client), page(client)

    assert list(DeploymentEvent.objects.filter(kind="margin_call").values_list("deployment__slug", flat=True)) == ["a"]
    assert (row["margin_state"], short.account.standing.is_called) == ("called", True)
    assert "margin call · call at 80.0" in html
    assert "margin call" in client.get("/").content.decode()


def test_a_liquidation_leaves_a_trip_a_fill_and_nothing_owed(short: Work, client: Client) -> None:
    short.show(around(128))
    short.show(around(145))  # equity about 310, below a quarter of 2,175
    short.settle()

    order = Order.objects.get(purpose="liquidation")
    trip, standing, row = RoundTrip.objects.get(), short.account.standing, body(client)
    assert (order.side, order.status, order.is_reduce_only) == ("buy", "filled", True)
    assert (trip.side, trip.entry_price, trip.exit_price) == ("sell", 99, 146)
    assert (standing.owed, standing.used_margin, standing.margin_level_pct, standing.is_called) == (0, 0, None, False)
    assert not Balance.objects.exclude(owed=0).exists()
    assert (row["margin_state"], row["margin_level_pct"], row["leverage"]) == ("none", None, "0")
    kinds = set(DeploymentEvent.objects.exclude(kind__in=("config", "paused")).values_list("kind", flat=True))
    assert kinds == {"margin_call", "liquidation", "margin_restored"}
    html = page(client)
    assert "the exchange closes XRP/USD" in html
    assert "no loans" in html
    trips = client.get("/api/v1/deployments/a/round_trips/", {"side": "sell"}).json()
    assert [t["result"] for t in trips["results"]] == [plain(trip.result)]


def test_bankruptcy_is_said_as_what_it_is(short: Work, client: Client) -> None:
    short.show(around(250))
    short.settle()

    row = body(client)

    assert (row["margin_state"], short.account.standing.bankrupt_at is not None) == ("bankrupt", True)
    assert row["leverage"] is None
    assert "bankrupt" in page(client)


def test_the_instruments_add_up_to_the_account() -> None:
    cross = instrument("XRP/BTC", price_decimals=4, cost_min=D("0.01"))
    work = Work(Scene(instrument("XRP/USD"), instrument("BTC/USD"), cross))
    work.show({"XRP/USD": around(100), "BTC/USD": around(1000), "XRP/BTC": "1001 x 90000\n---\n999 x 90000"})
    work.trade("sell", 3, leverage=2)
    work.trade("buy", "0.5", symbol="BTC/USD", leverage="1.5")
    work.trade("buy", 1, symbol="XRP/BTC", leverage=1)
    work.scene.sequence += 5 * 36_000  # one rollover
    books = {"XRP/USD": around(98), "BTC/USD": around(990), "XRP/BTC": "1001 x 90000\n---\n999 x 90000"}
    work.show(books, is_keyframe=True)
    work.trade("buy", 3)
    work.trade("sell", "0.5", symbol="BTC/USD")
    work.trade("sell", 1, symbol="XRP/BTC")
    work.settle()

    rows, standing = list(InstrumentFigures.objects.order_by("symbol")), work.account.standing

    assert [row.symbol for row in rows] == ["BTC/USD", "XRP/BTC", "XRP/USD"]
    for name in ("fills", "fees", "interest", "realised", "round_trips", "wins"):
        total = sum((getattr(row, name) for row in rows), ZERO)
        assert abs(total - getattr(standing, name)) <= D("3e-18"), name
    assert standing.round_trips == 3
    assert LedgerEntry.objects.filter(kind="rollover", party="fees").count() == 3
    assert standing.interest > 0
    assert all(row.won - row.lost == row.realised for row in rows)


def test_the_fees_of_a_fill_are_those_of_the_ledger(short: Work) -> None:
    fill = Fill.objects.get()

    paid = sum(LedgerEntry.objects.filter(party="fees", fill_id=fill.fill_id).values_list("amount", flat=True))

    assert fill.fee + fill.margin_fee == paid


def test_an_order_says_all_that_was_asked(client: Client) -> None:
    work = Work()
    work.show(around(100), "buy 100 x 1")
    expires_ns = work.scene.now_ns + 3_600 * 10**9
    trail = Trail(pct=D("2.5"))
    work.send(
        "buy", 2, type=OrderType.LIMIT, limit_ticks=95, leverage="1.5", is_post_only=True, expires_ns=expires_ns,
        time_in_force=TimeInForce.GTD, bracket=Bracket(80, 120),
    )  # fmt: skip
    work.send("buy", 1, bracket=Bracket(trail=trail, take_profit_ticks=120))
    work.show()
    resting = Order.objects.get(type="limit")
    stop = Order.objects.get(type="trailing_stop")
    before, parent = stop.trigger_price, stop.parent_id
    work.show(around(110), "buy 110 x 1")
    stop.refresh_from_db()
    html = page(client)

    assert (resting.leverage, resting.limit_price, resting.is_post_only, resting.time_in_force) == (
        D("1.5"), 95, True, "gtd",
    )  # fmt: skip
    assert (resting.stop_loss_price, resting.take_profit_price) == (80, 120)
    assert resting.expires_at.timestamp() * 10**9 == pytest.approx(expires_ns)
    assert (stop.trail_pct, stop.trail, parent) == (D("2.5"), None, Order.objects.get(type="market").order_id)
    assert (Order.objects.get(order_id=stop.sibling_id).type, before) == ("take_profit", 97)
    assert stop.trigger_price == 107
    assert "1.5× on margin · post-only" in html
    assert "trail</small> 2.5 %" in html
    assert "stop</small> 80" in html


def test_leverage_that_no_column_holds_does_not_stop_the_worker() -> None:
    work = Work()
    work.show(around(100))

    work.trade("buy", 1, leverage="1e40")

    order = Order.objects.get()
    assert (order.status, order.code, order.leverage) == ("refused", "leverage_limit", None)


def test_what_a_gap_left_unjudged_is_marked(short: Work, client: Client) -> None:
    short.send("buy", 1, type=OrderType.STOP, trigger_ticks=120)
    short.show()

    short.show(gap=Gap(short.scene.now_ns, short.scene.now_ns + 1, "drawn"))

    assert Order.objects.get(type="stop").is_after_gap
    assert "not matched since a data gap" in page(client)
