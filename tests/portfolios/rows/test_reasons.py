"""No-trade reasons over time: stored as totals, shown as differences."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from portfolios.models import ReasonCount
from portfolios.results.retention import REASONS_KEPT, remove_old_reason_counts
from portfolios.rows.indicators import MOST_ENTRIES, shown_indicators
from portfolios.rows.reasons import counted_since, named, reasons_by_hour, reasons_of
from tests.rows import NOON, enter, open_season, stand

HOUR = timedelta(hours=1)


@pytest.fixture
def deployment(db):
    return enter(open_season(), "a")


def count(deployment, hours_ago: float, **counts: int) -> None:
    """Store the totals as they stood some hours before noon."""
    totals = {key.replace("__", " "): number for key, number in counts.items()}
    ReasonCount.objects.create(account=deployment.account, hour_end=NOON - hours_ago * HOUR, counts=totals)


def test_a_code_that_was_given_for_a_symbol_is_not_one_given_for_all():
    assert named("no_dip BTC/USD") == ("no_dip", "BTC/USD")
    assert named("no_dip") == ("no_dip", "")
    assert named("my own words") == ("my own words", "")


def test_the_last_hour_and_day_are_what_was_counted_since(deployment):
    count(deployment, 25, holding=5)
    count(deployment, 24, holding=10)
    count(deployment, 2, holding=100)
    count(deployment, 1, holding=130)
    stand(deployment, "100", why={"holding": 150, "no_dip BTC/USD": 7}, as_of=NOON + 0.5 * HOUR)

    reasons = reasons_of(deployment.account.standing)

    assert [(r.code, r.symbol, r.last_hour, r.last_day, r.total) for r in reasons.rows] == [
        ("holding", "", 20, 140, 150),
        ("no_dip", "BTC/USD", 7, 7, 7),
    ]
    assert (reasons.hour_since, reasons.day_since) == (NOON - HOUR, NOON - 24 * HOUR)


def test_an_account_younger_than_an_hour_is_counted_from_its_beginning(deployment):
    reasons = reasons_of(stand(deployment, "100", why={"holding": 3}))

    assert (reasons.rows[0].last_hour, reasons.rows[0].last_day) == (3, 3)
    assert reasons.hour_since is None
    assert reasons_of(None).rows == []


def test_hours_are_shown_as_differences_with_the_present_one_at_the_end(deployment):
    count(deployment, 3, holding=10)
    count(deployment, 2, holding=10, resting=4)
    count(deployment, 1, holding=15, resting=4)
    stand(deployment, "100", why={"holding": 16, "resting": 4}, as_of=NOON - 0.5 * HOUR)

    hours = reasons_by_hour(deployment.account, NOON - 3 * HOUR)

    assert [(hour.since, hour.until, hour.counts) for hour in hours] == [
        (NOON - 3 * HOUR, NOON - 2 * HOUR, {"resting": 4}),
        (NOON - 2 * HOUR, NOON - HOUR, {"holding": 5}),
        (NOON - HOUR, NOON - 0.5 * HOUR, {"holding": 1}),
    ]


def test_the_api_lists_reasons_and_hours_since_a_moment(client, deployment):
    count(deployment, 2, holding=10)
    count(deployment, 1, holding=15)
    stand(deployment, "100", why={"holding": 16}, as_of=NOON)

    answer = client.get("/api/v1/deployments/a/why/", {"since": "2026-07-07T10:30:00Z"}).json()

    assert answer["reasons"] == [{"code": "holding", "symbol": "", "last_hour": 1, "last_day": 16, "total": 16}]
    assert [(hour["until"], hour["counts"]) for hour in answer["hours"]] == [
        ("2026-07-07T11:00:00Z", {"holding": 5}),
        ("2026-07-07T12:00:00Z", {"holding": 1}),
    ]


@pytest.mark.parametrize("since", ["yesterday", "2026-07-07T10:30:00", "2026-13-45T99:00:00Z"])
def test_the_api_refuses_a_moment_that_is_none(client, deployment, since):
    answer = client.get("/api/v1/deployments/a/why/", {"since": since})

    assert answer.status_code == 400
    assert "expected a time with its zone" in answer.json()["errors"]["since"][0]


def test_the_api_answers_before_the_first_frame(client, deployment):
    answer = client.get("/api/v1/deployments/a/why/").json()

    assert (answer["as_of"], answer["reasons"], answer["hours"]) == (None, [], [])


def test_counts_older_than_is_kept_go_by_the_markets_clock(deployment):
    count(deployment, REASONS_KEPT / HOUR + 1, holding=1)
    count(deployment, REASONS_KEPT / HOUR - 1, holding=2)
    stand(deployment, "100", as_of=NOON)

    assert remove_old_reason_counts() == 1
    assert remove_old_reason_counts() == 0
    assert ReasonCount.objects.get().counts == {"holding": 2}


def test_indicators_are_plain_whatever_a_strategy_keeps():
    kept = {
        "price": np.float64(2.5),
        "count": np.int64(3),
        "exact": Decimal("0.1"),
        "is_up": np.bool_(True),
        "mood": "calm\x00\ud800",
        "unknown": float("nan"),
        "beyond": float("inf"),
        "huge": 10**400,
        "series": np.zeros(5),
        "BTC/USD": {"rsi": np.float32("nan"), "deep": {"er": 1}},
    }

    shown = shown_indicators(kept)

    assert shown == {
        "price": 2.5, "count": 3, "exact": 0.1, "is_up": True, "mood": "calm?",
        "unknown": None, "beyond": None, "huge": None, "BTC/USD": {"rsi": None},
    }  # fmt: skip
    assert shown["is_up"] is True


def test_indicators_are_bounded_and_anything_else_is_none():
    many = shown_indicators({f"S{n}": {str(m): m for m in range(60)} for n in range(60)})

    assert sum(len(group) for group in many.values() if isinstance(group, dict)) == MOST_ENTRIES
    assert shown_indicators([1, 2]) == {}
    assert shown_indicators(None) == {}


def test_codes_beyond_the_most_frequent_are_one_and_no_hour_counts_them_twice():
    known = {"often": 100, "rare": 7, "other": 10}
    counts = {"often": 150, "new": 3, "other": 37}  # rare went to the others, and twenty more with it

    grown = counted_since(counts, known)

    assert grown == {"often": 50, "new": 3, "other": 20}
    assert sum(grown.values()) == sum(counts.values()) - sum(known.values())


def test_a_code_that_was_among_the_others_and_comes_back_counts_from_there():
    assert counted_since({"back": 2, "other": 30}, {"back": 9, "other": 21}) == {"back": 0, "other": 2}
