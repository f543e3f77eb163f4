"""The client reads the markets of the real site."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from paddock_client import NotFound, Refused
from strategies.deployments.fee_schedules import add_fee_schedule
from tests.listening import ReceivedMarket, forget_all, list_pair, store
from tests.rows import NOON, enter, fill, open_season, quote, run_feed

pytestmark = pytest.mark.django_db(transaction=True)
BOOK = """
    640003 x 30
    640001 x 20
    ---
    640000 x 10
    639998 x 15
"""


@pytest.fixture(autouse=True)
def season():
    forget_all()
    run_feed(market_time=NOON.isoformat(), symbols={"BTC/USD": quote("64000.0", "64000.1")})
    list_pair()
    yield open_season()
    forget_all()


def test_a_pair_is_read_with_its_quote_its_rules_and_its_fees(site):
    (listed,) = site.markets()
    market = site.market("BTC/USD")

    assert (listed.symbol, listed.bid, listed.spread) == ("BTC/USD", 64_000, Decimal("0.1"))
    assert (market.price_increment, market.cost_min) == (Decimal("0.1"), Decimal("0.5"))
    assert market.fee_schedules[0].tiers[0].taker_bps == 40
    assert market.small_account.least_usd == Decimal("6.41")
    assert [instrument.symbol for instrument in site.instruments()] == ["BTC/USD"]


def test_book_and_tape_are_read_exactly(site):
    ReceivedMarket().tell(BOOK, trades="sell 640000 x 60")

    book = site.book("BTC/USD", levels=1)
    tape = site.tape("BTC/USD")

    assert [(rung.price, rung.qty) for rung in book.asks] == [(Decimal("64000.1"), Decimal("0.002"))]
    assert book.mid == Decimal("64000.05")
    assert [(each.side, each.qty) for each in tape.prints] == [("sell", Decimal("0.006"))]


def test_the_leagues_fills_on_a_pair_are_read_with_whose_they_were(site, season):
    fill(enter(season, "alpha"), 1)
    fill(enter(season, "bravo"), 2)

    assert [each.deployment for each in site.market_fills("BTC/USD")] == ["bravo", "alpha"]
    assert [each.sequence for each in site.market_fills("BTC/USD", deployment="alpha")] == [1]


def test_candles_and_what_is_computed_of_them_are_read_oldest_first(site):
    store([100, 101, 103], timeframe="5m")

    candles = site.candles("BTC/USD", "5m", limit=2)
    average = site.indicator("BTC/USD", "sma", timeframe="5m", period=2)

    assert [candle.close for candle in candles] == [101, 103]
    assert candles[1].start - candles[0].start == timedelta(minutes=5)
    assert list(average.lines.values()) == [[None, 100.5, 102]]
    assert site.candles("BTC/USD", "5m", before=candles[1].start)[-1].close == 101


def test_what_is_not_known_of_a_market_is_refused_with_what_there_is(site):
    with pytest.raises(NotFound, match="BTC-USD"):
        site.market("DOGE/USD")
    with pytest.raises(Refused, match=r"symbol is 'DOGE/USD'; expected one of BTC/USD"):
        site.candles("DOGE/USD")


def test_the_figures_of_the_feed_are_read(site):
    feed = site.feed()

    assert (feed.connected, feed.source, feed.last_frame_age_s is not None) == (True, "simulated", True)
    assert feed.symbols["BTC/USD"].ask == Decimal("64000.1")
    assert feed.connections.limit > 0


def test_what_the_processes_do_is_read_with_what_to_do_about_it(site):
    system = site.system()

    assert (system.tone, system.causes[0].code) == ("bad", "no-worker")
    assert "manage.py run_worker" in system.causes[0].do
    assert system.database.bytes > 0
    assert system.redis.clients > 0


def test_the_schedules_of_fees_are_read_with_where_they_come_from(site):
    add_fee_schedule(name="broker-2026-01", valid_from=NOON.date(), tiers=[["0", "0.1", "0.05"]], by="ann")

    own, published = site.fee_schedules()

    assert (own.name, own.family, own.valid_from, own.is_own, own.added_by) == (
        "broker-2026-01", "broker", NOON.date(), True, "ann"
    )  # fmt: skip
    assert (own.tiers[0].taker_bps, own.tiers[0].maker_bps) == (10, 5)
    assert (published.family, published.is_own) == ("kraken-spot", False)
