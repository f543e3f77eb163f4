"""The simulated exchange's past: candles and prints at once are those that its socket sends one by one."""

from __future__ import annotations

import time

import pytest

from marketdata.simulation.market import SimulatedMarket
from marketdata.simulation.pairs import PAIRS
from marketdata.simulation.past import Past
from marketdata.simulation.prints import PrintMaker
from trading.book import Side
from trading.candles import MINUTE_NS, Candle
from trading.minutes import CandleBuilder

NOON_MINUTE = 1_783_425_600 // 60  # 2026-07-07T12:00:00Z
MINUTES = [NOON_MINUTE, NOON_MINUTE + 7_777, NOON_MINUTE - 1_000_003]


def sent_prints(market: SimulatedMarket, symbol: str, first_minute: int, count: int) -> list:
    """Return the prints of some minutes as the socket sends them."""
    return market.trades(symbol, first_minute * MINUTE_NS - 1, (first_minute + count) * MINUTE_NS - 1)


def built(market: SimulatedMarket, symbol: str, first_minute: int, count: int) -> list[Candle]:
    """Return the minutes that a feed builds of them."""
    builder = CandleBuilder()
    closed = [
        c
        for t in sent_prints(market, symbol, first_minute, count)
        for c in builder.add(t.trade_id, t.time_ns, t.ticks, t.lots)[0]
    ]
    return closed + builder.close_until((first_minute + count) * MINUTE_NS)


@pytest.mark.parametrize("symbol", PAIRS)
@pytest.mark.parametrize("seed", [1, 7])
def test_many_prints_at_once_are_the_prints_that_the_socket_sends(symbol: str, seed: int) -> None:
    market = SimulatedMarket(seed)
    maker = PrintMaker(market.pairs[symbol], market.prices, seed)

    for minute in MINUTES:
        columns = maker.of_minutes(minute, 3)

        at_once = list(zip(*(column.tolist() for column in columns), strict=True))
        one_by_one = sent_prints(market, symbol, minute, 3)
        assert at_once == [(t.trade_id, t.time_ns, t.side is Side.BUY, t.ticks, t.lots) for t in one_by_one]


@pytest.mark.parametrize("symbol", PAIRS)
def test_past_minutes_are_those_that_a_feed_builds_from_the_prints(symbol: str) -> None:
    market = SimulatedMarket(1)
    past = Past(market, symbol)

    for minute in MINUTES:
        # Across the border of what is computed at once.
        first = minute // 240 * 240 - 2
        assert past.candles(first, 5, 1) == built(market, symbol, first, 5)


def test_longer_candles_are_made_of_their_minutes() -> None:
    past = Past(SimulatedMarket(1), "XRP/BTC")
    first = NOON_MINUTE // 60 * 60

    (hour,) = past.candles(first, 1, 60)

    minutes = past.candles(first, 60, 1)
    assert (hour.start_ns, hour.open, hour.close) == (first * MINUTE_NS, minutes[0].open, minutes[-1].close)
    assert (hour.high, hour.low) == (max(m.high for m in minutes), min(m.low for m in minutes))
    assert (hour.volume, hour.trades) == (sum(m.volume for m in minutes), 60 * 12)


def test_the_forming_candle_is_what_has_been_printed_so_far() -> None:
    market, start_ns = SimulatedMarket(1), NOON_MINUTE * MINUTE_NS
    past, now_ns = Past(market, "BTC/USD"), start_ns + 3 * MINUTE_NS + 20_000_000_000

    candle = past.forming(start_ns, now_ns)

    prints = market.trades("BTC/USD", start_ns - 1, now_ns)
    ticks = [t.ticks for t in prints]
    volume = sum(t.lots for t in prints)
    assert candle == Candle(start_ns, ticks[0], max(ticks), min(ticks), ticks[-1], volume, len(prints))
    assert past.forming(start_ns, start_ns) is None


def test_twelve_hours_of_four_pairs_take_about_a_second() -> None:
    market = SimulatedMarket(1)
    pasts = [Past(market, symbol) for symbol in PAIRS]

    began = time.perf_counter()
    candles = [past.candles(NOON_MINUTE, 720, 1) for past in pasts]
    took_s = time.perf_counter() - began

    assert [len(minutes) for minutes in candles] == [720] * 4
    assert took_s < 5  # 0.5 s on an idle machine
