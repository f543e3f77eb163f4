import zlib
from itertools import pairwise

import pytest

from marketdata.simulation import messages
from marketdata.simulation.books import STEP_NS
from marketdata.simulation.chance import mixed, uniform
from marketdata.simulation.market import SimulatedMarket
from trading.book import OrderBook, Side
from trading.candles import MINUTE_NS
from trading.frames import NS_PER_S

T0 = 1_783_425_600 * NS_PER_S
SYMBOLS = ("BTC/USD", "ETH/USD", "XRP/USD", "XRP/BTC")
DAY_NS = 86_400 * NS_PER_S


def mid(market: SimulatedMarket, symbol: str, time_ns: int) -> float:
    top, instrument = market.book(symbol, time_ns, 10), market.pairs[symbol].instrument
    return instrument.price_float(top.bids[0].ticks + top.asks[0].ticks) / 2


def test_chance_is_a_hash_that_no_version_changes():
    assert mixed(0) == 0xE220A8397B1DCDAF  # the first number of splitmix64 for seed 0
    assert mixed(1, 2) != mixed(2, 1)
    assert 0.0 <= uniform(-5, 1 << 80) < 1.0


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_the_same_seed_and_time_always_show_the_same_market(symbol):
    one, other = SimulatedMarket(7), SimulatedMarket(7)
    for step in range(30):
        other.book(symbol, T0 + DAY_NS + step * STEP_NS, 25)  # what was looked at before does not matter

    assert one.book(symbol, T0, 100) == other.book(symbol, T0, 100)
    assert one.trades(symbol, T0, T0 + MINUTE_NS) == other.trades(symbol, T0, T0 + MINUTE_NS)
    assert one.book(symbol, T0, 10) != SimulatedMarket(8).book(symbol, T0, 10)


@pytest.mark.parametrize("symbol", SYMBOLS)
@pytest.mark.parametrize("depth", [10, 25, 100, 500, 1000])
def test_a_book_is_full_ordered_and_never_crossed(symbol, depth):
    market = SimulatedMarket(1)

    for step in range(5):
        book = market.book(symbol, T0 + step * STEP_NS, depth)
        bids, asks = [level.ticks for level in book.bids], [level.ticks for level in book.asks]
        assert (len(bids), len(asks)) == (depth, depth)
        assert bids == sorted(set(bids), reverse=True)
        assert asks == sorted(set(asks))
        assert 0 < bids[0] < asks[0]
        assert min(level.lots for level in [*book.bids, *book.asks]) >= market.pairs[symbol].instrument.qty_min_lots


def test_a_shallow_book_is_the_top_of_a_deep_one():
    market = SimulatedMarket(1)

    deep, shallow = market.book("BTC/USD", T0, 100), market.book("BTC/USD", T0, 10)

    assert (deep.bids[:10], deep.asks[:10]) == (shallow.bids, shallow.asks)


def test_the_spread_is_that_of_a_large_exchange():
    market = SimulatedMarket(1)

    tops = [market.book("BTC/USD", T0 + second * NS_PER_S, 10) for second in range(300)]

    spreads = [top.asks[0].ticks - top.bids[0].ticks for top in tops]
    assert (min(spreads), max(spreads)) == (1, 10)


def test_depth_grows_away_from_the_touch():
    market = SimulatedMarket(1)

    near = far = 0
    for second in range(60):
        book = market.book("BTC/USD", T0 + second * NS_PER_S, 1000)
        near += sum(level.lots for level in book.asks[:100])
        far += sum(level.lots for level in book.asks[900:])

    assert far > 3 * near


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_trade_ids_count_on_without_a_hole_and_times_with_them(symbol):
    market = SimulatedMarket(1)

    trades = market.trades(symbol, T0 - MINUTE_NS, T0 + 2 * MINUTE_NS)

    ids = [trade.trade_id for trade in trades]
    times = [trade.time_ns for trade in trades]
    per_minute = market.pairs[symbol].trades_per_minute
    assert abs(len(ids) - 3 * per_minute) <= 1
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    assert times == sorted(times)


def test_stretches_of_the_tape_join_without_a_seam():
    market = SimulatedMarket(1)
    whole = market.trades("BTC/USD", T0, T0 + MINUTE_NS)

    parts = [t for at in range(60) for t in market.trades("BTC/USD", T0 + at * NS_PER_S, T0 + (at + 1) * NS_PER_S)]

    assert parts == whole


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_trade_takes_no_more_than_was_displayed_at_its_price(symbol):
    market = SimulatedMarket(1)

    trades = market.trades(symbol, T0, T0 + 2 * MINUTE_NS)

    for trade in trades:
        book = market.book(symbol, trade.time_ns, 10)
        displayed = dict(book.opposite(trade.side))
        assert 0 < trade.lots <= displayed[trade.ticks]
    assert {trade.side for trade in trades} == {Side.BUY, Side.SELL}


def test_the_pairs_hang_together():
    market = SimulatedMarket(1)

    for minute in range(0, 600, 7):
        time_ns = T0 + minute * MINUTE_NS
        implied = mid(market, "XRP/USD", time_ns) / mid(market, "BTC/USD", time_ns)
        tick = 1e-8
        assert abs(mid(market, "XRP/BTC", time_ns) - implied) < 2 * tick


def test_a_day_moves_as_a_day_does_and_the_price_stays_near_its_anchor():
    market = SimulatedMarket(1)

    days = [mid(market, "BTC/USD", T0 + day * DAY_NS) for day in range(120)]

    moves = [abs(after / before - 1) for before, after in pairwise(days)]
    assert 0.008 < sum(moves) / len(moves) < 0.05
    assert 62_000 / 1.6 < min(days) < max(days) < 62_000 * 1.6


def test_some_hours_are_calm_and_some_are_not():
    market = SimulatedMarket(1)

    ranges = []
    for hour in range(48):
        prices = [
            mid(market, "BTC/USD", T0 + hour * 3_600 * NS_PER_S + minute * MINUTE_NS) for minute in range(0, 60, 3)
        ]
        ranges.append(max(prices) / min(prices) - 1)

    assert max(ranges) > 3 * min(ranges)


@pytest.mark.parametrize("symbol", SYMBOLS)
@pytest.mark.parametrize("depth", [10, 25])
def test_updates_lead_from_one_book_to_the_next_and_their_checksums_hold(symbol, depth):
    market, followed = SimulatedMarket(1), OrderBook(depth)
    instrument = market.pairs[symbol].instrument
    before = market.book(symbol, T0, depth)
    followed.apply(list(before.bids), list(before.asks))

    fallen = 0
    for step in range(1, 900):
        after = market.book(symbol, T0 + step * STEP_NS, depth)
        bids = messages._changes(before.bids, after.bids, Side.BUY)
        asks = messages._changes(before.asks, after.asks, Side.SELL)
        gone = {level.ticks for level in before.bids} - {level.ticks for level in after.bids}
        fallen += len(gone - {level.ticks for level in bids})
        followed.apply([tuple(level) for level in bids], [tuple(level) for level in asks])
        assert followed.top(depth) == after
        followed.verify(messages.checksum(instrument, after))
        before = after
    assert fallen > 0  # levels slid below the depth without a word, as on Kraken


def test_the_checksum_is_made_of_texts_as_the_documentation_says():
    market = SimulatedMarket(1)
    book, instrument = market.book("XRP/BTC", T0, 10), market.pairs["XRP/BTC"].instrument

    first = f"{instrument.price(book.asks[0].ticks):.8f}".replace(".", "").lstrip("0")

    assert first == str(book.asks[0].ticks)
    assert messages.checksum(instrument, book) == zlib.crc32(
        "".join(f"{level.ticks}{level.lots}" for side in (book.asks, book.bids) for level in side).encode()
    )


@pytest.mark.parametrize(
    ("units", "decimals", "text"), [(628070, 1, "62807.0"), (1774, 8, "0.00001774"), (0, 8, "0.00000000"), (5, 0, "5")]
)
def test_numbers_are_written_at_their_full_precision(units, decimals, text):
    assert messages.number(units, decimals) == text
