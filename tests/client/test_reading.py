"""The client reads the league of the real site."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from itertools import islice

import pytest

from paddock_client import NotFound, Refused
from paddock_client.parsing import plain
from strategies.deployments.services import pause_deployment
from tests.rows import NOON, fill
from tests.working import Work, around
from trading.signals import OrderType

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def work() -> Work:
    """Deployment a on a worker, after a round trip and a half."""
    work = Work()
    work.show(around(100))
    work.trade("buy", 1)
    work.show(around(110))
    work.trade("sell", 1)
    work.trade("buy", 2)
    work.settle()
    return work


def test_the_league_is_read_with_exact_numbers(site, league):
    table = site.league()

    assert (table.season.number, table.market) == (1, "simulated:7")
    assert [(row.rank, row.slug, row.equity) for row in table.rows][:2] == [
        (1, "alpha", Decimal("103.5")),
        (2, "bravo", Decimal(99)),
    ]
    assert table.rows[0].win_rate == 75
    assert table.totals[0].equity == Decimal("202.5")


def test_the_league_is_read_over_a_window_and_as_it_was_at_a_past_moment(site, work):
    first, *_, newest = site.equity("a").points

    now = site.league(window="1h")
    then = site.league(at=first.time)
    with pytest.raises(Refused) as refused:
        site.league(window="fortnight")
    unknown = refused.value.errors
    with pytest.raises(Refused, match="the season reaches from"):
        site.league(at=first.time - timedelta(days=1))

    assert (now.window.name, now.rows[0].window.gain) == ("1h", newest.equity - 1000)
    assert (then.window.at, then.rows[0].equity) == (first.time, first.equity)
    assert "expected one of 1h" in unknown["window"][0]


def test_a_list_is_read_page_by_page_in_order(site, league):
    for number in range(230):
        fill(league["alpha"], number, symbol="ETH/USD" if number % 10 else "BTC/USD", time=NOON + timedelta(number))

    every = list(site.fills("alpha"))
    narrowed = list(site.fills("alpha", symbol="BTC/USD", since=NOON + timedelta(100)))

    assert [each.sequence for each in every] == list(range(229, -1, -1))
    assert [each.sequence for each in narrowed] == list(range(220, 90, -10))
    assert (every[0].price, every[0].time) == (Decimal(64_000), NOON + timedelta(229))


def test_a_list_that_grows_while_it_is_read_shifts_nothing(site, league):
    for number in range(150):
        fill(league["alpha"], number)
    fills = site.fills("alpha")

    first = [each.sequence for each in islice(fills, 100)]
    fill(league["alpha"], 150)
    rest = [each.sequence for each in fills]

    assert first + rest == list(range(149, -1, -1))


def test_what_an_account_traded_is_read_with_its_codes_and_what_it_had_lost_and_gained(site, work):
    newest, *_ = site.fills("a")
    (trip,) = site.round_trips("a")
    (exits,) = site.exits("a")

    assert (newest.side, newest.qty, newest.signal_code, newest.liquidity) == ("buy", 2, "", "taker")
    assert newest.evidence
    assert (trip.side, trip.qty, trip.entry_price, trip.exit_code) == ("buy", 1, 101, "")
    assert trip.mfe > 0
    assert trip.mfe_pct > 0
    assert (exits.count, exits.result) == (1, trip.result)


def test_an_open_order_says_what_it_waits_for(site, work):
    work.send("buy", 1, limit_ticks=109, type=OrderType.LIMIT)
    work.settle()

    resting, *ended = site.orders("a")

    assert (resting.status, resting.limit_price, resting.filled_qty) == ("open", 109, 0)
    assert resting.waiting.waits_for == "queue"
    assert resting.waiting.queue_ahead == 10_000
    assert [order.waiting for order in ended] == [None] * 3
    assert [order.order_id for order in site.orders("a", status="open")] == [resting.order_id]


def test_what_is_held_is_read_with_the_price_at_which_it_would_be_taken_away(site, work):
    work.trade("sell", 4, leverage=2)
    work.settle()

    (position,) = site.positions("a")
    amounts = {balance.currency: balance.amount for balance in site.balances("a")}
    booked = [entry for entry in site.ledger("a") if entry.party == "account" and entry.currency == "USD"]

    assert (position.qty, position.leverage) == (-2, 2)
    assert position.liquidation_price > position.mark_price > 0
    assert amounts["USD"] == sum(entry.amount for entry in booked)


def test_equity_over_time_and_events_are_read(site, work):
    pause_deployment(deployment=work.deployment, by="ann", reason="lunch")

    curve = site.equity("a", points=10)
    events = list(site.events("a", kind="paused"))

    assert curve.stake == 1000
    # Bought 1 at 101, sold it at 109; holds 2 bought at 111 that 109 is bid for; 0.4 % of each, the last one included.
    assert (curve.points[-1].equity, curve.points[-1].return_pct) == (Decimal("1001.4"), Decimal("0.14"))
    assert events[0].summary == "paused by ann: lunch"


def test_a_deployment_is_read_with_its_settings_and_its_row(site, league):
    alpha = site.deployment("alpha")

    assert (alpha.standing.rank, alpha.symbols, alpha.flattening) == (1, ["BTC/USD"], None)
    assert {setting.key for setting in alpha.limits}
    assert [each.slug for each in site.deployments(status="enabled", symbol="BTC/USD")] == ["alpha", "bravo"]
    assert list(site.deployments(status="paused")) == []


def test_what_the_server_refuses_is_raised_with_its_reason(site, league):
    with pytest.raises(NotFound, match="'nobody'"):
        site.deployment("nobody")
    with pytest.raises(NotFound):
        site.deployment("../league")
    with pytest.raises(Refused) as refused:
        site.equity("alpha", points=1)

    assert refused.value.status == 400
    assert "expected a whole number" in refused.value.errors["points"][0]


def test_a_filter_that_the_server_does_not_know_is_refused_by_name(site, league):
    with pytest.raises(Refused) as refused:
        list(site.fills("alpha", colour="blue"))

    assert list(refused.value.errors) == ["colour"]


def test_a_thing_is_plain_json_again(site, league):
    values = plain(site.league())

    assert json.loads(json.dumps(values))["rows"][0]["equity"] == "103.5"
