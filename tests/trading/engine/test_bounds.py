"""Whatever a strategy puts into a signal: it becomes an order that can be kept, or is refused with a code and words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from tests.drawing import START_NS, Scene, instrument
from tests.making import Bench
from trading.bounds import (
    MOST_CODES,
    MOST_COUNT,
    MOST_NS,
    MOST_OPEN_ORDERS,
    MOST_REASONS,
    MOST_REFUSAL_ROWS,
    OTHER,
    NotANumber,
    add_reason,
    most_frequent,
    number,
    shown,
)
from trading.engine.state import decode_state
from trading.orders import Order
from trading.signals import Amend, Cancel, NoSignal, Signal

BOOK = """
    101 x 5000
    ---
     99 x 5000
"""


def buy(size: Any = 1, **options: Any) -> Signal:
    return Signal.buy("XRP/USD", size, **options)


def limit(price: Any = 90, **options: Any) -> Signal:
    return buy(size_in="base", order_type="limit", limit_price=price, **options)


def shown_to(*answers: Any) -> Bench:
    bench = Bench(*answers, scene=Scene(instrument(price_decimals=2, qty_decimals=8)))
    for _ in range(2 + len(answers)):
        bench.show(BOOK.replace("101", "10100").replace("99", "9900"))
    return bench


def only_refusal(*answers: Any) -> Order:
    bench = shown_to(*answers)
    decode_state(bench.engine.checkpoint())
    (order,) = bench.refused
    return order


HUGE = [1e300, 10**40, 2**64, Decimal("1e400"), np.float64(1e200), 10**5_000]
FIELDS = {
    *("size", "limit_price", "trigger_price", "trail", "trail_pct", "stop_loss", "take_profit", "leverage"),
    "expires_in_s",
}
NONE_AT_ALL = [float("nan"), Decimal("sNaN"), float("inf"), True, np.bool_(True), "many", [1], object(), Fraction(1, 3)]


@pytest.mark.parametrize(
    "signal",
    [
        buy,
        lambda value: buy(value, size_in="base"),
        limit,
        lambda value: buy(order_type="stop", trigger_price=value),
        lambda value: buy(order_type="trailing_stop", trail=value),
        lambda value: buy(order_type="trailing_stop", trail_pct=value),
        lambda value: buy(stop_loss=value),
        lambda value: buy(take_profit=value),
        lambda value: buy(leverage=value),
        lambda value: limit(time_in_force="gtd", expires_in_s=value),
    ],
    ids=["size", "base", "limit", "trigger", "trail", "trail_pct", "stop_loss", "take_profit", "leverage", "expiry"],
)
def test_a_number_that_nothing_could_hold_is_refused_by_its_name(signal: Any) -> None:
    for value in [*HUGE, *NONE_AT_ALL]:
        refusal = only_refusal(signal(value)).refusal

        assert refusal.code == "bad_number"
        assert refusal.sentence.split(" is ")[0] in FIELDS
        assert "expected" in refusal.sentence


@pytest.mark.parametrize(
    ("signal", "sentence"),
    [
        (buy(1e12, size_in="base"), "size is 1000000000000.0; expected at most 11529215046.06846976 XRP"),
        (limit(1e15), "limit_price is 1000000000000000.0; expected less than 10^15"),
        (buy(size_in="base", size=2e10), "size is 20000000000.0; expected at most 11529215046.06846976 XRP"),
        (
            limit(time_in_force="gtd", expires_in_s=1_795_000_000_000),
            "expires_in_s is 1795000000000; expected seconds from now, at most ",
        ),
        (
            limit(time_in_force="gtd", expires_at=datetime.max.replace(tzinfo=UTC)),
            "expires_at is 9999-12-31 23:59:59.999999+00:00; expected a moment before 2262-04-11",
        ),
    ],
)
def test_a_number_beyond_what_the_engine_counts_in_is_refused_with_the_most_it_takes(
    signal: Signal, sentence: str
) -> None:
    order = only_refusal(signal)

    assert order.refusal.code == "bad_number"
    assert order.refusal.sentence.startswith(sentence)


def test_the_most_that_is_taken_can_be_kept() -> None:
    most_s = (MOST_NS - START_NS) // 10**9 - 10
    price = Decimal(MOST_COUNT).scaleb(-2) / 10**4
    bench = shown_to(
        Signal.buy(
            "XRP/USD",
            Decimal(MOST_COUNT).scaleb(-8),
            size_in="base",
            order_type="stop_limit",
            limit_price=price,
            trigger_price=price,
            time_in_force="gtd",
            expires_in_s=most_s,
        )
    )

    kept = decode_state(bench.engine.checkpoint())

    (order,) = kept.exchange.orders.values()
    assert order.lots == MOST_COUNT
    assert order.expires_ns <= MOST_NS


class Half(IntEnum):
    ONE = 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float64(1.1), "1.1"),
        (np.float32(0.1), "0.1"),
        (np.int64(7), "7"),
        (np.array(2.5), "2.5"),
        (Half.ONE, "1"),
        ("12.5", "12.5"),
        (1e-300, "1e-300"),
        (Decimal("1.10"), "1.10"),
    ],
)
def test_any_kind_of_number_is_taken_as_it_was_written(value: Any, expected: str) -> None:
    assert number("size", value) == Decimal(expected)


@pytest.mark.parametrize("value", [np.timedelta64(5, "s"), 1j, b"1", None, "9" * 100])
def test_what_is_no_number_is_named(value: Any) -> None:
    with pytest.raises(NotANumber, match=r"^size is .*; expected a number$"):
        number("size", value)


def test_whatever_is_shown_in_a_sentence_is_short() -> None:
    class Mute:
        def __str__(self) -> str:
            raise RuntimeError

    assert shown(10**5_000) == "a whole number of 16610 bits"
    assert shown(Mute()) == "a Mute"
    assert len(shown("x" * 1_000)) < 100


def test_an_amendment_that_nothing_could_hold_leaves_the_order_and_says_why() -> None:
    bench = shown_to(limit(90))
    (order_id,) = bench.engine.open_orders
    bench.then(Amend(order_id, qty=1e300), Amend(order_id, limit_price=1e300), Amend(order_id, limit_price=True))
    for _ in range(4):
        bench.show()

    (order,) = bench.engine.open_orders.values()
    assert order.limit_ticks == 9000
    assert order.refusal.code == "amend_refused"
    assert order.refusal.sentence == "limit_price is True; expected a number"
    assert bench.engine.why["refused_bad_number"] == 3
    assert not any(outcome.errors for outcome in bench.outcomes)


@pytest.mark.parametrize("words", ["half \ud83d", "no\x00thing", "x" * 100_000])
def test_words_that_no_column_holds_are_kept_as_it_can_hold_them(words: str) -> None:
    bench = shown_to(limit(90, reason=words, code=words), Signal.buy(words, 1, reason=words, code=words))

    (order,) = decode_state(bench.engine.checkpoint()).exchange.orders.values()
    (refused,) = bench.refused
    for text, longest in ((order.reason, 300), (order.code, 60), (refused.symbol, 30), (refused.refusal.sentence, 500)):
        assert 0 < len(text.encode()) <= longest
        assert "\x00" not in text


class Own(Signal):
    """A class of the author's, with fields and behaviour of its own."""

    @property
    def side(self) -> Any:
        return "sideways"


class Word(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("mute")


def test_of_a_class_of_the_authors_own_only_the_fields_count() -> None:
    own = Own(action="buy", symbol=Word("XRP/USD"), size=1, size_in="base", order_type="limit", limit_price=90)

    bench = shown_to(own)

    (order,) = decode_state(bench.engine.checkpoint()).exchange.orders.values()
    assert (order.side, type(order.symbol)) == ("buy", str)


def test_truth_values_of_numpy_are_truth_values() -> None:
    bench = shown_to(limit(90, post_only=np.bool_(True)), limit(80, reduce_only=np.bool_(False)))

    kept = decode_state(bench.engine.checkpoint()).exchange.orders.values()
    assert [order.is_post_only for order in kept] == [True, False]


def test_metadata_of_any_depth_and_size_costs_nobody_anything() -> None:
    deep: dict[str, Any] = {}
    for _ in range(10_000):
        deep = {"deeper": deep}
    bench = shown_to(limit(90, metadata={"deep": deep, "wide": "x" * 10**7}))

    assert len(bench.engine.checkpoint()) < 5_000


# How much of each


def test_new_reason_codes_in_every_frame_leave_two_hundred_and_the_others_counted_together() -> None:
    codes = [[NoSignal(f"rsi {n}.{i} is not below 30") for i in range(200)] for n in range(20)]
    bench = shown_to(*codes, *[NoSignal("often")] * 5)

    kept = most_frequent(bench.engine.state.why)

    assert len(kept) == MOST_CODES + 1
    assert kept["often"] == 5
    assert sum(kept.values()) == sum(bench.engine.why.values()) >= 20 * 200 + 5
    assert kept[OTHER] >= 20 * 200 - 2 * MOST_CODES
    assert len(bench.engine.checkpoint()) < 40_000


def test_a_reason_that_comes_often_is_kept_though_it_came_late() -> None:
    counts: dict[str, int] = {}
    for n in range(5_000):
        for i in range(50):
            add_reason(counts, f"once {n}.{i}")
        if n > 4_900:
            add_reason(counts, "late and often")

    assert most_frequent(counts)["late and often"] == 99


def test_a_code_or_a_symbol_of_any_length_is_cut_to_its_column() -> None:
    bench = shown_to([NoSignal("c" * 10_000), NoSignal("c" * 10_000, symbol="S" * 10_000), NoSignal(10**30)])

    assert {"c" * 60, f"{'c' * 60} {'S' * 30}", str(10**30)} <= set(bench.engine.why)


def test_more_reasons_than_one_evaluation_may_give_are_counted() -> None:
    bench = shown_to([NoSignal("flood")] * (MOST_REASONS + 7))

    assert (bench.engine.why["flood"], bench.engine.why[OTHER]) == (MOST_REASONS, 7)
    assert bench.engine.state.surplus == {"reasons": 7}


def test_a_reason_that_fails_to_say_its_name_is_the_strategys_error() -> None:
    bench = shown_to(NoSignal(Word("mute")), NoSignal(code=object(), symbol=Word("x")))

    errors = [error.summary for outcome in bench.outcomes for error in outcome.errors]
    assert errors[-1].startswith("RuntimeError: mute")
    assert bench.engine.checkpoint()


def test_refusals_of_ever_new_symbols_are_on_record_so_many_times_a_minute() -> None:
    bench = shown_to(*[[Signal.buy(f"N{n}I{i}/USD", 1) for i in range(20)] for n in range(20)])

    assert len(bench.refused) == MOST_REFUSAL_ROWS
    assert bench.engine.why["refused_unknown_symbol"] == 400
    assert bench.engine.state.surplus == {"refusal_rows": 300}
    assert len(bench.engine.state.refusal_rows_ns) == MOST_REFUSAL_ROWS


def test_live_orders_and_requests_about_them_are_bounded() -> None:
    from trading.engine.risk import RiskLimits

    many = [[limit(50 + n / 10) for n in range(20)] for _ in range(30)]
    bench = Bench(*many, latency_ms=60_000, risk=RiskLimits(max_orders_per_minute=6_000))
    for _ in range(33):
        bench.show(BOOK)
    open_orders = len(bench.engine.open_orders)
    bench.then(*[[Cancel()] * 20] * 3)
    for _ in range(4):
        bench.show()

    assert open_orders == MOST_OPEN_ORDERS
    assert bench.engine.why["refused_open_orders"] == 100
    assert len(bench.engine.requests) == 1_000
    assert bench.engine.state.surplus["open_orders"] == 100
    assert bench.engine.state.surplus["requests"] > 1_000


def test_a_moment_in_another_zone_is_a_moment() -> None:
    until = datetime.fromtimestamp(START_NS / 1e9, UTC) + timedelta(hours=1)
    bench = shown_to(limit(90, time_in_force="gtd", expires_at=until))

    (order,) = bench.engine.open_orders.values()
    assert order.expires_ns == START_NS + 3600 * 10**9
