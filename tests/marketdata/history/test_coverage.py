from datetime import UTC, datetime, timedelta

import pytest

from marketdata.history.coverage import coverage, stored_symbols
from marketdata.history.coverage_bars import BUCKETS, Presence, coverage_chart
from marketdata.models import Candle

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 7, 7, 12, tzinfo=UTC)


def at(minute: int) -> datetime:
    return NOON + timedelta(minutes=minute)


def store(minutes, symbol: str = "BTC/USD", *, market: str = "kraken", timeframe: str = "1m") -> None:
    prices = dict.fromkeys(("open", "high", "low", "close", "volume"), 1)
    Candle.objects.bulk_create(
        Candle(market=market, symbol=symbol, timeframe=timeframe, start=at(minute), **prices, trades=1)
        for minute in minutes
    )


def drawn(symbol: str = "BTC/USD", **options) -> list[tuple[Presence, int, int]]:
    chart = coverage_chart("kraken", "1m", **options)
    (bar,) = [bar for bar in chart.bars if bar.series.symbol == symbol]
    return [(stretch.presence, stretch.present, stretch.expected) for stretch in bar.stretches]


def test_series_and_their_gaps_take_two_queries_however_many_there_are(django_assert_num_queries):
    for symbol in ("BTC/USD", "ETH/USD", "SOL/USD"):
        store([0, 1, 4, 5, 9], symbol)
    store([0, 60], timeframe="1h")
    store([0], market="simulated:1")

    with django_assert_num_queries(2):
        found = coverage(market="kraken")

    assert [(c.symbol, c.timeframe, c.gap_count) for c in found] == [
        ("BTC/USD", "1m", 2),
        ("BTC/USD", "1h", 0),
        ("ETH/USD", "1m", 2),
        ("SOL/USD", "1m", 2),
    ]
    assert [(gap.start, gap.end, gap.candles) for gap in found[0].gaps] == [(at(6), at(9), 3), (at(2), at(4), 2)]


def test_gaps_are_counted_even_where_none_is_asked_for():
    store([0, 2, 4])

    (series,) = coverage(longest_gaps=0)

    assert (series.gap_count, series.gaps, series.missing) == (2, [], 2)


def test_one_timeframe_can_be_asked_for():
    store([0])
    store([0], timeframe="4h")

    assert [series.timeframe for series in coverage(timeframe="4h")] == ["4h"]


def test_the_stored_symbols_of_a_market_are_its_own():
    store([0, 1, 2], "XRP/USD")
    store([0, 1], "BTC/USD")
    store([0], "ETH/USD", market="simulated:1")

    assert stored_symbols("kraken") == ["BTC/USD", "XRP/USD"]
    assert stored_symbols(None) == []


def test_nothing_stored_is_no_chart():
    assert coverage_chart("kraken", "1m") is None


def test_a_chart_shows_what_is_there_and_what_is_not():
    store([*range(10), *range(15, 20)])

    assert drawn() == [(Presence.FULL, 10, 10), (Presence.GAP, 0, 5), (Presence.FULL, 5, 5)]


def test_a_series_that_begins_later_has_no_gap_before_it():
    store(range(20), "BTC/USD")
    store(range(10, 15), "ETH/USD")

    chart = coverage_chart("kraken", "1m")

    assert (chart.start, chart.end) == (at(0), at(20))
    assert drawn("ETH/USD") == [(Presence.FULL, 5, 5)]


def test_where_buckets_are_wide_a_part_that_is_missing_shows():
    store([minute for minute in range(BUCKETS * 10) if minute != 1_001])

    chart = drawn()

    assert chart == [(Presence.FULL, 1_000, 1_000), (Presence.PARTIAL, 9, 10), (Presence.FULL, 2_990, 2_990)]


def test_the_last_bucket_of_a_chart_expects_only_what_can_be_there():
    store(range(BUCKETS * 3 + 1))

    assert drawn() == [(Presence.FULL, BUCKETS * 3 + 1, BUCKETS * 3 + 1)]


def test_a_chart_reaches_to_the_present():
    store(range(5))

    assert coverage_chart("kraken", "1m", until=at(500)).end == at(500)
    assert coverage_chart("kraken", "1m", until=at(2)).end == at(5)
