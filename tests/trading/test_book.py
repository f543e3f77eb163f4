from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.drawing import draw_book, draw_order_book
from trading.book import ChecksumMismatch, CrossedBook, Level, OrderBook, Side
from trading.instruments import Instrument

DOCS_V2 = (
    "45285.2:0.00100000 45286.4:1.54571953 45286.6:1.54571109 45289.6:1.54560911 45290.2:0.15890660 "
    "45291.8:1.54553491 45294.7:0.04454749 45296.1:0.35380000 45297.5:0.09945542 45299.5:0.18772827",
    "45283.5:0.10000000 45283.4:1.54582015 45282.1:0.10000000 45281.0:0.10000000 45280.3:1.54592586 "
    "45279.0:0.07990000 45277.6:0.03310103 45277.5:0.30000000 45277.3:1.54602737 45276.6:0.15445238",
)
ETH_BTC = (
    "0.031357:0.03740000 0.031358:2.87194815 0.031361:0.00767324 0.031362:4.27140781 0.031363:4.34586052 "
    "0.031364:27.28097668 0.031365:12.92325840 0.031366:4.14290322 0.031368:0.00738649 0.031370:0.03740000",
    "0.031348:0.03740000 0.031347:2.87288049 0.031345:8.57986833 0.031344:14.40276069 0.031340:12.96065840 "
    "0.031339:13.19606540 0.031338:20.41389313 0.031336:0.03740000 0.031334:14.37158163 0.031332:14.40695990",
)


def book_of(asks: str, bids: str, price_decimals: int, depth: int = 10) -> OrderBook:
    rules = Instrument(symbol="A/B", base="A", quote="B", price_decimals=price_decimals, qty_decimals=8)
    sides = [
        [(rules.ticks(p), rules.lots(q)) for p, q in (x.split(":") for x in side.split())] for side in (bids, asks)
    ]
    book = OrderBook(depth)
    book.apply(*sides)
    return book


def test_the_checksum_of_the_documentation_v2_holds() -> None:
    assert book_of(*DOCS_V2, price_decimals=1).checksum() == 3310070434


def test_the_checksum_of_the_documentation_v1_holds() -> None:
    asks = " ".join(f"{Decimal('0.05005') + Decimal('0.00005') * n}:0.00000500" for n in range(10))
    bids = "0.05000 0.04995 0.04990 0.04980 0.04975 0.04970 0.04965 0.04960 0.04955 0.04950"
    bids = " ".join(f"{price}:0.00000500" for price in bids.split())

    assert book_of(asks, bids, price_decimals=5).checksum() == 974947235


def test_the_checksum_of_a_live_book_with_leading_zeros_holds_before_and_after_an_update() -> None:
    book = book_of(*ETH_BTC, price_decimals=6)
    assert book.checksum() == 3619791617

    book.apply([(31347, 0), (31329, 1907893401)], [])

    assert book.checksum() == 2505869009


def test_a_wrong_checksum_is_an_error_with_both_numbers() -> None:
    book = draw_order_book("101 x 5\n---\n99 x 4")

    with pytest.raises(ChecksumMismatch, match=rf"checksum is {book.checksum()}; the exchange says 1"):
        book.verify(1)


def test_a_crossed_book_is_refused_though_its_checksum_holds() -> None:
    book = draw_order_book("99 x 5\n---\n99 x 4")

    with pytest.raises(CrossedBook, match="best bid 99 is not below best ask 99"):
        book.verify(book.checksum())


def test_levels_pushed_below_the_depth_are_cut_and_do_not_come_back() -> None:
    book = draw_order_book("103 x 1\n102 x 1\n101 x 1\n---\n99 x 1", depth=3)

    book.apply([], [(100, 7)])
    book.apply([], [(100, 0)])

    assert book.top(10).asks == (Level(101, 1), Level(102, 1))


def test_a_price_touched_twice_in_one_message_ends_as_the_last_says() -> None:
    book = draw_order_book("101 x 5\n---\n99 x 4")

    book.apply([(98, 1), (98, 0), (98, 3)], [])

    assert book.top(10).bids == (Level(99, 4), Level(98, 3))


def test_a_market_buy_takes_the_cheapest_asks_first() -> None:
    book = draw_book("""
        101 x 5
        100 x 2
        ---
         99 x 4
    """)

    assert book.sweep(Side.BUY, 3) == [Level(100, 2), Level(101, 1)]


def test_a_sweep_stops_at_the_limit_and_at_the_end_of_the_book() -> None:
    book = draw_book("101 x 5\n100 x 2\n---\n99 x 4")

    assert book.sweep(Side.BUY, 9, limit_ticks=100) == [Level(100, 2)]
    assert book.sweep(Side.SELL, 9) == [Level(99, 4)]


@given(st.lists(st.tuples(st.booleans(), st.integers(90, 110), st.integers(0, 5)), max_size=200), st.integers(1, 12))
def test_a_book_equals_the_plain_dictionary_it_stands_for(updates: list[tuple[bool, int, int]], depth: int) -> None:
    book, plain = OrderBook(depth), {True: {}, False: {}}
    for is_bid, ticks, lots in updates:
        level = [(ticks, lots)]
        book.apply(level if is_bid else [], [] if is_bid else level)
        plain[is_bid].update(level)
        plain[is_bid] = {t: q for t, q in plain[is_bid].items() if q}
        kept = sorted(plain[is_bid], reverse=is_bid)[:depth]
        plain[is_bid] = {t: plain[is_bid][t] for t in kept}

    top = book.top(depth)

    assert top.bids == tuple(sorted(plain[True].items(), reverse=True))
    assert top.asks == tuple(sorted(plain[False].items()))


def test_a_book_top_survives_json_as_plain_lists() -> None:
    assert json.loads(json.dumps(draw_book("101 x 5\n---\n99 x 4"))) == [[[99, 4]], [[101, 5]]]
