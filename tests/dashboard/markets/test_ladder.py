"""Ladders and tapes, drawn."""

from decimal import Decimal

import pytest

from dashboard.markets.ladder import ladder, tape
from tests.drawing import START_NS, Scene, draw_trades, instrument
from trading.book import Side
from trading.frames import utc

PAIR = instrument("BTC/USD", price_decimals=1, qty_decimals=4)
BOOK = """
    640003 x 30
    640001 x 20
    ---
    640000 x 10
    639998 x 15
"""


def shown(book=BOOK, levels=None):
    scene = Scene(PAIR)
    _, snapshot = scene.show(book)
    return ladder(snapshot, "BTC/USD", levels)


def test_every_level_is_exact_with_the_sum_from_the_best_one_on():
    book = shown()

    assert [rung[:3] for rung in book.asks] == [
        (Decimal("64000.1"), Decimal("0.0020"), Decimal("0.0020")),
        (Decimal("64000.3"), Decimal("0.0030"), Decimal("0.0050")),
    ]
    assert [rung[:3] for rung in book.bids] == [
        (Decimal("64000.0"), Decimal("0.0010"), Decimal("0.0010")),
        (Decimal("63999.8"), Decimal("0.0015"), Decimal("0.0025")),
    ]


def test_the_bars_of_both_sides_have_one_scale():
    book = shown()

    assert [rung.share_pct for rung in book.asks] == [40.0, 100.0]
    assert [rung.share_pct for rung in book.bids] == [20.0, 50.0]


def test_spread_mid_micro_price_and_imbalance_are_those_of_the_best_levels():
    book = shown()

    assert (book.spread, book.mid) == (Decimal("0.1"), Decimal("64000.05"))
    assert book.spread_bps == pytest.approx(Decimal("0.015625"), rel=Decimal("1e-5"))
    assert book.micro_price == pytest.approx((64000.0 * 0.0020 + 64000.1 * 0.0010) / 0.0030)
    assert book.imbalance == pytest.approx((25 - 50) / 75)


def test_fewer_levels_can_be_asked_for():
    book = shown(levels=1)

    assert (len(book.asks), len(book.bids)) == (1, 1)
    assert book.asks[0].share_pct == 100.0


def test_a_side_that_is_empty_leaves_no_spread():
    book = shown("640001 x 20\n---")

    assert (book.spread, book.mid, book.spread_bps, book.micro_price, book.imbalance) == (None,) * 5
    assert (len(book.asks), book.bids) == (1, [])


def test_before_any_book_there_is_no_ladder():
    _, snapshot = Scene(PAIR).show()

    assert ladder(snapshot, "BTC/USD") is None


def test_the_tape_tells_the_newest_print_first():
    trades = draw_trades("buy 640001 x 5\nsell 640000 x 7", "BTC/USD")

    found = tape(PAIR, trades, 1)

    newest = found.prints[0]
    assert (newest.trade_id, newest.side, newest.price) == (2, Side.SELL, Decimal("64000.0"))
    assert (newest.qty, newest.time, newest.is_large) == (Decimal("0.0007"), utc(START_NS), False)
    assert (len(found.prints), found.remembered) == (1, 2)


def test_a_print_of_ten_times_the_median_is_large():
    trades = draw_trades("\n".join(["buy 640001 x 5"] * 20 + ["buy 640001 x 49", "sell 640001 x 50"]), "BTC/USD")

    found = tape(PAIR, trades)

    assert [(p.qty, p.is_large) for p in found.prints[:2]] == [(Decimal("0.0050"), True), (Decimal("0.0049"), False)]
    assert found.large_from == Decimal("0.0050")


def test_few_prints_have_no_median_worth_the_name():
    found = tape(PAIR, draw_trades("buy 640001 x 1\nbuy 640001 x 1\nbuy 640001 x 5000", "BTC/USD"))

    assert found.large_from is None
    assert not any(p.is_large for p in found.prints)
