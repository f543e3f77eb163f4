"""The last day of a pair, from its stored candles."""

from datetime import timedelta
from decimal import Decimal

import pytest

from marketdata.history.day import day_figures
from tests.listening import store
from tests.rows import MARKET, NOON

pytestmark = pytest.mark.django_db


def day(now=NOON):
    return day_figures(MARKET, ["BTC/USD"], now).get("BTC/USD")


def test_a_day_of_candles_gives_its_range_volume_and_change():
    store([100] * 23 + [110], timeframe="1h")

    found = day()

    assert (found.timeframe, found.present, found.missing, found.is_whole) == ("1h", 24, 0, True)
    assert (found.high, found.low) == (Decimal(111), Decimal(99))
    assert (found.volume, found.value) == (Decimal(48), Decimal(2 * (2300 + 110)))
    assert found.change_pct(Decimal(125)) == Decimal(25)


def test_the_shortest_candles_that_reach_back_a_day_are_taken():
    store([100] * 30)
    store([50] * 300, timeframe="5m")
    store([70] * 30, timeframe="1h")

    assert day().timeframe == "5m"


def test_candles_that_do_not_reach_back_a_day_show_no_change():
    store([100] * 30)
    store([50] * 20, timeframe="5m")

    found = day()

    assert (found.timeframe, found.is_whole) == ("5m", False)
    assert found.first == NOON - timedelta(minutes=100)
    assert found.change_pct(Decimal(125)) is None


def test_candles_that_are_missing_are_counted():
    store([100] * 10 + [0] * 4 + [100] * 10, timeframe="1h")

    assert day().missing == 3  # of the four, one might be forming


def test_older_candles_are_no_part_of_it():
    store([100] * 30, timeframe="1h", end=NOON - timedelta(days=2))

    assert day() is None
