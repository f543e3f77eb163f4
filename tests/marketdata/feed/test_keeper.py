import threading

import pytest
from django.db import DataError, IntegrityError, OperationalError
from msgspec import structs

from marketdata import models, services
from marketdata.feed import keeper as keeping
from marketdata.feed.keeper import Keeper
from marketdata.feed_events import FeedEventKind, Incident
from tests.drawing import instrument
from trading.book import Side
from trading.frames import NS_PER_S, Frame, Trade
from trading.market import Market

T0 = 1_783_425_600 * NS_PER_S
XRP = instrument("XRP/USD")
pytestmark = pytest.mark.django_db(transaction=True)


def make_frame(second: float, trade_id: int = 1, **changes) -> Frame:
    time_ns = T0 + int(second * NS_PER_S)
    trades = (Trade("XRP/USD", trade_id, Side.BUY, 100, 5, time_ns - 1),)
    return Frame(sequence=time_ns // 100_000_000, time_ns=time_ns, trades=trades, **changes)


@pytest.fixture
def keeper():
    keeper = Keeper("kraken", Market())
    keeper.start()
    yield keeper
    keeper.stop(5)


def test_a_full_minute_is_written_with_its_checkpoint(keeper):
    keeper.fold([make_frame(0.1, instruments=(XRP,)), make_frame(30), make_frame(60)])

    keeper.stop(5)

    assert models.Candle.objects.get().trades == 3
    assert models.MarketCheckpoint.objects.get().sequence == make_frame(60).sequence
    assert models.Instrument.objects.get().symbol == "XRP/USD"


def test_what_is_not_a_minute_yet_waits_for_the_end(keeper):
    keeper.fold([make_frame(0.1, instruments=(XRP,)), make_frame(30)])
    keeper.wait_until_written(5)
    before = models.MarketCheckpoint.objects.count()

    keeper.checkpoint()
    keeper.checkpoint()
    keeper.stop(5)

    assert (before, models.MarketCheckpoint.objects.count()) == (0, 1)


def test_a_database_that_was_away_gets_everything_in_the_end(keeper, monkeypatch):
    monkeypatch.setattr(keeping, "RETRY_S", (0.01,))
    record, failures = services.record_incidents, iter([OperationalError("gone"), OperationalError("still gone")])

    def record_when_back(**facts):
        for failure in failures:
            raise failure
        record(**facts)

    monkeypatch.setattr(services, "record_incidents", record_when_back)

    keeper.note([Incident(T0, FeedEventKind.CONNECT, "", "first")])
    keeper.note([Incident(T0 + 1_000, FeedEventKind.DISCONNECT, "", "second")])
    keeper.wait_until_written(5)

    kinds = models.FeedEvent.objects.order_by("time").values_list("kind", flat=True)
    assert list(kinds) == ["connect", "disconnect"]


def test_a_database_that_stays_away_does_not_hold_up_the_end(keeper, monkeypatch):
    is_asked = threading.Event()

    def refuse(**_facts):
        is_asked.set()
        raise OperationalError("gone")

    monkeypatch.setattr(services, "record_incidents", refuse)
    keeper.note([Incident(T0, FeedEventKind.CONNECT, "", "")])
    is_asked.wait(5)

    assert keeper.stop(5)
    assert not models.FeedEvent.objects.exists()


@pytest.mark.parametrize("error", [IntegrityError("a second one"), DataError("too long"), ValueError("a NUL")])
def test_a_write_that_is_refused_for_good_is_left_out_and_holds_up_nothing(keeper, monkeypatch, caplog, error):
    monkeypatch.setattr(keeping, "RETRY_S", (0.01,))
    record, tries = services.record_incidents, []

    def refuse_the_first(*, market, incidents):
        if incidents[0].detail == "first":
            tries.append(error)
            raise error
        record(market=market, incidents=incidents)

    monkeypatch.setattr(services, "record_incidents", refuse_the_first)

    keeper.note([Incident(T0, FeedEventKind.CONNECT, "", "first")])
    keeper.note([Incident(T0 + 1_000, FeedEventKind.DISCONNECT, "", "second")])
    keeper.wait_until_written(5)

    assert models.FeedEvent.objects.get().kind == "disconnect"
    assert len(tries) == keeping.TRIES_IF_REFUSED
    (logged,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert logged.getMessage() == "a write was refused 3 times and is left out"
    assert logged.exc_info[1] is error


def test_what_the_stream_lost_since_the_last_checkpoint_is_a_gap_not_flat_candles(keeper):
    keeper.fold([make_frame(0.1, instruments=(XRP,))])

    keeper.catch_up(
        structs.replace(make_frame(300 + tenth / 10), trades=(), is_keyframe=tenth % 50 == 0)
        for tenth in range(2, 1202)
    )
    keeper.stop(5)

    minutes = [candle.start.minute for candle in models.Candle.objects.order_by("start")]
    assert minutes == [6]
