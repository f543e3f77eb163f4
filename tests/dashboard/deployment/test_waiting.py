"""Why an order is not filled yet, in sentences."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.deployment.waiting import waiting_details, waiting_sentence
from portfolios.models import Order
from trading.exchange.waiting import WaitsFor


def order(**changes: Any) -> Order:
    return Order(**{"symbol": "XRP/USD", "side": "buy", "limit_price": 99, **changes})


def told(waits_for: str, **changes: Any) -> dict[str, Any]:
    return {
        "waits_for": waits_for,
        "distance_bps": "12.5",
        "queue_ahead": "5",
        "printed": "0",
        "printed_at": None,
        "since": "2026-07-08T12:00:00Z",
        "until": None,
        "status": "online",
        "system": "online",
        "is_post_only": False,
        "is_being_cancelled": False,
        **changes,
    }


@pytest.mark.parametrize(
    ("waits_for", "words"),
    [
        ("latency", "after the latency"),
        ("trigger", "the last trade is 12.5 bps from it"),
        ("book", "takes what the book shows next"),
        ("depth", "deeper than the visible book, 12.5 bps from the best"),
        ("price", "the best is 12.5 bps away, and 5 XRP before it there"),
        ("queue", "5 XRP stand before it"),
        ("print", "the next who sells there trades with it"),
        ("trade_through", "a trade beyond its price"),
        ("market", "XRP/USD is online, the exchange online"),
    ],
)
def test_each_wait_has_its_sentence(waits_for: str, words: str) -> None:
    assert words in waiting_sentence(order(), told(waits_for))


def test_no_wait_is_without_words() -> None:
    assert all(waiting_sentence(order(), told(each.value)).endswith(".") for each in WaitsFor)


def test_an_unknown_book_is_said_to_be_unknown() -> None:
    assert "is not known" in waiting_sentence(order(), told("market", status="stale"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"is_post_only": True}, "It is post-only"), ({"is_being_cancelled": True}, "A cancellation is on its way.")],
)
def test_what_else_there_is_to_know_is_added(changes: dict[str, Any], words: str) -> None:
    assert words in waiting_sentence(order(), told("queue", **changes))


def test_before_a_worker_has_looked_it_says_so() -> None:
    assert waiting_sentence(order(), None) == "No worker has looked at it yet."
    assert waiting_details(order(), None) == ""


def test_what_was_traded_at_the_price_is_told_with_its_last_time() -> None:
    seen = told("queue", printed="3.5", printed_at="2026-07-08T12:00:07Z")

    assert waiting_details(order(), seen) == "3.5 XRP were traded at its price or through it, last at 12:00:07 UTC."
    assert waiting_details(order(), told("queue")) == "Nobody has traded at its price since it rests there."
    assert waiting_details(order(), told("trigger")) == ""
