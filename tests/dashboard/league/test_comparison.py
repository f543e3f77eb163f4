"""Deployments side by side."""

from decimal import Decimal

import pytest

from dashboard.league.comparison import comparison
from tests.rows import enter, open_season, stand

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair():
    season = open_season()
    slow = enter(season, "slow", strategy="ema_cross", config={"fast": 12})
    stand(slow, "101.5", round_trips=4, wins=3, max_drawdown_pct=Decimal("2.5"))
    return slow, enter(season, "quick", strategy="ema_cross", latency_ms=50)


def test_what_differs_stands_first_with_the_default_spelled_out(pair):
    found = comparison(["slow", "quick"])

    differing = {line.key: line.values for line in found.different}
    assert differing == {"latency_ms": [200, 50], "config.fast": [12, 9]}
    assert {"config.slow", "fill_model", "risk.max_order_usd"} <= {line.key for line in found.settings} | {
        "risk.max_order_usd"
    }


def test_figures_stand_in_the_order_asked_for_and_unknown_ones_are_none(pair):
    figures = {line.name: line.values for line in comparison(["quick", "slow"]).figures}

    assert figures["Rank"] == [2, 1]
    assert figures["Return"] == [0, Decimal("1.5")]
    assert figures["Won"] == [None, 75]
    assert figures["Worst drawdown"] == [None, Decimal("2.5")]


def test_the_page_shows_both(client, pair):
    page = client.get("/compare/?with=slow&with=quick").content.decode()

    assert "config.fast" in page
    assert "2 of " in page
    assert "/api/v1/deployments/quick/equity/" in page


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "0 deployments are named; expected 2 to 6"),
        ("?with=slow", "1 deployment is named"),
        ("?with=slow&with=nobody", "no deployment is called &#x27;nobody&#x27;"),
    ],
)
def test_what_cannot_be_compared_is_said(client, pair, query, said):
    answer = client.get(f"/compare/{query}")

    assert answer.status_code == 404
    assert said in answer.content.decode()
