from datetime import timedelta

import pytest

from dashboard.deployment.reasons import why_sentence
from marketdata import bus
from portfolios.models import ReasonCount
from strategies.models import DeploymentCost
from tests.rows import NOON, enter, open_season, stand

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_feed():
    bus.clear_feed_state()
    yield
    bus.clear_feed_state()


def test_the_page_shows_each_reason_with_its_symbol_its_share_of_time_and_its_meaning(client):
    row = enter(open_season(), "a")
    ReasonCount.objects.create(
        account=row.account, hour_end=NOON - timedelta(hours=1), counts={"order_open BTC/USD": 1_000}
    )
    stand(row, "100", why={"order_open BTC/USD": 4_321, "refused_cost_minimum": 2, "own_words": 1})

    page = client.get("/deployments/a").content.decode()

    assert "<code>order_open</code> <b>BTC/USD</b> <small>An order is still in transit or open.</small>" in page
    assert '<td class="num" data-label="Last hour">99.9 % <small class="of">3,321</small></td>' in page
    assert '<td class="num" data-label="Total">99.9 % <small class="of">4,321</small></td>' in page
    assert "since 11:00 UTC" in page


def test_the_page_shows_the_indicators_by_symbol_with_a_dash_for_what_is_unknown(client):
    row = enter(open_season(), "a")
    indicators = {"mood": "<calm>", "BTC/USD": {"rsi": 41.23456789, "adx": None, "is_up": True}}
    stand(row, "100", indicators=indicators, indicators_at=NOON)

    page = client.get("/deployments/a").content.decode()

    assert "&lt;calm&gt;" in page
    assert '<dt><code>rsi</code></dt><dd class="num">41.2346</dd>' in page
    assert '<dt><code>adx</code></dt><dd class="num">–</dd>' in page
    assert '<dt><code>is_up</code></dt><dd class="num">yes</dd>' in page


def test_the_api_tells_the_indicators_with_their_time(client):
    stand(enter(open_season(), "a"), "100", indicators={"rsi": None}, indicators_at=NOON)

    standing = client.get("/api/v1/deployments/a/").json()["standing"]

    assert (standing["indicators"], standing["indicators_at"]) == ({"rsi": None}, "2026-07-07T12:00:00Z")


def test_a_code_that_only_the_strategy_knows_is_not_explained():
    assert why_sentence("own_words") == ""
    assert why_sentence("refused_anything").startswith("Order rejected")


def test_the_page_and_the_api_count_what_was_left_out_beyond_the_bounds(client):
    row = enter(open_season(), "a")
    stand(row, "100", why={"other": 4_000, "waits": 10})
    surplus = {"open_orders": 1_234, "log_lines": 40}
    DeploymentCost.objects.create(deployment=row, surplus=surplus, as_of=NOON)

    page = client.get("/deployments/a").content.decode()
    answer = client.get("/api/v1/deployments/a/").json()

    assert "<dt>Orders <small>left out</small></dt>" in page
    assert '1,234 <small class="beside">more than 500 open; rejected</small>' in page
    assert "Codes beyond the 200 most frequent, counted together" in page
    assert answer["cost"]["surplus"] == surplus
