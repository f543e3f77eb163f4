"""The fill status of an open order, in sentences."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.deployment.waiting import waiting_details, waiting_sentence
from portfolios.models import Order
from trading.exchange.waiting import WaitsFor


def order(**changes: Any) -> Order:
    return Order(**{"symbol": "XRP/USD", "side": "buy", "limit_price": 99, **changes})


def waiting(waits_for: str, **changes: Any) -> dict[str, Any]:
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
        ("trigger", "Not triggered: last price is 0.12 % away."),
        ("book", "Triggered: fills against the next order book."),
        (
            "depth",
            "Not filled: 12.5 bps below best bid, outside the 25 visible levels; fills only on a trade-through.",
        ),
        ("price", "Not filled: 12.5 bps below best bid; 5 XRP ahead at this price."),
        ("queue", "Not filled: at best bid, 5 XRP ahead in the queue."),
        ("print", "Not filled: first in the queue at best bid; fills on the next sell at this price."),
        ("trade_through", "Not filled: 12.5 bps below best bid; this fill model fills only on a trade-through."),
        ("market", "Not filled: XRP/USD is online, exchange online; nothing is matched."),
    ],
)
def test_each_wait_has_its_sentence(waits_for: str, words: str) -> None:
    assert words in waiting_sentence(order(), waiting(waits_for))


@pytest.mark.parametrize(
    ("side", "distance_bps", "words"),
    [
        ("sell", "174.99", "175 bps above best ask"),
        ("buy", "0", "at best bid"),
        ("buy", None, "distance to best bid unknown"),
    ],
)
def test_the_distance_is_measured_from_the_best_price_of_its_side(
    side: str, distance_bps: str | None, words: str
) -> None:
    assert words in waiting_sentence(order(side=side), waiting("depth", distance_bps=distance_bps))


def test_no_wait_is_without_words() -> None:
    assert all(waiting_sentence(order(), waiting(each.value)).endswith(".") for each in WaitsFor)


def test_an_unknown_book_is_said_to_be_unknown() -> None:
    assert "order book of XRP/USD is unknown" in waiting_sentence(order(), waiting("market", status="stale"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"is_post_only": True}, "Post-only."), ({"is_being_cancelled": True}, "Cancel request in transit.")],
)
def test_what_else_there_is_to_know_is_added(changes: dict[str, Any], words: str) -> None:
    assert words in waiting_sentence(order(), waiting("queue", **changes))


def test_an_order_no_worker_has_processed_says_so() -> None:
    assert waiting_sentence(order(), None) == "Not processed by a worker yet."
    assert waiting_details(order(), None) == ""


def test_what_was_traded_at_the_price_is_shown_with_its_last_time() -> None:
    seen = waiting("queue", printed="3.5", printed_at="2026-07-08T12:00:07Z")

    assert waiting_details(order(), seen) == (
        "3.5 XRP traded at or through this price since it was placed, last at 12:00:07 UTC."
    )
    assert waiting_details(order(), waiting("queue")) == "No trades at this price since it was placed."
    assert waiting_details(order(), waiting("trigger")) == ""
