from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from marketdata import models
from marketdata.feed_events import FeedEventKind, Incident
from marketdata.selectors import candles_of, market_at
from marketdata.services import KEPT_CHECKPOINTS, ClosedMinute, record_incidents, record_instruments, record_minute
from tests.drawing import instrument
from trading.book import Side
from trading.candles import MINUTE_NS, Candle, Closed
from trading.frames import NS_PER_S, Frame, Gap, Trade
from trading.market import Market

pytestmark = pytest.mark.django_db
T0 = 1_783_425_600 * NS_PER_S
START = datetime(2026, 7, 7, 12, tzinfo=UTC)
XRP = instrument("XRP/BTC", price_decimals=8, qty_decimals=8)


def make_frame(second: float, *prints: tuple[int, int], **changes) -> Frame:
    """Return the frame that closes at ``second``; prints are (ticks, lots)."""
    time_ns = T0 + int(second * NS_PER_S)
    first_id = time_ns // 1_000_000
    numbered = enumerate(prints, start=first_id)
    trades = tuple(Trade("XRP/BTC", number, Side.BUY, ticks, lots, time_ns - 1) for number, (ticks, lots) in numbered)
    return Frame(sequence=time_ns // 100_000_000, time_ns=time_ns, trades=trades, **changes)


def recorded(market: Market, *frames: Frame) -> ClosedMinute:
    """Fold frames, and write and return the minute that they make."""
    closed = [(known, frame.sequence) for frame in frames for known in market.fold(frame)]
    instruments = market.snapshot().instruments
    minute = ClosedMinute(market.sequence, market.time_ns, tuple(closed), instruments, market.checkpoint())
    record_minute(market="kraken", minute=minute)
    return minute


def two_minutes() -> Market:
    market = Market()
    recorded(
        market, make_frame(0.1, (1774, 100_000_000), instruments=(XRP,)), make_frame(30, (1776, 5)), make_frame(60)
    )
    recorded(market, make_frame(60.1, (1775, 7)), make_frame(120))
    return market


def test_a_candle_is_stored_exactly():
    two_minutes()

    second, first = candles_of("kraken", "XRP/BTC")
    assert (first.start, first.trades) == (START, 2)
    assert (first.open, first.high, first.low, first.close) == (
        Decimal("0.00001774"),
        Decimal("0.00001776"),
        Decimal("0.00001774"),
        Decimal("0.00001776"),
    )
    assert first.volume == Decimal("1.00000005")
    assert second.start == START + timedelta(minutes=1)


def test_a_minute_written_twice_is_one_minute():
    minute = recorded(Market(), make_frame(0.1, (1774, 1), instruments=(XRP,)), make_frame(60))

    record_minute(market="kraken", minute=minute)

    assert (models.Candle.objects.count(), models.MarketCheckpoint.objects.count()) == (1, 1)


def test_a_closed_candle_is_never_rewritten():
    minute = recorded(Market(), make_frame(0.1, (1774, 1), instruments=(XRP,)), make_frame(60))
    other = Candle(T0, 1, 1, 1, 1, 1, 1)

    candles = ((Closed("XRP/BTC", other), 1),)
    record_minute(market="kraken", minute=ClosedMinute(1, T0, candles, minute.instruments, b""))

    assert candles_of("kraken", "XRP/BTC")[0].open == Decimal("0.00001774")


def test_only_the_newest_checkpoints_are_kept():
    market = Market()
    market.fold(make_frame(0.1, (1774, 1), instruments=(XRP,)))
    for number in range(KEPT_CHECKPOINTS + 5):
        recorded(market, make_frame(60 * (number + 1)))

    kept = models.MarketCheckpoint.objects.filter(market="kraken")

    assert kept.count() == KEPT_CHECKPOINTS
    assert kept.order_by("sequence").first().time == START + timedelta(minutes=6)


def test_a_market_is_restored_with_its_candles():
    market = two_minutes()

    restored, sequence = market_at("kraken", None)

    assert sequence == market.sequence
    assert restored.checkpoint() == market.checkpoint()
    series = restored.snapshot().candles("XRP/BTC", "1m")
    assert list(series) == list(market.snapshot().candles("XRP/BTC", "1m"))


def test_a_market_is_restored_as_it_was_at_or_before_a_frame():
    two_minutes()
    first = make_frame(60).sequence

    restored, sequence = market_at("kraken", make_frame(90).sequence)

    assert sequence == first
    assert len(restored.snapshot().candles("XRP/BTC", "1m")) == 1


@pytest.mark.parametrize("market", ["kraken", "simulated:1"])
def test_where_nothing_was_saved_the_market_is_empty(market):
    two_minutes()

    restored, sequence = market_at(market, 1)

    assert (sequence, restored.sequence, restored.snapshot().instruments) == (0, 0, {})


def test_a_gap_leaves_no_candle_in_the_database():
    market = Market()
    gap = Gap(T0 + 30 * NS_PER_S, T0 + 10 * MINUTE_NS, "the feed was not running")
    recorded(market, make_frame(0.1, (1774, 1), instruments=(XRP,)), make_frame(600.1, gap=gap), make_frame(660))

    starts = [candle.start for candle in candles_of("kraken", "XRP/BTC")]

    assert starts == [START + timedelta(minutes=10)]


def test_the_newest_rules_of_a_pair_replace_the_old():
    record_instruments(market="kraken", instruments=[XRP])
    halted = instrument("XRP/BTC", price_decimals=8, qty_decimals=8, status="cancel_only")

    record_instruments(market="kraken", instruments=[halted])

    (row,) = models.Instrument.objects.all()
    assert (row.status, row.price_increment) == ("cancel_only", Decimal("0.00000001"))


def test_whatever_came_off_the_wire_can_be_stored_as_an_incident():
    nasty = "null \x00, half a pair \ud800, " + "long " * 1_000

    record_incidents(market="kraken", incidents=[Incident(T0, FeedEventKind.BAD_FRAME, "XRP\x00/BTC", nasty)])

    (row,) = models.FeedEvent.objects.all()
    assert row.symbol == "XRP\\x00/BTC"
    assert row.detail.startswith("null \\x00, half a pair \\ud800, long")
    assert len(row.detail) == 500


def test_an_event_that_recurs_is_counted_on_its_row():
    first = Incident(T0, FeedEventKind.RECORDING, "", "no space left")
    again = Incident(T0, FeedEventKind.RECORDING, "", "no space left", count=81, until_ns=T0 + 800 * 10**9)

    record_incidents(market="kraken", incidents=[first])
    record_incidents(market="kraken", incidents=[again])
    record_incidents(market="simulated:1", incidents=[again])

    row = models.FeedEvent.objects.get(market="kraken")
    assert (row.count, (row.until - row.time).total_seconds()) == (81, 800.0)
    assert models.FeedEvent.objects.get(market="simulated:1").count == 81
